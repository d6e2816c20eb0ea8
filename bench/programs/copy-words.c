#include "bench.h"

PROG { u64 half = len / 16; u64 *w = (u64 *)mem; for (u64 i = 0; i < half; i++) w[half + i] = w[i]; return mem[len - 1]; }
