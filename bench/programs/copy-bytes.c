#include "bench.h"

PROG { u64 half = len / 2; for (u64 i = 0; i < half; i++) mem[half + i] = mem[i]; return mem[len - 1]; }
