/* Context args: values of maps, data and read-only data. */
#include "pairs.h"
#define PAIR(name) PAIR_OF(name, (u64 a, u64 b), (a, b))

struct value {
	u64 words[6];
};

struct {
	int (*type)[2];
	u32 *key;
	struct value *value;
	int (*max_entries)[16];
} values __attribute__((section(".maps"), used));

static void *(*lookup)(void *map, const void *key) = (void *)1;
static u64 (*now)(void) = (void *)5;

#define VALUE(name, key)                              \
	u32 key_of_##name = (key);                    \
	u64 *name = lookup(&values, &key_of_##name);  \
	if (!name)                                    \
		return 0

u64 table[16] = { 1, 2, 3 };
u64 counts[8];
static const u8 squares[16] = { 0, 1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121, 144, 169, 196, 225 };

PAIR(value_index)
{
	VALUE(v, 0);
	return a >= 6 + bad ? 0 : v[a];
}

PAIR(value_index32)
{
	VALUE(v, 0);
	return (u32)a >= 6u + bad ? 0 : v[(u32)a];
}

PAIR(value_index_int)
{
	int i = a;
	VALUE(v, 0);

	if (i < 0 || i > 5 + bad)
		return 0;
	return v[i];
}

PAIR(value_index_signed)
{
	s64 i = a;
	VALUE(v, 0);

	if (i < 0 - bad || i > 5)
		return 0;
	return v[i];
}

PAIR(value_min)
{
	u64 i = a < 5 ? a : 5 + bad;
	VALUE(v, 0);

	return v[i];
}

PAIR(value_before_the_lookup)
{
	if (a > 5 + bad)
		return 0;
	VALUE(v, b);
	return v[a];
}

PAIR(value_loop)
{
	u64 sum = 0;
	VALUE(v, 0);

	for (int i = 0; i < 6 + bad; i++)
		sum += v[i];
	return sum;
}

PAIR(value_unknown_count)
{
	u64 sum = 0;
	VALUE(v, 0);

	for (u64 i = 0; i < a && i < 6 + bad; i++)
		sum += v[i];
	return sum;
}

PAIR(value_atomic)
{
	VALUE(v, a & 15);
	__sync_fetch_and_add(v + 5 + bad, 1);
	return 0;
}

PAIR(value_store)
{
	VALUE(v, 0);
	if (a > 47 - 7 + bad)
		return 0;
	*(u64 *)((u8 *)v + a) = b;
	return 0;
}

PAIR(two_values)
{
	VALUE(v, 0);
	VALUE(w, 1);
	u64 i = a & 3, j = b & 3;

	return v[i + 2] + w[i + 1 + bad * 2 + (j & 1)];
}

PAIR(spilled_across_calls)
{
	u64 i = a & 7, t;
	VALUE(v, 0);

	if (i > 5 + bad)
		return 0;
	t = now() + now();
	return v[i] + t + b + now() + i;
}

PAIR(data_index)
{
	u64 *t = table;

	asm volatile("" : "+r"(t));
	return t[(a & 15)] + (bad ? *(u64 *)((u8 *)t + 121) : 0);
}

PAIR(rodata_index)
{
	const u8 *t = squares;

	asm volatile("" : "+r"(t));
	return a > 15 + bad ? 0 : t[a];
}
