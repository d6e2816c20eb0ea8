#include "bench.h"

PROG { u32 a = len, b = 1; u64 c = 3; s32 d = -5; for (u64 i = 0; i < len; i++) { a = a * 3 + mem[i]; b ^= a >> 3; c += (u64)b << (i & 7); d += (s8)mem[i]; c ^= (s64)d; } return c + a + b + d; }
