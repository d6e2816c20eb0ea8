#include "../runbpf.h"

/* Static functions that clang does not inline become BPF sub-programs, each with its own 512-byte stack frame. */
static NOINLINE u64 gcd(u64 a, u64 b)
{
	while (b) {
		u64 rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static NOINLINE u64 lcm(u64 a, u64 b)
{
	return a / gcd(a, b) * b;
}

static NOINLINE u64 lcm_of(const u32 *numbers, u32 count)
{
	u64 result = 1;

	for (u32 i = 0; i < count; i++)
		result = lcm(result, numbers[i]);
	return result;
}

SEC("tcmd/subprograms")
u64 subprograms(int argc)
{
	u32 numbers[12];

	for (u32 i = 0; i < 12; i++)
		numbers[i] = i + argc;
	printf("gcd(84, 36) = %lu, lcm of %u to %u:\n", gcd(84, 36), numbers[0], numbers[11]);
	return lcm_of(numbers, 12);
}
