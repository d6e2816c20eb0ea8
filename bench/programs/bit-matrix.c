#include "bench.h"

PROG { u64 x = 0x0123456789abcdefull ^ mem[0], s = 0; for (int r = 0; r < 40; r++) { u64 t; t = (x ^ (x >> 7)) & 0x00aa00aa00aa00aaull; x ^= t ^ (t << 7); t = (x ^ (x >> 14)) & 0x0000cccc0000ccccull; x ^= t ^ (t << 14); t = (x ^ (x >> 28)) & 0x00000000f0f0f0f0ull; x ^= t ^ (t << 28); s += x; x = x * 3 + r; } return s; }
