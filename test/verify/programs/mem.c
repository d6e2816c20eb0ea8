/* Context mem: checks against the length. */
#include "pairs.h"
#define PAIR(name) PAIR_OF(name, (u8 *p, u64 len), (p, len))

PAIR(first_word)
{
	return len < 8 - bad ? 0 : *(u64 *)p;
}

PAIR(first_word_signed)
{
	return (s64)len < 8 - bad ? 0 : *(u64 *)p;
}

PAIR(first_word_int)
{
	return (int)len < 8 - bad ? 0 : *(u64 *)p;
}

PAIR(first_word_unsigned)
{
	return (u32)len <= 7u - bad ? 0 : *(u64 *)p;
}

PAIR(last_byte)
{
	return len == 0 ? 0 : p[len - 1 + bad];
}

PAIR(sum_index)
{
	u64 sum = 0;

	for (u64 i = 0; i < len + bad; i++)
		sum += p[i];
	return sum;
}

PAIR(sum_index32)
{
	u32 n = len, sum = 0;

	for (u32 i = 0; i < n + bad; i++)
		sum += p[i];
	return sum;
}

PAIR(sum_index_int)
{
	int n = len;
	u32 sum = 0;

	for (int i = 0; i < n + bad; i++)
		sum += p[i];
	return sum;
}

PAIR(sum_words)
{
	u64 sum = 0;

	for (u64 i = 0; i + 4 <= len + bad; i += 4)
		sum += *(u32 *)(p + i);
	return sum;
}

PAIR(sum_pointer)
{
	u64 sum = 0;

	for (u8 *q = p, *end = p + len + bad; q < end; q++)
		sum += *q;
	return sum;
}

PAIR(sum_pointer_not_equal)
{
	u64 sum = 0;

	for (u8 *q = p, *end = p + len + bad; q != end; q++)
		sum += *q;
	return sum;
}

PAIR(sum_words_pointer)
{
	u64 sum = 0;

	for (u8 *q = p, *end = p + len + bad; q + 8 <= end; q += 8)
		sum += *(u64 *)q;
	return sum;
}

PAIR(sum_backwards)
{
	u64 sum = 0;

	for (u64 i = len; i-- > 0;)
		sum = sum * 3 + p[i + bad];
	return sum;
}

PAIR(sum_at_most_64)
{
	u64 sum = 0, n = (len < 64 ? len : 64) + bad;

	for (u64 i = 0; i < n; i++)
		sum += p[i];
	return sum;
}

PAIR(sum_pairs)
{
	u64 sum = 0;

	for (u64 i = 0; i < len / 2; i++)
		sum += p[2 * i + 1 + bad];
	return sum;
}

PAIR(clear)
{
	for (u64 i = 0; i < len + bad; i++)
		p[i] = 0;
	return 0;
}

PAIR(fill_words)
{
	for (u64 i = 0; i + 8 <= len + bad; i += 8)
		*(u64 *)(p + i) = i;
	return 0;
}

PAIR(index_of_byte)
{
	u64 i;

	if (len < 16)
		return 0;
	i = p[0];
	return i >= len + bad ? 0 : p[i];
}

PAIR(index_of_word)
{
	u64 i;

	if (len < 16)
		return 0;
	i = *(u64 *)p;
	return i >= len + bad ? 0 : p[i];
}

PAIR(index_signed)
{
	s64 i;

	if (len < 16)
		return 0;
	i = *(s64 *)p;
	if (i < 0 - bad || i >= (s64)len)
		return 0;
	return p[i];
}

PAIR(index_signed_byte)
{
	int i;

	if (len < 128 - bad)
		return 0;
	i = (s8)p[0];
	return i < 0 ? 0 : p[i];
}

PAIR(index_range)
{
	u64 i;

	if (len < 16)
		return 0;
	i = *(u32 *)p;
	if (i + 4 > len + bad)
		return 0;
	return *(u32 *)(p + i);
}

