/* What the programs share: one function over a piece of memory, for eBPF and for the host's own compiler. */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;

#define PROG __attribute__((section("bpfmain"), used)) u64 prog(u8 *mem, u64 len)
#define NOINLINE __attribute__((noinline))
