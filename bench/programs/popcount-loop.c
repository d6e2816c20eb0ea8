#include "bench.h"

PROG { u64 s = 0; for (u64 i = 0; i + 8 <= len && i < 256; i += 8) { u64 x = *(u64 *)(mem + i); while (x) { x &= x - 1; s++; } } return s; }
