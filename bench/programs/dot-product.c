#include "bench.h"

PROG { s64 s = 0; s32 *w = (s32 *)mem; u64 n = len / 8; for (u64 i = 0; i < n; i++) s += (s64)w[i] * w[n + i]; return s; }
