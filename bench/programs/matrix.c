#include "bench.h"

PROG { u32 *a = (u32 *)mem; u64 s = 0; if (len < 512) return 0; for (u32 i = 0; i < 8; i++) for (u32 j = 0; j < 8; j++) { u32 t = 0; for (u32 k = 0; k < 8; k++) t += a[i * 8 + k] * a[64 + k * 8 + j]; s = s * 7 + t; } return s; }
