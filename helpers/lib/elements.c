/* Elements of hash maps: free, claimed, in chains; what is left half done by threads that are gone. hash.c has the rules. */
#include "private.h"

struct element {
	u32 next, state;
};

struct bucket {
	u32 head, lock;
};

#define END 0x80000000u
#define CLAIM 0x80000000u
#define NONE 0xffffffffu
#define BROKEN 0xfffffffeu
#define TRIES 8
#define KEY_AT 8
/* Flag of hash_put: the value is a host's, all cpus' one behind the other. */
#define ALL_CPUS (1ull << 32)

static INLINE struct element *element_at(struct map_handle *map, u32 index)
{
	return ADDRESS(map->elements + (u64)index * map->step);
}

static INLINE struct bucket *bucket_at(struct map_handle *map, u32 bucket)
{
	return (struct bucket *)ADDRESS(map->buckets) + bucket;
}

static INLINE u32 bucket_count(struct map_handle *map) { return 1u << (64 - map->shift); }
static INLINE u64 value_at(struct map_handle *map, u32 index) { return map->data + (u64)index * map->stride; }
static INLINE word *key_at(struct element *element) { return (word *)((u8 *)element + KEY_AT); }

/* The upper bits of a product depend on all bits of the key. */
static INLINE u64 mix(u64 hash) { return (hash ^ hash >> 32) * 0x9e3779b97f4a7c15u; }

static INLINE u64 key_tail(const u8 *key, u32 size)
{
	return __builtin_constant_p(size) && size == 4 ? READ(u32, key) : read_tail(key, size);
}

static INLINE u64 hash_of(const u8 *key, u32 size)
{
	u64 hash = 0;
	for (; size >= 8; size -= 8, key += 8) hash = mix(hash ^ READ(u64, key));
	return size > 0 ? mix(hash ^ key_tail(key, size)) : hash;
}

static NOINLINE u64 hash_any(const u8 *key, u32 size) { return hash_of(key, size); }

/* 0 when the element has this key. */
static INLINE u64 difference(struct element *element, const u8 *key, u32 size)
{
	word *at = key_at(element);
	u64 differ = 0;
	for (; size >= 8; size -= 8, key += 8) {
		differ |= LOAD(at) ^ READ(u64, key);
		at++;
	}
	return size > 0 ? differ | (LOAD(at) ^ key_tail(key, size)) : differ;
}

static NOINLINE u32 is_live(struct map_handle *map, u32 index)
{
	return LOAD(&element_at(map, index)->state) - 1 < bucket_count(map);
}

static NOINLINE u64 difference_any(struct map_handle *map, struct element *element, const u8 *key)
{
	return difference(element, key, map->is.key_size);
}

static NOINLINE void push_free(struct map_handle *map, u32 index)
{
	struct block *block = block_of(map);
	struct element *at = element_at(map, index);
	STORE(&at->state, 0);
	for (;;) {
		u64 was = LOAD(&block->state);
		STORE(&at->next, (u32)was);
		if (CAS(&block->state, was, ((was >> 32) + 1) << 32 | index) == was) return;
	}
}

/* A free element, claimed, or NONE. One that is not free is there by corruption, and dropped. */
static NOINLINE u32 pop_free(struct map_handle *map)
{
	struct block *block = block_of(map);
	for (u32 dropped = 0; dropped <= map->is.max_entries;) {
		u64 was = LOAD(&block->state);
		u32 index = (u32)was;
		if (index >= map->is.max_entries) return NONE;
		struct element *at = element_at(map, index);
		if (CAS(&block->state, was, ((was >> 32) + 1) << 32 | LOAD(&at->next)) != was) continue;
		if (LOAD(&at->state) == 0) {
			STORE(&at->state, CLAIM | map->owner);
			return index;
		}
		dropped++;
	}
	return NONE;
}

/* Under the bucket's lock. */
static NOINLINE void unlink_element(struct map_handle *map, u32 bucket, u32 index)
{
	u32 *at = &bucket_at(map, bucket)->head, max = map->is.max_entries, link;
	for (u32 steps = 0; (link = LOAD(at)) < max && steps < max; steps++) {
		struct element *element = element_at(map, link);
		if (link == index) {
			STORE(at, LOAD(&element->next));
			return;
		}
		at = &element->next;
	}
}

