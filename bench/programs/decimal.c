#include "bench.h"

PROG { u64 s = 0; for (u64 i = 0; i + 4 <= len; i += 4) { u32 x = *(u32 *)(mem + i); do { s += x % 10; x /= 10; } while (x); } return s; }
