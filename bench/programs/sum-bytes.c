#include "bench.h"

PROG { u64 s = 0; for (u64 i = 0; i < len; i++) s += mem[i]; return s; }
