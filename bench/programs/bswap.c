#include "bench.h"

PROG { u64 s = 0; for (u64 i = 0; i + 8 <= len; i += 8) s += __builtin_bswap64(*(u64 *)(mem + i)) ^ __builtin_bswap32(*(u32 *)(mem + i)); return s; }
