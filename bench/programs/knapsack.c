#include "bench.h"

/* The best value of things that weigh up to 96 together: one row, filled in from its end. */
PROG {
	u32 best[97];
	for (u32 w = 0; w <= 96; w++)
		best[w] = 0;
	for (u64 i = 0; i + 2 <= len && i < 32; i += 2) {
		u32 weight = (mem[i] & 31) + 1, value = mem[i + 1];
		for (s32 w = 96; w >= (s32)weight; w--) {
			u32 with = best[w - weight] + value;
			if (with > best[w])
				best[w] = with;
		}
	}
	return best[96];
}
