#include "bench.h"

PROG { u64 s = 0, half = len / 2; for (u64 i = 0; i < half; i++) { s32 d = mem[i] - mem[half + i]; s += d < 0 ? -d : d; } return s; }
