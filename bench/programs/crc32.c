#include "bench.h"

PROG { u32 c = ~0u; for (u64 i = 0; i < len && i < 512; i++) { c ^= mem[i]; for (int k = 0; k < 8; k++) c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0); } return ~c; }
