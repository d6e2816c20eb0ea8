#include "bench.h"

PROG { u32 state = 0, words = 0, lines = 0; for (u64 i = 0; i < len; i++) { u8 c = mem[i]; if (c == '\n') lines++; u32 space = c == ' ' || c == '\n' || c == '\t'; if (state && space) words++; state = !space; } return (u64)lines << 32 | words; }
