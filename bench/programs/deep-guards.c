#include "bench.h"

PROG { u64 s = 0; for (u64 i = 0; i + 8 <= len; i += 8) { u8 *p = mem + i; if (p[0] > 3) if (p[1] != 7) if (p[2] < 250) if ((p[3] & 1) == 0 || p[4] > 128) if (p[5] != p[6]) s += p[7]; } return s; }
