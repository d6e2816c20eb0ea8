#include "bench.h"

PROG { u64 r = 0; for (u32 k = 0; k + 8 <= len && k < 256; k += 8) { u32 a = *(u32 *)(mem + k) | 1, b = *(u32 *)(mem + k + 4) | 1; while (b) { u32 t = a % b; a = b; b = t; } r += a; } return r; }
