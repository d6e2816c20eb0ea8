#include "bench.h"

PROG { u64 n = 27 + mem[0], steps = 0; while (n != 1) { n = n & 1 ? 3 * n + 1 : n >> 1; steps++; } return steps; }
