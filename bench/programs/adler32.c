#include "bench.h"

PROG { u32 a = 1, b = 0; for (u64 i = 0; i < len; i++) { a = (a + mem[i]) % 65521; b = (b + a) % 65521; } return b << 16 | a; }
