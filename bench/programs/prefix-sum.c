#include "bench.h"

PROG { u32 *w = (u32 *)mem; for (u64 i = 1; i < len / 4; i++) w[i] += w[i - 1]; return w[len / 4 - 1]; }
