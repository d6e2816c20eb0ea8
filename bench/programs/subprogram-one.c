#include "bench.h"

static NOINLINE u64 mix(u64 a, u64 b) { return (a ^ b) * 0x9e3779b97f4a7c15ull + (a >> 7); }
PROG { u64 h = 1; for (u64 i = 0; i + 8 <= len; i += 8) h = mix(h, *(u64 *)(mem + i)); return h; }
