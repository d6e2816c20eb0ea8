/* Loops: copies and fills of every width, overlapping and not, up and down, with every kind of bound; reductions. */
#include "matrix.h"

static u64 sum_of(const u8 *mem, u64 len)
{
	u64 h = 1469598103934665603ul;
	for (u64 i = 0; i < len; i++)
		h = (h ^ mem[i]) * 1099511628211ul;
	return h;
}

/* memory[to + i] = memory[from + i] for i = 0 … n - 1, byte by byte, words as the machine has them */
PROG(copy_bytes_apart) { u64 h = len / 2; for (u64 i = 0; i < h; i++) mem[h + i] = mem[i]; return sum_of(mem, len); }
PROG(copy_bytes_down) { u64 h = len / 2; for (u64 i = 0; i < h; i++) mem[i] = mem[h + i]; return sum_of(mem, len); }
PROG(copy_bytes_next) { for (u64 i = 0; i + 1 < len; i++) mem[i + 1] = mem[i]; return sum_of(mem, len); }
PROG(copy_bytes_seven) { for (u64 i = 0; i + 7 < len; i++) mem[i + 7] = mem[i]; return sum_of(mem, len); }
PROG(copy_bytes_back) { for (u64 i = 0; i + 3 < len; i++) mem[i] = mem[i + 3]; return sum_of(mem, len); }
PROG(copy_bytes_reverse) { u64 h = len / 2; for (u64 i = h; i-- > 0;) mem[h + i] = mem[i]; return sum_of(mem, len); }
PROG(copy_halves) { u64 h = len / 4; for (u64 i = 0; i < h; i++) put16(mem + 2 * (h + i), get16(mem + 2 * i)); return sum_of(mem, len); }
PROG(copy_words) { u64 h = len / 8; for (u64 i = 0; i < h; i++) put32(mem + 4 * (h + i), get32(mem + 4 * i)); return sum_of(mem, len); }
PROG(copy_longs) { u64 h = len / 16; for (u64 i = 0; i < h; i++) put64(mem + 8 * (h + i), get64(mem + 8 * i)); return sum_of(mem, len); }
PROG(copy_longs_two) { for (u64 i = 0; i + 10 <= len; i += 8) put64(mem + i + 2, get64(mem + i)); return sum_of(mem, len); }
PROG(copy_longs_nine) { for (u64 i = 0; i + 17 <= len; i += 8) put64(mem + i + 9, get64(mem + i)); return sum_of(mem, len); }
PROG(copy_strided) { for (u64 i = 0; i + 3 < len; i += 2) mem[i + 3] = mem[i]; return sum_of(mem, len); }
PROG(copy_narrow) { u64 h = len / 5; for (u64 i = 0; i < h; i++) mem[h * 4 + i] = get32(mem + 4 * i); return sum_of(mem, len); }
PROG(copy_counted) { u64 n = 0, h = len / 2; for (u64 i = 0; i < h; i++) { mem[h + i] = mem[i]; n += 3; } return sum_of(mem, len) + n; }
PROG(copy_pointers) { u8 *a = mem, *e = mem + len / 2, *b = e; while (a != e) *b++ = *a++; return sum_of(mem, len) + (b - mem); }
PROG(copy_int_index) { u32 h = len / 2; for (u32 i = 0; i < h; i++) mem[h + i] = mem[i]; return sum_of(mem, len); }
PROG(copy_signed_index) { s32 h = len / 2; for (s32 i = 0; i < h; i++) mem[h + i] = mem[i]; return sum_of(mem, len); }
PROG(copy_until) { u64 h = len / 2; for (u64 i = 0; i < h && mem[i] != 9; i++) mem[h + i] = mem[i]; return sum_of(mem, len); }
PROG(copy_last) { u64 h = len / 2, last = 0; for (u64 i = 0; i < h; i++) mem[h + i] = last = mem[i]; return sum_of(mem, len) + last; }

PROG(fill_zero) { for (u64 i = 0; i < len; i++) mem[i] = 0; return sum_of(mem, len); }
PROG(fill_byte) { u8 c = len; for (u64 i = 1; i < len; i++) mem[i] = c; return sum_of(mem, len); }
PROG(fill_halves) { for (u64 i = 0; i + 2 <= len; i += 2) put16(mem + i, 0x1234); return sum_of(mem, len); }
PROG(fill_words) { u32 x = len * 77777; for (u64 i = 0; i + 4 <= len; i += 4) put32(mem + i, x); return sum_of(mem, len); }
PROG(fill_longs) { for (u64 i = 0; i + 8 <= len; i += 8) put64(mem + i, 0x0102030405060708ul + len); return sum_of(mem, len); }
PROG(fill_minus_one) { for (u64 i = 0; i + 8 <= len; i += 8) put64(mem + i, ~0ul); return sum_of(mem, len); }
PROG(fill_strided) { for (u64 i = 0; i + 4 <= len; i += 8) put32(mem + i, 5); return sum_of(mem, len); }
PROG(fill_overlapping) { for (u64 i = 0; i + 8 <= len; i += 4) put64(mem + i, 0x1122334455667788ul); return sum_of(mem, len); }
PROG(fill_counter) { for (u64 i = 0; i < len; i++) mem[i] = i; return sum_of(mem, len); }
PROG(fill_stack) { u8 t[96]; u64 n = len < 96 ? len : 96; for (u64 i = 0; i < n; i++) t[i] = 0x5a; for (u64 i = n; i < 96; i++) t[i] = 3; return sum_of(t, 96); }
PROG(fill_middle) { u64 a = len / 3, b = len - len / 3; for (u64 i = a; i < b; i++) mem[i] = 0xee; return sum_of(mem, len); }

PROG(reduce_max) { u64 m = 0; for (u64 i = 0; i + 4 <= len; i += 4) { u32 x = get32(mem + i); m = x > m ? x : m; } return m; }
PROG(reduce_min) { s32 m = 0x7fffffff; for (u64 i = 0; i + 4 <= len; i += 4) { s32 x = get32(mem + i); if (x < m) m = x; } return (u64)(s64)m; }
PROG(reduce_clamp) { s64 s = 0; for (u64 i = 0; i + 2 <= len; i += 2) { s32 x = (s16)get16(mem + i); x = x < -900 ? -900 : x > 700 ? 700 : x; s += x; } return s; }
PROG(reduce_count) { u64 n = 0, m = 0; for (u64 i = 0; i < len; i++) { n += mem[i] > 99; if (mem[i] & 4) m += 3; else m ^= mem[i]; } return n << 32 ^ m; }
PROG(reduce_select) { u64 a = 1, b = 2; for (u64 i = 0; i < len; i++) { if (mem[i] < 128) a += b; else b += a; } return a ^ b << 7; }
PROG(reduce_absolute) { u64 s = 0; for (u64 i = 1; i < len; i++) { s32 d = mem[i] - mem[i - 1]; s += d < 0 ? -d : d; } return s; }
PROG(in_place) { for (u64 i = 0; i + 8 <= len; i += 8) { put64(mem + i, get64(mem + i) + 5); put32(mem + i, get32(mem + i) ^ len); } return sum_of(mem, len); }
PROG(in_place_mixed) { u64 n = 0; for (u64 i = 0; i + 16 <= len; i += 8) { put64(mem + i, get64(mem + i) + get64(mem + i + 8)); if (get32(mem + i) == 0x5a5a) n++; if (mem[i] == 200) n += 9; if (get64(mem + i) > n) n ^= 1; } return sum_of(mem, len) + n; }
