#include "bench.h"

PROG { u8 *p = mem, *end = mem + len; u64 n = 0; while (p + 64 <= end) { u16 type = p[12] << 8 | p[13]; if (type == 0x0800) { u32 ihl = (p[14] & 15) * 4; if (ihl >= 20 && p[23] == 6) { u8 *tcp = p + 14 + ihl; if (tcp + 20 <= end) n += tcp[0] << 8 | tcp[1]; } else if (p[23] == 17) n += 7; } else if (type == 0x86dd) n += p[20]; else n ^= type; p += 64; } return n; }
