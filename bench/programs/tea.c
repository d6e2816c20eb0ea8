#include "bench.h"

PROG { u32 *v = (u32 *)mem; u64 out = 0; for (u64 k = 0; k + 8 <= len && k < 128; k += 8) { u32 a = v[k / 4], b = v[k / 4 + 1], sum = 0; for (int i = 0; i < 16; i++) { sum += 0x9e3779b9; a += ((b << 4) + 0xa341316c) ^ (b + sum) ^ ((b >> 5) + 0xc8013ea4); b += ((a << 4) + 0xad90777d) ^ (a + sum) ^ ((a >> 5) + 0x7e95761e); } out += (u64)a << 32 | b; } return out; }
