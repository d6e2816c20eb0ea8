/* Programs that are compiled for BPF and natively, and must agree: no undefined behaviour, nothing but mem[0 … len - 1]. */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef signed char s8;
typedef signed short s16;
typedef signed int s32;
typedef signed long s64;

#define NOINLINE __attribute__((noinline))
/* With a constant size these become loads and stores. */
#define copy __builtin_memcpy
#define fill __builtin_memset

/* With any size: calls (clang refuses its own for BPF, so these are declared under other names). */
extern void *copy_any(void *to, const void *from, u64 size) __asm__("memcpy");
extern void *fill_any(void *to, int byte, u64 size) __asm__("memset");
extern void *move_any(void *to, const void *from, u64 size) __asm__("memmove");
extern int compare_any(const void *a, const void *b, u64 size) __asm__("memcmp");

#ifdef __bpf__
#define PROG(name) __attribute__((section("prog/" #name), used)) u64 name(u8 *mem, u64 len)
#else
#define PROG(name) u64 prog_##name(u8 *mem, u64 len)
#endif

static inline u16 get16(const u8 *at) { u16 x; copy(&x, at, 2); return x; }
static inline u32 get32(const u8 *at) { u32 x; copy(&x, at, 4); return x; }
static inline u64 get64(const u8 *at) { u64 x; copy(&x, at, 8); return x; }
static inline void put16(u8 *at, u16 x) { copy(at, &x, 2); }
static inline void put32(u8 *at, u32 x) { copy(at, &x, 4); }
static inline void put64(u8 *at, u64 x) { copy(at, &x, 8); }

/* Signed division is an instruction from v4 on; before, clang refuses it. */
#if defined(__bpf__) && !defined(__BPF_FEATURE_SDIV_SMOD)
static inline u64 size_of(s64 x) { return x < 0 ? -(u64)x : (u64)x; }
static inline s64 sdiv(s64 a, s64 b)
{
	u64 q = size_of(a) / size_of(b);
	return (a < 0) != (b < 0) ? -q : q;
}
static inline s64 smod(s64 a, s64 b)
{
	u64 r = size_of(a) % size_of(b);
	return a < 0 ? -r : r;
}
#define SDIV32(a, b) ((s32)sdiv(a, b))
#define SMOD32(a, b) ((s32)smod(a, b))
#else
static inline s64 sdiv(s64 a, s64 b) { return a / b; }
static inline s64 smod(s64 a, s64 b) { return a % b; }
#define SDIV32(a, b) ((s32)(a) / (s32)(b))
#define SMOD32(a, b) ((s32)(a) % (s32)(b))
#endif
