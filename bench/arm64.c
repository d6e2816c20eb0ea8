/* Calls a program once, or not at all (N = 0), without a C library: every instruction counts. */

typedef unsigned char u8;
typedef unsigned long long u64;

extern u8 memory[], memory_end[];
void leave(void);

#ifdef IMAGE
extern u64 program(u8 *memory, u64 length, u64 r3, u64 r4, u64 r5, void **got);
#define CALL program(memory, (u64)(memory_end - memory), 0, 0, 0, 0)
#else
extern u64 prog(u8 *memory, u64 length);
#define CALL prog(memory, (u64)(memory_end - memory))
#endif

void _start(void)
{
#if N
	CALL;
#endif
	leave();
}

void *memset(void *to, int value, u64 size)
{
	for (u64 i = 0; i < size; i++)
		((volatile u8 *)to)[i] = value;
	return to;
}

__asm__(".text\nleave: mov x8, #93\nmov x0, #0\nsvc #0\n"
	".pushsection .data\n.balign 16\n.globl memory, memory_end\n"
	"memory: .incbin \"" MEMORY "\"\nmemory_end:\n.popsection\n");
#ifdef IMAGE
__asm__(".text\n.balign 16\n.globl program\nprogram: .incbin \"" IMAGE "\"\n.balign 16\n");
#endif
