#include "../runbpf.h"

typedef u64 operation(u64 a, u64 b);

static NOINLINE u64 add(u64 a, u64 b) { return a + b; }
static NOINLINE u64 subtract(u64 a, u64 b) { return a - b; }
static NOINLINE u64 multiply(u64 a, u64 b) { return a * b; }

/* A table in .data: the loader relocates it, and a program can change it. */
struct entry {
	const char *name;
	operation *run;
};
struct entry table[] = { { "add", add }, { "subtract", subtract }, { "multiply", multiply } };

SEC("tcmd/function-pointers")
u64 function_pointers(u32 argc)
{
	/* A table on the stack, from which the number of arguments chooses; volatile, or clang makes branches of it. */
	operation *volatile local[3] = { subtract, multiply, add };
	u64 result = 0;

	for (u32 i = 0; i < 3; i++) {
		printf("%s(12, 3) = %lu\n", table[i].name, table[i].run(12, 3));
		result = result * 100 + local[(argc + i) % 3](12, 3);
	}
	return result;
}
