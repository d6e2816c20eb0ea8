#include "bench.h"

PROG { u64 acc = 1; for (u64 i = 0; i < len; i++) { u64 v = mem[i]; switch (v & 7) { case 0: acc += v; break; case 1: acc -= v; break; case 2: acc ^= v; break; case 3: acc *= 3; break; case 4: acc += acc >> 3; break; case 5: acc |= v; break; case 6: acc = acc << 1 | acc >> 63; break; default: acc += 7; } } return acc; }
