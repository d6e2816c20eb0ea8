#include "bench.h"

PROG { s64 s = 0; for (u64 i = 0; i + 8 <= len; i += 8) { s64 x = *(s64 *)(mem + i); s32 y = x; s += (x < 0 ? -(s64)((u64)-x / 10) : x / 10) + (y < 0 ? -((u32)-y / 7) : (u32)y / 7); } return s; }
