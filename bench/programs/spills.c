#include "bench.h"

PROG { u64 *w = (u64 *)mem; u64 a = w[0], b = w[1], c = w[2], d = w[3], e = w[4], f = w[5], g = w[6], h = w[7], i = w[8], j = w[9], k = w[10], l = w[11], m = w[12], n = w[13], o = w[14], p = w[15], s = 0; for (int r = 0; r < 50; r++) { a += b ^ r; b += c; c += d; d += e; e += f; f += g; g += h; h += i; i += j; j += k; k += l; l += m; m += n; n += o; o += p; p += a; s ^= a + h + p; } return s; }
