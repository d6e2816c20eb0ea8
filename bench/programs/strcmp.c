#include "bench.h"

PROG { u64 half = len / 2, i = 0; while (i < half && mem[i] == mem[half + i]) i++; return i < half ? mem[i] - mem[half + i] : 0; }
