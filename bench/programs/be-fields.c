#include "bench.h"

PROG { u64 s = 0; for (u64 i = 0; i + 14 <= len; i += 14) { u32 a = mem[i] << 24 | mem[i + 1] << 16 | mem[i + 2] << 8 | mem[i + 3]; u16 b = mem[i + 4] << 8 | mem[i + 5]; u64 c = (u64)mem[i + 6] << 56 | (u64)mem[i + 7] << 48 | (u64)mem[i + 8] << 40 | (u64)mem[i + 9] << 32 | (u64)mem[i + 10] << 24 | mem[i + 11] << 16 | mem[i + 12] << 8 | mem[i + 13]; s += a ^ b ^ c; } return s; }
