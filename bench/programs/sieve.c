#include "bench.h"

PROG { u64 count = 0; for (u64 i = 0; i < len; i++) mem[i] = 1; for (u64 i = 2; i * i < len; i++) if (mem[i]) for (u64 j = i * i; j < len; j += i) mem[j] = 0; for (u64 i = 2; i < len; i++) count += mem[i]; return count; }
