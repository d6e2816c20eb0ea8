#include "bench.h"

PROG { u32 s = 0; u32 *w = (u32 *)mem; for (u32 i = 0; i < len / 4; i++) s += w[i]; return s; }
