#include "bench.h"

PROG { u64 h = 0xcbf29ce484222325ull; for (u64 i = 0; i < len; i++) h = (h ^ mem[i]) * 0x100000001b3ull; return h; }
