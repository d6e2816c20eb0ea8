#include "bench.h"

PROG { s64 s = 0; s32 *w = (s32 *)mem; for (u64 i = 0; i < len / 4; i++) { s32 v = w[i] >> 16; v = v < -1000 ? -1000 : v > 1000 ? 1000 : v; s += v; } return s; }
