#include "bench.h"

#define S1(k) a += b ^ ((k) & 7); b = b << 5 | b >> 59; c ^= a + (k); d += c * 3; a ^= d >> 7;
#define S4(k) S1(k) S1(k + 1) S1(k + 2) S1(k + 3)
#define S16(k) S4(k) S4(k + 4) S4(k + 8) S4(k + 12)
#define S64(k) S16(k) S16(k + 16) S16(k + 32) S16(k + 48)
PROG { u64 *w = (u64 *)mem; u64 a = w[0], b = w[1], c = w[2], d = w[3]; S64(0) S64(64) S64(128) S64(192) return a ^ b ^ c ^ d; }
