#include "bench.h"

PROG { u64 s = 0; for (u64 i = 0; i + 8 <= len; i += 8) { u32 a = *(u32 *)(mem + i), b = *(u32 *)(mem + i + 4) >> 20 | 1; s += a / b + a % b; } return s; }
