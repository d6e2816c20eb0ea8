#include "bench.h"

PROG { for (u64 i = 0, j = len - 1; i < j; i++, j--) { u8 t = mem[i]; mem[i] = mem[j]; mem[j] = t; } return mem[0]; }
