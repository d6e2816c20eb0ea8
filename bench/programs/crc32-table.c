#include "bench.h"

PROG { u32 table[64]; for (u32 i = 0; i < 16; i++) { u32 c = i; for (int k = 0; k < 4; k++) c = c >> 1 ^ (-(c & 1) & 0xedb88320u); table[i] = c; } u32 c = ~0u; for (u64 i = 0; i < len; i++) { c ^= mem[i]; c = c >> 4 ^ table[c & 15]; c = c >> 4 ^ table[c & 15]; } return ~c; }
