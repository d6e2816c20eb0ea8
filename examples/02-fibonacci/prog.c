#include "../runbpf.h"

/* The n-th Fibonacci number, modulo 2^64. */
SEC("tcmd/fibonacci")
u64 fibonacci(int argc, char **argv)
{
	u32 n = argc > 1 ? atoi(argv[1]) : 10;
	u64 a = 0, b = 1;

	for (u32 i = 0; i < n; i++) {
		u64 next = a + b;

		a = b;
		b = next;
	}
	return a;
}
