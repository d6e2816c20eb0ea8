#include "../runbpf.h"

u64 counter = 40;
u32 flags = 0xf0;

SEC("tcmd/atomics")
u64 atomics(int argc)
{
	u64 before = __sync_fetch_and_add(&counter, 2);
	u32 set = __sync_fetch_and_or(&flags, argc);
	u32 cleared = __sync_fetch_and_and(&flags, 0x3f);
	u32 flipped = __sync_fetch_and_xor(&flags, 0xff);
	u64 swapped = __sync_lock_test_and_set(&counter, 7);

	__sync_fetch_and_add(&flags, 1); /* result unused: the instruction without fetch */
	printf("add: %lu, or: 0x%x, and: 0x%x, xor: 0x%x\n", before, set, cleared, flipped);
	printf("swap: %lu, flags: 0x%x\n", swapped, flags);
	if (__sync_val_compare_and_swap(&counter, 7, 100) != 7)
		return 1;
	return __sync_val_compare_and_swap(&counter, 7, 200);
}
