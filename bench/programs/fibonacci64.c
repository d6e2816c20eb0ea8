#include "bench.h"

PROG { u64 a = 0, b = 1; for (u64 i = 0; i < 300; i++) { u64 t = a + b + mem[i & 15]; a = b; b = t; } return a; }
