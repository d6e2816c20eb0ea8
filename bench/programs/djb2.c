#include "bench.h"

PROG { u32 h = 5381; for (u64 i = 0; i < len; i++) h = h * 33 + mem[i]; return h; }
