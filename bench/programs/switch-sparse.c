#include "bench.h"

PROG { u64 acc = 0; for (u64 i = 0; i < len; i++) { switch (mem[i]) { case 1: acc += 3; break; case 17: acc ^= 5; break; case 40: acc += i; break; case 99: acc *= 3; break; case 130: acc -= 1; break; case 200: acc += 1000; break; default: acc++; } } return acc; }
