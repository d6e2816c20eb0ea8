#include "bench.h"

PROG { u64 found = 0; for (u64 i = 0; i + 4 <= len; i++) { u64 k = 0; while (k < 4 && mem[i + k] == "runb"[k]) k++; if (k == 4) found++; } return found; }
