#include "bench.h"

PROG { u64 s = 0; for (u64 i = 0; i + 8 <= len; i += 8) { u32 a = mem[i] | mem[i + 1] << 8 | mem[i + 2] << 16 | (u32)mem[i + 3] << 24; u32 b = mem[i + 4] | mem[i + 5] << 8; s += a * (u64)b; } return s; }
