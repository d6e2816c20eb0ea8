#include "bench.h"

static u32 rot(u32 x, int c) { return x << c | x >> (32 - c); }
PROG { u32 h = 42; for (u64 i = 0; i + 4 <= len; i += 4) { u32 k = *(u32 *)(mem + i); k *= 0xcc9e2d51; k = rot(k, 15); k *= 0x1b873593; h ^= k; h = rot(h, 13); h = h * 5 + 0xe6546b64; } h ^= h >> 16; h *= 0x85ebca6b; h ^= h >> 13; h *= 0xc2b2ae35; return h ^ h >> 16; }
