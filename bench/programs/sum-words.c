#include "bench.h"

PROG { u64 s = 0; u64 *w = (u64 *)mem; for (u64 i = 0; i < len / 8; i++) s += w[i]; return s; }
