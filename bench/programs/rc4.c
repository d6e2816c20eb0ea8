#include "bench.h"

PROG { u8 s[256]; for (u32 i = 0; i < 256; i++) s[i] = i; u32 j = 0; for (u32 i = 0; i < 256; i++) { j = (j + s[i] + mem[i & 15]) & 255; u8 t = s[i]; s[i] = s[j]; s[j] = t; } u64 o = 0; u32 a = 0; j = 0; for (u32 i = 0; i < 128; i++) { a = (a + 1) & 255; j = (j + s[a]) & 255; u8 t = s[a]; s[a] = s[j]; s[j] = t; o = o * 31 + s[(u8)(s[a] + s[j])]; } return o; }
