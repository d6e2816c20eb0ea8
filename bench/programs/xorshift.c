#include "bench.h"

PROG { u64 x = 88172645463325252ull + mem[0], s = 0; for (int i = 0; i < 1000; i++) { x ^= x << 13; x ^= x >> 7; x ^= x << 17; s += x; } return s; }
