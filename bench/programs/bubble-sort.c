#include "bench.h"

PROG { u64 n = len < 64 ? len : 64; for (u64 i = 0; i < n; i++) for (u64 j = 0; j + 1 < n - i; j++) if (mem[j] > mem[j + 1]) { u8 t = mem[j]; mem[j] = mem[j + 1]; mem[j + 1] = t; } return mem[0] | mem[n / 2] << 8 | mem[n - 1] << 16; }
