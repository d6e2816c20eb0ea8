#include "bench.h"

PROG { u32 a = 0, b = 1; for (u32 i = 0; i < 300 + mem[0]; i++) { u32 t = a + b; a = b; b = t; } return a; }
