#include "bench.h"

PROG { u64 s = 0, n = 0; for (u64 i = 0; i < len; i++) { u32 c = mem[i]; if (c - '0' < 10) n = n * 10 + (c - '0'); else { s += n; n = 0; } } return s + n; }
