#include "bench.h"

PROG { s32 m = 0x7fffffff; s32 *w = (s32 *)mem; for (u64 i = 0; i < len / 4; i++) m = w[i] < m ? w[i] : m; return m; }
