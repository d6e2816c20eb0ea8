/* What a definition means: which are valid, where everything stands in a block, what a handle gets. */
#include "private.h"

#define KNOWN_FLAGS (1u | 2u | 4u | 8u | 16u | 64u | 128u | 256u | 1024u | 4096u) /* see README.md */
#define MOST_KEY 512u
#define DEFINITION_WORDS (sizeof(struct map_definition) / 4)

/* Offsets and sizes. */
struct plan {
	u64 size, values, area, extra, buckets, elements;
	u32 kind, shift, stride, step;
};

/* What a type is: its family, and what keys and values may be. */
enum { PERCPU = 8, LRU = 16, VALUE_4 = 32, KEY_4 = 64, KEY_0 = 128 };

static const u8 TYPES[] = {
	[MAP_HASH] = KIND_HASH,
	[MAP_ARRAY] = KIND_ARRAY | KEY_4,
	[MAP_PROG_ARRAY] = KIND_TARGETS | KEY_4 | VALUE_4,
	[MAP_PERCPU_HASH] = KIND_HASH | PERCPU,
	[MAP_PERCPU_ARRAY] = KIND_ARRAY | KEY_4 | PERCPU,
	[MAP_ARRAY_OF_MAPS] = KIND_TARGETS | KEY_4 | VALUE_4,
	[MAP_HASH_OF_MAPS] = KIND_HASH | VALUE_4,
#ifndef MAP_NO_LRU
	[MAP_LRU_HASH] = KIND_HASH | LRU,
	[MAP_LRU_PERCPU_HASH] = KIND_HASH | LRU | PERCPU,
#endif
#ifndef MAP_NO_LPM
	[MAP_LPM_TRIE] = KIND_LPM,
#endif
#ifndef MAP_NO_QUEUE
	[MAP_QUEUE] = KIND_QUEUE | KEY_0,
	[MAP_STACK_MAP] = KIND_QUEUE | KEY_0,
#endif
#ifndef MAP_NO_RINGBUF
	[MAP_PERF_EVENT_ARRAY] = KIND_RING | KEY_4 | VALUE_4,
	[MAP_RINGBUF] = KIND_RING | KEY_0,
#endif
#ifndef MAP_NO_BLOOM
	[MAP_BLOOM_FILTER] = KIND_BLOOM | KEY_0,
#endif
};
#define KIND_BITS 7u

/* Linux's map_alloc_check of each type. */
static INLINE i64 check(const struct map_definition *is, u32 traits)
{
	u32 key = is->key_size, value = is->value_size, max = is->max_entries, kind = traits & KIND_BITS;
	if (kind == 0 || (is->flags & ~KNOWN_FLAGS) != 0 || is->cpus - 1 >= MOST_CPUS) return -MAP_EINVAL;
	if (traits & KEY_4 ? key != 4 : (traits & KEY_0) != 0 ? key != 0 : key == 0) return -MAP_EINVAL;
	if (kind == KIND_LPM && key - 5 >= LPM_MOST_DATA) return -MAP_EINVAL;
	if (is->type == MAP_PERF_EVENT_ARRAY) max = 64; /* 0 means as many as there are cpus */
	/* Volatile: clang makes 90 bytes of counting bits out of a test for a power of two. */
	if (is->type == MAP_RINGBUF ? value != 0 || max < 64 || (max & (LOAD(&is->max_entries) - 1)) != 0 : value == 0)
		return -MAP_EINVAL;
	if ((traits & VALUE_4) != 0 && value != 4) return -MAP_EINVAL;
	if (max == 0) return -MAP_EINVAL;
	return key > MOST_KEY || value >= MOST_BYTES || max >= MOST_BYTES ? -MAP_E2BIG : 0;
}

static INLINE u32 power_above(u64 least, u32 bits)
{
	while (1ull << bits < least) bits++;
	return bits;
}

static INLINE u64 line_up(u64 at) { return round_up(at, 64); }

/* Header, extra, buckets, elements, values, each from a multiple of 64 on. Hash values stand in the elements, but per-cpu ones. */
static NOINLINE i64 make_plan(const struct map_definition *is, struct plan *plan)
{
	u32 traits = is->type < sizeof(TYPES) ? TYPES[is->type] : 0, kind = traits & KIND_BITS, bits = 0;
	i64 result = check(is, traits);
	if (result != 0) return result;
	u64 count = is->max_entries, width = round_up(is->value_size, 8), at = sizeof(struct block), extra = 0, step = 0, skip = 0;
	if (kind == KIND_ARRAY) extra = ARRAY_LOCKS * 4;
	if (kind == KIND_TARGETS) width = 4;
	if (kind == KIND_HASH || kind == KIND_LPM) {
		bits = power_above(count, 1);
		extra = traits & LRU ? count : kind == KIND_LPM ? is->key_size : 0;
		skip = 8 + round_up(is->key_size, 8);
		step = traits & PERCPU ? skip : skip + width;
		if ((traits & PERCPU) == 0) width = step;
	}
	plan->stride = (u32)width;
#ifndef MAP_NO_RINGBUF
	if (kind == KIND_RING) {
		extra = sizeof(struct ring);
		step = (is->type == MAP_RINGBUF ? is->max_entries : MAP_PERF_BYTES) / 8;
		count = 2 * step;
		width = 8;
	}
#endif
	if (kind == KIND_BLOOM) { /* Linux: entries * hashes * 7 / 5 bits or more */
		count = 1ull << power_above(count * 7, 6) >> 6;
		width = 8;
		plan->stride = (u32)(count * 64 - 1);
	}
	plan->kind = kind;
	plan->shift = 64 - bits;
	plan->step = (u32)step;
	plan->extra = extra == 0 ? 0 : at;
	plan->buckets = at = line_up(at + extra);
	if (bits != 0) at = line_up(at + (8ull << bits));
	plan->elements = at;
	plan->area = 0;
	plan->values = at + skip;
	at += count * width;
	if (traits & PERCPU) {
		plan->values = line_up(plan->elements + is->max_entries * step);
		plan->area = line_up(count * width);
		if (plan->area >= MOST_BYTES) return -MAP_E2BIG;
		at = plan->values + plan->area * is->cpus;
	}
	plan->size = line_up(at);
	return plan->size >= MOST_BYTES ? -MAP_E2BIG : (i64)plan->size;
}

