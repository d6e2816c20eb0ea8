/*
 * hash, percpu_hash, lru_hash, lru_percpu_hash, hash_of_maps: buckets that head chains of preallocated elements. Linux's results:
 * full is -E2BIG, EXIST without the key -ENOENT, NOEXIST with it -EEXIST, other flags -EINVAL.
 *
 * An element is its link, its state, its key, its value; per-cpu values stand by themselves. State: bucket + 1 = a live element of that
 * bucket; 0 = free; CLAIM | owner = being made or removed. Chains end in END | bucket, the list of free elements in NONE.
 * Lookups take no lock: the state tells whether what they found is of their bucket, the end whether the chain was. An element
 * that was inserted before the lookup began is behind the one that led astray, or the end shows that the chain is another's.
 * Writers hold the bucket's lock; each step leaves chains whole.
 *   insert: pop a free element, claim it, contents, link as first, state live.   remove: claim, unlink, state free, push.
 * Order on arm64: a link is published behind the contents; readers reach contents through the link (address dependency), and
 * the state behind the key, the value behind the state (AFTER).
 */
#include "private.h"

/* Under the bucket's lock. The index, NONE, or BROKEN: the chain leads nowhere. */
static INLINE u32 find_locked(struct map_handle *map, u32 bucket, const u8 *key, u32 size)
{
	u32 link = LOAD(&bucket_at(map, bucket)->head), max = map->is.max_entries;
	for (u32 steps = 0; link < max && steps < max; steps++) {
		struct element *at = element_at(map, link);
		if ((size == 0 ? difference_any(map, at, key) : difference(at, key, size)) == 0 && LOAD(&at->state) == bucket + 1) return link;
		link = LOAD(&at->next);
	}
	return link == (END | bucket) ? NONE : BROKEN;
}

static NOINLINE u32 find_any(struct map_handle *map, u32 bucket, const u8 *key)
{
	return find_locked(map, bucket, key, 0);
}

static NOINLINE u32 find_with_lock(struct map_handle *map, const u8 *key)
{
	u32 bucket = bucket_any(map, key);
	lock_bucket(map, bucket);
	u32 found = find_any(map, bucket, key);
	unlock_bucket(map, bucket);
	return found;
}

/* size: 4 or 8, for code of their own, or 0 for any. */
static INLINE u64 find(struct map_handle *map, const u8 *key, u32 size)
{
	u32 bucket = size == 0 ? bucket_any(map, key) : bucket_of(map, key, size), max = map->is.max_entries, index;
	u64 state = 0;
	for (u32 tries = 0; tries < TRIES; tries++) {
		u32 link = LOAD(&bucket_at(map, bucket)->head);
		for (u32 steps = 0; link < max && steps < max; steps++) {
			struct element *at = element_at(map, link);
			u64 differ = size == 0 ? difference_any(map, at, key) : difference(at, key, size);
			if (differ == 0) {
				state = LOAD((u32 *)ADDRESS(AFTER(WORD(&at->state), differ))) ^ (bucket + 1);
				if (state == 0) {
					index = link;
					goto found;
				}
			}
			link = LOAD(&at->next);
		}
		if (link == (END | bucket)) return 0;
	}
	index = find_with_lock(map, key);
	if (index >= max) return 0;
found:
	if (map->extra != 0) {
		u8 *used = (u8 *)ADDRESS(map->extra) + index;
		if (LOAD(used) == 0) STORE(used, 1);
	}
	return AFTER(value_at(map, index), state);
}

#ifndef MAP_SMALL
static u64 hash_lookup_4(struct map_handle *map, const void *key) { return find(map, key, 4); }
static u64 hash_lookup_8(struct map_handle *map, const void *key) { return find(map, key, 8); }
#endif

static u64 hash_lookup(struct map_handle *map, const void *key) { return find(map, key, 0); }

static u64 nested_lookup(struct map_handle *map, const void *key)
{
	u64 at = hash_lookup(map, key);
	return at == 0 ? 0 : target_of(map, (u32)LOAD((word *)ADDRESS(at)));
}

/* A program sets its cpu's value alone; in a new element all others are 0. */
static NOINLINE void write_value(struct map_handle *map, u64 to, const u8 *value, u64 all, u32 is_new)
{
	if (map->area == 0 || (!all && !is_new)) {
		copy_in(to, value, map->is.value_size);
		return;
	}
	u64 own = to;
	to -= map->cpu * map->area;
	for (u32 cpu = 0; cpu < map->is.cpus; cpu++, to += map->area) {
		if (all) {
			copy_in(to, value, map->is.value_size);
			value += map->stride;
		} else if (to == own) copy_in(to, value, map->is.value_size);
		else fill_zero(to, map->stride);
	}
}

/* Under the bucket's lock: a claimed element becomes the first of its chain. */
static INLINE void insert(struct map_handle *map, u32 bucket, u32 index, const u8 *key)
{
	struct element *at = element_at(map, index);
	struct bucket *into = bucket_at(map, bucket);
	copy_in(WORD(key_at(at)), key, map->is.key_size);
	if (map->extra != 0) STORE((u8 *)ADDRESS(map->extra) + index, 0);
	STORE(&at->next, LOAD(&into->head));
	PUBLISH(&into->head, index);
	PUBLISH(&at->state, bucket + 1);
}

