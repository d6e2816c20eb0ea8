#include "bench.h"

PROG { u64 s = 0; for (u64 i = 0; i + 8 <= len; i += 8) { u64 x = *(u64 *)(mem + i); u32 y = x; s += x / 10 + x % 1000 + y / 7 + y % 60 + x / 3; } return s; }
