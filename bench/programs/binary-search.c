#include "bench.h"

PROG { u64 n = len / 4, hits = 0; u32 *t = (u32 *)mem; for (u32 q = 0; q < 200; q++) { u32 key = q * 37; u64 lo = 0, hi = n; while (lo < hi) { u64 mid = (lo + hi) >> 1; if (t[mid] < key) lo = mid + 1; else hi = mid; } hits += lo; } return hits; }
