#include "bench.h"

PROG { u32 *w = (u32 *)mem; for (u64 i = 0; i < len / 4; i++) w[i] = 0x01020304; return w[3]; }
