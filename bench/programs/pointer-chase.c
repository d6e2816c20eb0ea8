#include "bench.h"

PROG { u64 i = 0, s = 0; for (int k = 0; k < 500; k++) { i = mem[i & 255] + (s & 3); s += i; } return s; }
