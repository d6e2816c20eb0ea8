#include "bench.h"

PROG { u32 s = 0; for (u64 i = 0; i + 2 <= len; i += 2) s += mem[i] << 8 | mem[i + 1]; s = (s & 0xffff) + (s >> 16); s += s >> 16; return (u16)~s; }
