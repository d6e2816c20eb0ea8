/* What a definition means: which are valid, where everything stands in a block, what a handle gets. */
#include "private.h"

#define KNOWN_FLAGS (1u | 2u | 4u | 8u | 16u | 64u | 128u | 256u | 1024u | 4096u) /* see README.md */
#define MOST_KEY 512u

/* Offsets and sizes; elements behind buckets behind extras behind the header, values last. */
struct plan {
	u64 size, values, area, extra, buckets, elements, own;
	u32 traits, kind, shift, stride, step;
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
	if (is->type == MAP_RINGBUF ? value != 0 || max < 64 || (max & (max - 1)) != 0 : value == 0) return -MAP_EINVAL;
	if ((traits & VALUE_4) != 0 && value != 4) return -MAP_EINVAL;
	if (max == 0) return -MAP_EINVAL;
	return key > MOST_KEY || value >= MOST_BYTES || max >= MOST_BYTES ? -MAP_E2BIG : 0;
}

static INLINE u32 power_above(u64 least, u32 bits)
{
	while (1ull << bits < least) bits++;
	return bits;
}

/* Buckets and elements; values stand in the elements, or, where each cpu has one, behind them. */
static INLINE void plan_hash(const struct map_definition *is, struct plan *plan, u64 at)
{
	u32 bits = power_above(is->max_entries, 1);
	u64 key = round_up(is->key_size, 8), value = round_up(is->value_size, 8);
	plan->shift = 64 - bits;
	plan->extra = (plan->traits & LRU) ? at : 0;
	plan->own = plan->kind == KIND_LPM ? at : 0;
	if (plan->traits & LRU) at = round_up(at + is->max_entries, 64);
	if (plan->kind == KIND_LPM) at = round_up(at + (u64)(is->key_size - 4) + 4, 64);
	plan->buckets = at;
	at = round_up(at + (8ull << bits), 64);
	plan->elements = at;
	plan->step = (u32)(8 + key + ((plan->traits & PERCPU) ? 0 : value));
	plan->stride = (plan->traits & PERCPU) ? (u32)value : plan->step;
	u64 end = at + (u64)is->max_entries * plan->step;
	plan->values = (plan->traits & PERCPU) ? round_up(end, 64) : at + 8 + key;
	plan->size = end;
}

static INLINE void plan_others(const struct map_definition *is, struct plan *plan, u64 at)
{
	u64 count = is->max_entries;
	plan->stride = (u32)round_up(is->value_size, 8);
	if (plan->kind == KIND_TARGETS) plan->stride = 4;
	if (plan->kind == KIND_ARRAY) at += 64; /* locks */
	if (plan->kind == KIND_RING) {
		u32 bytes = is->type == MAP_RINGBUF ? is->max_entries : MAP_PERF_BYTES;
		at += 128;
		plan->step = bytes / 8;
		plan->stride = 8;
		count = 2ull * plan->step;
	}
	if (plan->kind == KIND_BLOOM) {
		u32 bits = power_above(count * 7, 6); /* Linux: entries * hashes * 7 / 5 */
		plan->values = at;
		plan->stride = bits > 32 ? 0 : (u32)((1ull << bits) - 1);
		plan->size = at + (1ull << bits) / 8;
		return;
	}
	plan->extra = sizeof(struct block);
	plan->values = at;
	plan->size = at + count * plan->stride;
}

static NOINLINE i64 make_plan(const struct map_definition *is, struct plan *plan)
{
	plan->traits = is->type < sizeof(TYPES) ? TYPES[is->type] : 0;
	plan->kind = plan->traits & KIND_BITS;
	i64 result = check(is, plan->traits);
	if (result != 0) return result;
	plan->area = plan->extra = plan->own = plan->buckets = plan->elements = 0;
	plan->shift = plan->step = 0;
	if (plan->kind == KIND_HASH || plan->kind == KIND_LPM) plan_hash(is, plan, sizeof(struct block));
	else plan_others(is, plan, sizeof(struct block));
	if (plan->size >= MOST_BYTES) return -MAP_E2BIG;
	if (plan->traits & PERCPU) {
		plan->area = round_up((u64)is->max_entries * plan->stride, 64);
		if (plan->area >= MOST_BYTES) return -MAP_E2BIG;
		plan->size = plan->values + plan->area * is->cpus;
	}
	plan->size = round_up(plan->size, 64);
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
	block->is = *definition;
	block->size = plan.size;
	block->version = VERSION;
	block->state = 0;
	if (plan.elements != 0) {
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
		map->lookup = key == 8 ? WORD(&hash_lookup_8) : key == 4 ? WORD(&hash_lookup_4) : WORD(&hash_lookup);
		map->update = key == 8 ? WORD(&hash_update_8) : WORD(&hash_update);
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

static INLINE u32 is_same(const struct map_definition *a, const struct map_definition *b)
{
	return a->type == b->type && a->key_size == b->key_size && a->value_size == b->value_size &&
	       a->max_entries == b->max_entries && a->flags == b->flags && a->cpus == b->cpus;
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
	if (!is_same(&block->is, expected)) return -MAP_EINVAL;
	u64 base = WORD(at);
	map->is = *expected;
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
	map->own[0] = base + plan.own;
	map->own[1] = 0;
	map->alive = local->alive;
	map->targets = local->targets;
	map->count = local->targets == 0 ? 0 : local->count;
	map->owner = local->owner;
	map->cpu = local->cpu;
	map->values = 0;
	set_functions(map);
	return 0;
}
