#include "bench.h"

/* A small machine: 20 operations in the low bits of each byte. */
PROG {
	u64 acc = 1, x = 2;
	for (u64 i = 0; i < len; i++) {
		u64 v = mem[i];
		switch (v & 31) {
		case 0: acc += x; break;
		case 1: acc -= v; break;
		case 2: acc ^= x << 3; break;
		case 3: x = acc >> 5; break;
		case 4: x += v; break;
		case 5: acc *= 3; break;
		case 6: acc = acc << 7 | acc >> 57; break;
		case 7: x ^= acc; break;
		case 8: acc += i; break;
		case 9: x *= 5; break;
		case 10: acc |= v << 8; break;
		case 11: acc &= ~v; break;
		case 12: x -= i; break;
		case 13: acc += x >> 2; break;
		case 14: acc ^= ~x; break;
		case 15: x = v; break;
		case 16: acc -= x << 1; break;
		case 17: x |= acc & 255; break;
		case 18: acc += 7 * v; break;
		case 19: x = ~x; break;
		default: acc++;
		}
	}
	return acc ^ x;
}
