#include "bench.h"

PROG { u32 s = 0; for (u64 i = 0; i + 4 <= len; i += 4) { u32 v = *(u32 *)(mem + i) >> 6; u32 t = s + v; s = t < s ? 0xffffffff : t; if (s > 0x7fffffff) s -= 0x70000000; } return s; }