PAIR(mask)
{
	return len < 64 - bad ? 0 : p[p[0] & 63];
}

PAIR(mask_words)
{
	return len < 64 - bad ? 0 : ((u64 *)p)[p[0] & 7];
}

PAIR(shifted)
{
	return len < 64 - bad ? 0 : p[*(u32 *)p >> 26];
}

PAIR(quotient)
{
	return len < 52 - bad ? 0 : p[p[0] / 5];
}

PAIR(clamped)
{
	int at;

	if (len < 64)
		return 0;
	at = *(int *)p;
	if (at < 0)
		at = 0;
	if (at > 63 + bad)
		at = 63 + bad;
	return p[at];
}

PAIR(one_of_two)
{
	u8 *q;

	if (len < 24 - bad)
		return 0;
	q = p[0] ? p + 8 : p + 16;
	return *(u64 *)q;
}

PAIR(optional_fields)
{
	u64 need = 4;

	if (len < 4)
		return 0;
	if (p[0] & 1)
		need += 4;
	if (p[0] & 2)
		need += 8;
	return len < need ? 0 : p[need - 1 + bad];
}

PAIR(options)
{
	u64 sum = 0, i = 0;

	while (i + 2 <= len) {
		u64 n = p[i + 1];

		if (i + 2 + n > len + bad)
			break;
		for (u64 j = 0; j < n; j++)
			sum += p[i + 2 + j];
		i += 2 + n;
	}
	return sum;
}

PAIR(until_zero)
{
	u64 i = 0;

	while (i < len + bad && p[i])
		i++;
	return i;
}

PAIR(unrolled)
{
	u64 sum = 0;

	if (len < 8 - bad)
		return 0;
#pragma unroll
	for (int i = 0; i < 8; i++)
		sum = sum * 31 + p[i];
	return sum;
}

struct header {
	u32 id;
	u16 kind;
	u8 name[6];
};

PAIR(copied_struct)
{
	struct header h;

	if (len < sizeof h - bad)
		return 0;
	__builtin_memcpy(&h, p, sizeof h);
	return h.id + h.kind + h.name[5];
}

PAIR(histogram)
{
	u32 counts[8] = { 0 };
	u64 sum = 0;

	for (u64 i = 0; i < len; i++)
		counts[(p[i] & 7) + bad]++;
	for (int i = 0; i < 8; i++)
		sum = sum * 3 + counts[i];
	return sum;
}

PAIR(local_table)
{
	u8 table[16];

	if (len < 16)
		return 0;
	for (int i = 0; i < 16; i++)
		table[i] = p[i] ^ 0x55;
	return table[(p[1] & 15) + bad];
}

NOINLINE u64 byte_at(u8 *p, u64 len, u64 i)
{
	return i >= len ? 0 : p[i];
}

PAIR(function_with_check)
{
	return len < 4 ? 0 : byte_at(p, len + bad, p[0]) + byte_at(p, len + bad, 1000);
}

NOINLINE u8 *part(u8 *p, u64 len, u64 at, u64 size)
{
	return at + size > len ? 0 : p + at;
}

PAIR(function_that_returns_a_pointer)
{
	u8 *q;

	if (len < 1)
		return 0;
	q = part(p, len, p[0], 4 - bad);
	return q ? *(u32 *)q : 0;
}

PAIR(nested)
{
	u64 sum = 0, rows;

	if (len < 64 - bad)
		return 0;
	for (u64 y = 0; y < 8; y++)
		for (u64 x = 0; x < 8; x++)
			sum = sum * 5 + p[8 * y + x];
	return sum;
}

PAIR(two_ends)
{
	u64 moves = 0;

	if (len < 2)
		return 0;
	for (u64 i = 0, j = len - 1 + bad; i < j; i++, j--) {
		u8 t = p[i];

		p[i] = p[j];
		p[j] = t;
		moves++;
	}
	return moves;
}
