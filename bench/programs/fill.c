#include "bench.h"

PROG { for (u64 i = 0; i < len; i++) mem[i] = 0xa5; return mem[len / 2]; }
