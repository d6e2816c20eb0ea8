#include "bench.h"

PROG { u64 s = 0; for (u64 i = 0; i + 8 <= len; i += 8) s += __builtin_popcountll(*(u64 *)(mem + i)); return s; }
