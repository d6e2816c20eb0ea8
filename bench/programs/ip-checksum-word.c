#include "bench.h"

PROG { u64 s = 0; for (u64 i = 0; i + 2 <= len; i += 2) s += *(u16 *)(mem + i); while (s >> 16) s = (s & 0xffff) + (s >> 16); return (u16)~s; }
