#include "bench.h"

PROG { u32 m = 0; u32 *w = (u32 *)mem; for (u64 i = 0; i < len / 4; i++) if (w[i] > m) m = w[i]; return m; }
