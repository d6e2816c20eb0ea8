#include "bench.h"

PROG { u32 x = 1; u64 y = 2; for (u64 i = 0; i < len; i++) { u32 c = mem[i]; x = (x << (c & 31) | x >> (-c & 31)) + c; y = (y << (c & 63) | y >> (-c & 63)) ^ c; } return x ^ y; }
