#include "bench.h"

PROG { u32 h[16] = {}; for (u64 i = 0; i < len; i++) h[mem[i] & 15]++; u64 s = 0; for (int i = 0; i < 16; i++) s = s * 31 + h[i]; return s; }
