#include "../runbpf.h"

/* One instance has one .data and one .bss; all instances of a file share its code and its .rodata. */
static const u32 weights[4] = { 1, 10, 100, 1000 }; /* .rodata */
u64 total = 5000;                                   /* .data */
u64 runs;                                           /* .bss */
u32 history[8];                                     /* .bss */
const char *greeting = "total";                     /* .data: a pointer to .rodata, relocated at load */
u64 *watched = &total;                              /* .data: a pointer to .data */

SEC("tcmd/globals")
u64 globals(int argc)
{
	for (int i = 0; i < 4; i++) {
		history[i] = weights[(argc + i) & 3] * (i + 1);
		total += history[i];
	}
	runs++;
	printf("run %lu: %s is %lu\n", runs, greeting, *watched);
	return total;
}
