#include "bench.h"

PROG { u32 count = 0; for (u32 n = 3; n < 400; n += 2) { u32 d = 3; for (; d * d <= n; d += 2) if (n % d == 0) break; count += d * d > n; } return count + mem[0]; }
