#include "bench.h"

static NOINLINE u64 mix(u64 a, u64 b) { return (a ^ b) * 0x9e3779b97f4a7c15ull + (a >> 7); }
static NOINLINE u32 pick(u8 *p, u32 i) { return p[i] + p[i + 1] * 3; }
PROG { u64 h = 1; for (u64 i = 0; i + 16 <= len; i += 16) { h = mix(h, pick(mem, i)); h = mix(h, pick(mem, i + 4)); if (h & 1) h = mix(h, i); else h += pick(mem, i + 8); } return mix(h, len); }