EXPORT("map/map_size") int64_t map_size(const struct map_definition *definition)
{
	struct plan plan;
	return make_plan(definition, &plan);
}

EXPORT("map/map_create") int64_t map_create(void *at, uint64_t size, const struct map_definition *definition)
{
	struct plan plan;
	struct block *block = at;
	i64 result = make_plan(definition, &plan);
	if (result < 0) return result;
	if (size < plan.size || WORD(at) % 8 != 0) return -MAP_EINVAL;
	for (u32 k = 0; k < DEFINITION_WORDS; k++) STORE(&block->is.type + k, LOAD(&definition->type + k));
	block->size = plan.size;
	block->version = VERSION;
	block->state = 0;
	if (plan.shift < 64) {
		struct bucket *buckets = ADDRESS(WORD(at) + plan.buckets);
		for (u32 k = 0; k >> (64 - plan.shift) == 0; k++) buckets[k].head = END | k;
		for (u32 k = 0; k < definition->max_entries; k++) {
			struct element *element = ADDRESS(WORD(at) + plan.elements + (u64)k * plan.step);
			element->next = k + 1 < definition->max_entries ? k + 1 : NONE;
		}
	}
	PUBLISH(&block->magic, MAGIC);
	return 0;
}

/* The functions that compiled code calls without a look at the type. */
static INLINE void set_functions(struct map_handle *map)
{
	u32 type = map->is.type, key = map->is.key_size;
	(void)key;
	map->lookup = WORD(&no_lookup);
	map->update = WORD(&no_update);
	map->remove = WORD(&no_remove);
	if (map->kind == KIND_ARRAY) {
		map->values = map->data;
		map->lookup = WORD(&array_lookup);
		map->update = WORD(&array_update);
	} else if (type == MAP_ARRAY_OF_MAPS) map->lookup = WORD(&target_lookup);
	else if (type == MAP_HASH_OF_MAPS) map->lookup = WORD(&nested_lookup);
	else if (map->kind == KIND_HASH) {
		map->lookup = WORD(&hash_lookup);
		map->update = WORD(&hash_update);
#ifndef MAP_SMALL
		if (key == 4) map->lookup = WORD(&hash_lookup_4);
		if (key == 8) {
			map->lookup = WORD(&hash_lookup_8);
			map->update = WORD(&hash_update_8);
		}
#endif
	}
	if (map->kind == KIND_HASH) map->remove = WORD(&hash_remove);
	if (map->kind == KIND_TARGETS) map->remove = WORD(&target_remove);
#ifndef MAP_NO_LPM
	if (map->kind == KIND_LPM) {
		map->lookup = WORD(&lpm_lookup);
		map->update = WORD(&lpm_update);
		map->remove = WORD(&lpm_remove);
	}
#endif
}

EXPORT("map/map_attach")
int64_t map_attach(struct map_handle *map, void *at, uint64_t size, const struct map_definition *expected,
                   const struct map_local *local)
{
	struct plan plan;
	struct block *block = at;
	i64 result = make_plan(expected, &plan);
	if (result < 0) return result;
	if (size < plan.size || WORD(at) % 8 != 0 || local->owner == 0 || local->cpu >= expected->cpus) return -MAP_EINVAL;
	if (SYNC(&block->magic) != MAGIC || block->version != VERSION || block->size != plan.size) return -MAP_EINVAL;
	const u32 *mine = &expected->type;
	for (u32 k = 0; k < DEFINITION_WORDS; k++) {
		if (LOAD(&block->is.type + k) != LOAD(mine + k)) return -MAP_EINVAL;
		STORE(&map->is.type + k, mine[k]);
	}
	u64 base = WORD(at);
	map->kind = plan.kind;
	map->shift = plan.shift;
	map->stride = plan.stride;
	map->step = plan.step;
	map->block = base;
	map->area = plan.area;
	map->data = base + plan.values + plan.area * local->cpu;
	map->elements = base + plan.elements;
	map->buckets = base + plan.buckets;
	map->extra = plan.extra == 0 ? 0 : base + plan.extra;
	map->lengths = 0;
	if (plan.kind == KIND_LPM) {
		map->lengths = map->extra;
		map->extra = 0;
	}
	map->alive = local->alive;
	map->targets = local->targets;
	map->count = local->targets == 0 ? 0 : local->count;
	map->owner = local->owner;
	map->cpu = local->cpu;
	map->values = 0;
	set_functions(map);
	return 0;
}