/* A key that is found: its value is set. */
static NOINLINE i64 put_found(struct map_handle *map, u32 index, const u8 *value, u64 flags)
{
	if ((u32)flags == MAP_NOEXIST) return -MAP_EEXIST;
	write_value(map, value_at(map, index), value, flags & ALL_CPUS, 0);
	if (map->extra != 0) STORE((u8 *)ADDRESS(map->extra) + index, 1);
	return 0;
}

/* Any update. Where no element is free, a second round comes with one that was evicted or gathered. */
static NOINLINE i64 hash_put(struct map_handle *map, const u8 *key, const u8 *value, u64 flags)
{
	u32 bucket = bucket_any(map, key), mine = NONE;
	i64 result = -MAP_E2BIG;
	if ((flags & ~ALL_CPUS) > MAP_EXIST) return -MAP_EINVAL;
	for (u32 round = 0; round < 2 && result == -MAP_E2BIG; round++) {
		if (round == 1 && (mine = claim_element(map)) == NONE) return map->extra != 0 ? -MAP_ENOMEM : -MAP_E2BIG;
		lock_bucket(map, bucket);
		u32 found = find_any(map, bucket, key);
		if (found == BROKEN) result = -MAP_EINVAL;
		else if (found != NONE) result = put_found(map, found, value, flags);
		else if ((u32)flags == MAP_EXIST) result = -MAP_ENOENT;
		else if (mine != NONE || (mine = pop_free(map)) != NONE) {
			write_value(map, value_at(map, mine), value, flags & ALL_CPUS, 1);
			insert(map, bucket, mine, key);
			mine = NONE;
			result = 0;
		}
		unlock_bucket(map, bucket);
	}
	if (mine != NONE) push_free(map, mine);
	return result;
}

#ifndef MAP_SMALL
/* A key that is there and a lock that is free, the most frequent case; the rest is hash_put's. */
static INLINE i64 update(struct map_handle *map, const u8 *key, const u8 *value, u64 flags, u32 size)
{
	u32 bucket = bucket_of(map, key, size);
	if (flags != MAP_NOEXIST && CAS(&bucket_at(map, bucket)->lock, 0u, map->owner) == 0) {
		u32 found = find_locked(map, bucket, key, size);
		if (found < map->is.max_entries) {
			set_value(value_at(map, found), value, map->is.value_size);
			if (map->extra != 0) STORE((u8 *)ADDRESS(map->extra) + found, 1);
		}
		(void)CAS(&bucket_at(map, bucket)->lock, map->owner, 0u);
		if (found < map->is.max_entries) return 0;
	}
	return hash_put(map, key, value, flags);
}

static i64 hash_update_8(struct map_handle *map, const void *key, const void *value, u64 flags)
{
	return flags > MAP_EXIST ? -MAP_EINVAL : update(map, key, value, flags, 8);
}

#endif

static i64 hash_update(struct map_handle *map, const void *key, const void *value, u64 flags)
{
	return flags > MAP_EXIST ? -MAP_EINVAL : hash_put(map, key, value, flags);
}

/* Takes a live element out, under its bucket's lock; it is then to be pushed. */
static NOINLINE void detach(struct map_handle *map, u32 bucket, u32 index)
{
	STORE(&element_at(map, index)->state, CLAIM | map->owner);
	unlink_element(map, bucket, index);
}

/* Reads (value not 0) and removes (take) what has a key. */
static NOINLINE i64 hash_get(struct map_handle *map, const u8 *key, u8 *value, u32 take)
{
	u32 bucket = bucket_any(map, key);
	lock_bucket(map, bucket);
	u32 found = find_any(map, bucket, key);
	if (found < map->is.max_entries) {
		if (value != 0) value_out(map, value, value_at(map, found));
		if (take) detach(map, bucket, found);
	}
	unlock_bucket(map, bucket);
	if (found == BROKEN) return -MAP_EINVAL;
	if (found == NONE) return -MAP_ENOENT;
	if (take) push_free(map, found);
	return 0;
}

static i64 hash_remove(struct map_handle *map, const void *key) { return hash_get(map, key, 0, 1); }

/* Copies the element at an index, if one lives there; removes it (take). */
static NOINLINE i64 hash_get_index(struct map_handle *map, u32 index, u8 *key, u8 *value, u32 take)
{
	struct element *at = element_at(map, index);
	u32 state = LOAD(&at->state), bucket = state - 1;
	if (bucket >= bucket_count(map)) return -MAP_ENOENT;
	lock_bucket(map, bucket);
	u32 is_live = LOAD(&at->state) == state;
	if (is_live) {
		if (key != 0) copy_out(key, WORD(key_at(at)), map->is.key_size);
		if (value != 0) value_out(map, value, value_at(map, index));
		if (take) detach(map, bucket, index);
	}
	unlock_bucket(map, bucket);
	if (is_live && take) push_free(map, index);
	return is_live ? 0 : -MAP_ENOENT;
}
