#include "bench.h"

PROG { u32 *a = (u32 *)mem; u64 n = len / 4 < 64 ? len / 4 : 64; for (u64 i = 1; i < n; i++) { u32 x = a[i]; u64 j = i; for (; j > 0 && a[j - 1] > x; j--) a[j] = a[j - 1]; a[j] = x; } return a[0] + a[n / 2]; }
