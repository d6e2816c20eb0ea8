#include "bench.h"

PROG { u64 s = 0; for (u64 i = 0; i + 8 <= len && i < 128; i += 8) { u64 x = *(u64 *)(mem + i) >> 8, r = 0, b = 1ull << 60; while (b > x) b >>= 2; while (b) { if (x >= r + b) { x -= r + b; r = (r >> 1) + b; } else r >>= 1; b >>= 2; } s += r; } return s; }
