#include "bench.h"

PROG { u64 s = 0; for (u64 i = 0; i + 4 <= len; i += 4) { u32 x = *(u32 *)(mem + i) >> (mem[i] & 31); u32 n = 0; if (!(x & 0xffff0000)) { n += 16; x <<= 16; } if (!(x & 0xff000000)) { n += 8; x <<= 8; } if (!(x & 0xf0000000)) { n += 4; x <<= 4; } if (!(x & 0xc0000000)) { n += 2; x <<= 2; } s += n + !(x & 0x80000000); } return s; }
