#include "bench.h"

PROG { u64 s = 0; for (u64 i = 0; i < len; i++) { u32 c = mem[i], v; if (c - '0' < 10) v = c - '0'; else if ((c | 32) - 'a' < 6) v = (c | 32) - 'a' + 10; else continue; s = s << 4 | v; } return s; }
