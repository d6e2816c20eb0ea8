/* Context args: memory that helpers take and give, callbacks, locks. */
#include "pairs.h"
#define PAIR(name) PAIR_OF(name, (u64 a, u64 b), (a, b))

struct locked {
	u32 lock, flags;
	u64 count;
};

struct {
	int (*type)[27];
	int (*max_entries)[4096];
} ring __attribute__((section(".maps"), used));

struct {
	int (*type)[2];
	u32 *key;
	struct locked *value;
	int (*max_entries)[16];
} table __attribute__((section(".maps"), used));

static void *(*lookup)(void *map, const void *key) = (void *)1;
static s64 (*update)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static s64 (*probe_read)(void *to, u32 size, const void *from) = (void *)4;
static s64 (*current_comm)(void *to, u32 size) = (void *)16;
static void (*spin_lock)(void *lock) = (void *)93;
static void (*spin_unlock)(void *lock) = (void *)94;
static s64 (*output)(void *ring, void *data, u64 size, u64 flags) = (void *)130;
static void *(*reserve)(void *ring, u64 size, u64 flags) = (void *)131;
static void (*submit)(void *record, u64 flags) = (void *)132;
static void (*discard)(void *record, u64 flags) = (void *)133;
static s64 (*for_each)(void *map, void *function, void *ctx, u64 flags) = (void *)164;
static s64 (*loop)(u32 count, void *function, void *ctx, u64 flags) = (void *)181;

PAIR(record)
{
	u64 *e = reserve(&ring, 16, 0);

	if (!e)
		return 0;
	e[0] = a;
	*(u64 *)((u8 *)e + 8 + bad) = b;
	submit(e, 0);
	return 1;
}

PAIR(record_on_each_path)
{
	u64 *e = reserve(&ring, 16, 0);

	if (!e)
		return 0;
	if (a > 5) {
		if (!bad)
			discard(e, 0);
		return 0;
	}
	e[0] = a;
	e[1] = b;
	submit(e, 0);
	return 1;
}

PAIR(record_null)
{
	u64 *e = reserve(&ring, 16, 0);

	if (!bad && !e)
		return 0;
	e[0] = a;
	submit(e, 0);
	return 1;
}

PAIR(record_on_the_stack)
{
	u64 e[2];

	e[0] = a;
	if (!bad || b)
		e[1] = b;
	return output(&ring, e, sizeof e, 0);
}

PAIR(text)
{
	u8 text[16] = { 0 };

	current_comm(text, 16 + bad);
	return text[0] + text[15];
}

PAIR(text_of_a_size)
{
	u8 text[32] = { 0 };
	u32 size = (a & 31) + bad;

	if (!size || size > 31 + bad * 2)
		return 0;
	probe_read(text, size + 1, (void *)b);
	return text[a & 31];
}

PAIR(value)
{
	u32 key = a;
	struct locked *v = lookup(&table, &key);

	if (!bad && !v)
		return 0;
	return ++v->count;
}

PAIR(value_updated)
{
	u32 key;
	struct locked v = { 0, 1, 2 };

	if (!bad || a)
		key = a;
	asm volatile("" : : : "memory");
	return update(&table, &key, &v, 0);
}

PAIR(lock)
{
	u32 key = a;
	struct locked *v = lookup(&table, &key);

	if (!v)
		return 0;
	spin_lock(&v->lock);
	v->count++;
	if (!bad || v->count > 10)
		spin_unlock(&v->lock);
	return 1;
}

struct walk {
	u8 *bytes;
	u64 sum, limit;
};

static int add_ok(u64 i, struct walk *walk)
{
	if (i >= 16)
		return 1;
	walk->sum += walk->bytes[i];
	return 0;
}

static int add_bad(u64 i, struct walk *walk)
{
	if (i > 16)
		return 1;
	walk->sum += walk->bytes[i];
	return 0;
}

PAIR(callback)
{
	u32 key = a;
	struct walk walk = { lookup(&table, &key), 0, 0 };

	if (!walk.bytes)
		return 0;
	loop(b, bad ? (void *)add_bad : (void *)add_ok, &walk, 0);
	return walk.sum;
}

static int count_ok(void *map, u32 *key, struct locked *v, u64 *sum)
{
	*sum += v->count + *key;
	return 0;
}

static int count_bad(void *map, u32 *key, struct locked *v, u64 *sum)
{
	*sum += *(u64 *)((u8 *)&v->count + 1) + *key;
	return 0;
}

PAIR(each_element)
{
	u64 sum = 0;

	for_each(&table, bad ? (void *)count_bad : (void *)count_ok, &sum, 0);
	return sum;
}

PAIR(bounded_by_a_callback)
{
	u32 key = a;
	u64 *v = lookup(&table, &key);
	struct walk walk = { (u8 *)v, 0, 0 };

	if (!v)
		return 0;
	loop(16, (void *)add_ok, &walk, 0);
	return walk.sum > 1 + bad ? 0 : v[walk.sum];
}