/* Takes what `gone` left half done out of a chain whose lock was taken over from it. */
static NOINLINE void repair_chain(struct map_handle *map, u32 bucket, u32 gone)
{
	u32 *at = &bucket_at(map, bucket)->head, max = map->is.max_entries, link;
	STORE(&block_of(map)->gone, gone);
	for (u32 steps = 0; (link = LOAD(at)) < max && steps < max; steps++) {
		struct element *element = element_at(map, link);
		u32 state = LOAD(&element->state);
		if (state == bucket + 1) {
			at = &element->next;
			continue;
		}
		STORE(at, LOAD(&element->next));
		if (state == (CLAIM | gone) && CAS(&element->state, state, CLAIM | map->owner) == state) push_free(map, link);
	}
	if (link != (END | bucket)) STORE(at, END | bucket);
}

static NOINLINE void lock_bucket(struct map_handle *map, u32 bucket)
{
	u32 *lock = &bucket_at(map, bucket)->lock;
	if (CAS(lock, 0u, map->owner) == 0) return;
	u32 gone = wait_lock(map, lock);
	if (gone != 0) repair_chain(map, bucket, gone);
}

static NOINLINE void unlock_bucket(struct map_handle *map, u32 bucket) { free_lock(map, &bucket_at(map, bucket)->lock); }

static INLINE u32 bucket_of(struct map_handle *map, const u8 *key, u32 size)
{
	return (u32)(hash_of(key, size) >> map->shift);
}

static NOINLINE u32 bucket_any(struct map_handle *map, const u8 *key) 
{
	return (u32)(hash_any(key, map->is.key_size) >> map->shift);
}

/* Frees the elements that an owner who is gone had claimed. */
static NOINLINE void gather_elements(struct map_handle *map, u32 gone)
{
	u32 claim = CLAIM | gone;
	for (u32 index = 0; index < map->is.max_entries; index++) {
		struct element *at = element_at(map, index);
		if (LOAD(&at->state) != claim || CAS(&at->state, claim, CLAIM | map->owner) != claim) continue;
		u32 bucket = bucket_any(map, (const u8 *)key_at(at));
		lock_bucket(map, bucket);
		unlink_element(map, bucket, index);
		unlock_bucket(map, bucket);
		push_free(map, index);
	}
}

#ifndef MAP_NO_LRU
/* Something that was not used since the hand came by last; claimed, in no chain. */
static NOINLINE u32 evict(struct map_handle *map)
{
	u32 max = map->is.max_entries;
	for (u64 steps = 0; steps < 3ull * max; steps++) {
		u32 index = ADD(&block_of(map)->hand, 1u) % max;
		struct element *at = element_at(map, index);
		u8 *used = (u8 *)ADDRESS(map->extra) + index;
		u32 state = LOAD(&at->state), bucket = state - 1;
		if (bucket >= bucket_count(map)) continue;
		if (LOAD(used) != 0) {
			STORE(used, 0);
			continue;
		}
		lock_bucket(map, bucket);
		u32 is_mine = LOAD(&at->state) == state;
		if (is_mine) {
			STORE(&at->state, CLAIM | map->owner);
			unlink_element(map, bucket, index);
		}
		unlock_bucket(map, bucket);
		if (is_mine) return index;
	}
	return NONE;
}
#endif

/* An element where none is free: of owners who are gone, or of lru maps something old. No lock is held. */
static NOINLINE u32 claim_element(struct map_handle *map)
{
	struct block *block = block_of(map);
	u32 gone = LOAD(&block->gone);
	if (gone != 0 && (gone == map->owner || (map->alive != 0 && ((u64(*)(u64))(uintptr_t)map->alive)(gone) == 0))) {
		STORE(&block->gone, 0);
		gather_elements(map, gone);
		u32 index = pop_free(map);
		if (index != NONE) return index;
	}
#ifndef MAP_NO_LRU
	if (map->extra != 0) return evict(map);
#endif
	return NONE;
}
