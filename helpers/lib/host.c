/* Helpers that look at a map's type, and what hosts call: whole values, walks, counts, recovery. */
#include "private.h"

static INLINE u32 is_hash(struct map_handle *map) { return map->kind == KIND_HASH || map->kind == KIND_LPM; }

static INLINE u64 call_lookup(struct map_handle *map, const void *key)
{
	return ((u64(*)(struct map_handle *, const void *))(uintptr_t)map->lookup)(map, key);
}

static INLINE i64 call_update(struct map_handle *map, const void *key, const void *value, u64 flags)
{
	return ((i64(*)(struct map_handle *, const void *, const void *, u64))(uintptr_t)map->update)(map, key, value, flags);
}

static INLINE i64 call_remove(struct map_handle *map, const void *key)
{
	return ((i64(*)(struct map_handle *, const void *))(uintptr_t)map->remove)(map, key);
}

EXPORT("helper/1") uint64_t map_lookup(struct map_handle *map, const void *key) { return call_lookup(map, key); }
EXPORT("helper/3") int64_t map_delete(struct map_handle *map, const void *key) { return call_remove(map, key); }

EXPORT("helper/2")
int64_t map_update(struct map_handle *map, const void *key, const void *value, uint64_t flags)
{
	return call_update(map, key, value, flags);
}

/* The same under mybpf's numbers. */
#ifdef __bpf__
EXPORT("helper/1000500") u64 sys_lookup(struct map_handle *map, const void *key) { return call_lookup(map, key); }
EXPORT("helper/1000502") i64 sys_delete(struct map_handle *map, const void *key) { return call_remove(map, key); }

EXPORT("helper/1000501")
i64 sys_update(struct map_handle *map, const void *key, const void *value, u64 flags)
{
	return call_update(map, key, value, flags);
}
#endif

/* The first key without a key or where that key is not there (Linux), else the one behind it. */
EXPORT("helper/1000503") int64_t map_next_key(struct map_handle *map, const void *key, void *next)
{
	u32 index = 0, max = map->is.max_entries;
	if (map->kind == KIND_ARRAY || map->kind == KIND_TARGETS) {
		if (key != 0 && READ(u32, key) < max) index = READ(u32, key) + 1;
		if (index == max) return -MAP_ENOENT;
		WRITE(u32, next, index);
		return 0;
	}
	if (!is_hash(map)) return -MAP_EINVAL;
	if (key != 0) {
		u64 at;
#ifndef MAP_NO_LPM
		if (map->kind == KIND_LPM) at = lpm_exact(map, key);
		else
#endif
			at = hash_lookup(map, key);
		if (at != 0) index = (u32)(at - map->data) / map->stride + 1;
	}
	for (; index < max; index++)
		if (hash_get_index(map, index, next, 0, 0) == 0) return 0;
	return -MAP_ENOENT;
}

EXPORT("helper/195") uint64_t map_lookup_percpu(struct map_handle *map, const void *key, uint64_t cpu)
{
	if (map->area == 0 || (u32)cpu >= map->is.cpus) return 0;
	u64 at = call_lookup(map, key);
	return at == 0 ? 0 : at - map->cpu * map->area + (u32)cpu * map->area;
}

EXPORT("helper/87") int64_t map_push(struct map_handle *map, const void *value, uint64_t flags)
{
#ifndef MAP_NO_QUEUE
	if (map->kind == KIND_QUEUE) return queue_push(map, value, flags);
#endif
#ifndef MAP_NO_BLOOM
	if (map->kind == KIND_BLOOM) return flags != MAP_ANY ? -MAP_EINVAL : bloom(map, value, 1);
#endif
	return -MAP_EINVAL;
}

EXPORT("helper/88") int64_t map_pop(struct map_handle *map, void *value)
{
#ifndef MAP_NO_QUEUE
	if (map->kind == KIND_QUEUE) return queue_get(map, value, QUEUE_POP);
#endif
	return map->kind == KIND_BLOOM ? -MAP_EOPNOTSUPP : -MAP_EINVAL;
}

EXPORT("helper/89") int64_t map_peek(struct map_handle *map, void *value)
{
#ifndef MAP_NO_QUEUE
	if (map->kind == KIND_QUEUE) return queue_get(map, value, QUEUE_PEEK);
#endif
#ifndef MAP_NO_BLOOM
	if (map->kind == KIND_BLOOM) return bloom(map, value, 0);
#endif
	return -MAP_EINVAL;
}

/* Numbers are stored plus one, so that 0 is nothing. */
static INLINE i64 number_out(void *value, u64 from)
{
	WRITE(u32, value, (u32)from - 1);
	return 0;
}

EXPORT("map/map_read") int64_t map_read(struct map_handle *map, const void *key, void *value)
{
	if (map->kind == KIND_ARRAY) return array_read(map, key, value);
	if (map->kind == KIND_TARGETS) return target_read(map, key, value);
#ifndef MAP_NO_LPM
	if (map->kind == KIND_LPM) return lpm_find(map, key, value) != 0 ? 0 : -MAP_ENOENT;
#endif
	if (map->kind != KIND_HASH) return map_peek(map, value);
	i64 result = hash_get(map, key, value, 0);
	return result == 0 && map->is.type == MAP_HASH_OF_MAPS ? number_out(value, READ(u32, value)) : result;
}

EXPORT("map/map_write")
int64_t map_write(struct map_handle *map, const void *key, const void *value, uint64_t flags)
{
	if (map->kind == KIND_ARRAY) return array_put(map, key, value, flags, 1);
	if (map->kind == KIND_TARGETS) return target_write(map, key, value, flags);
	if (map->kind == KIND_LPM) return call_update(map, key, value, flags);
	if (map->kind != KIND_HASH) return map_push(map, value, flags);
	if (flags > MAP_EXIST) return -MAP_EINVAL;
	if (map->is.type != MAP_HASH_OF_MAPS) return hash_put(map, key, value, flags | ALL_CPUS);
	u32 number = READ(u32, value);
	if (number++ >= 0x7fffffff) return -MAP_EINVAL;
	return hash_put(map, key, (const u8 *)&number, flags);
}

/* The element at an index, copied. */
static NOINLINE i64 read_index(struct map_handle *map, u32 index, void *key, void *value)
{
	i64 result;
	if (is_hash(map)) result = hash_get_index(map, index, key, value, 0);
#ifndef MAP_NO_QUEUE
	else if (map->kind == KIND_QUEUE) return queue_get(map, value, QUEUE_AT + index);
#endif
	else {
		result = map->kind == KIND_ARRAY ? array_read(map, &index, value) : target_read(map, &index, value);
		if (result == 0) WRITE(u32, key, index);
	}
	return result == 0 && map->is.type == MAP_HASH_OF_MAPS ? number_out(value, READ(u32, value)) : result;
}

EXPORT("map/map_walk") int64_t map_walk(struct map_handle *map, uint64_t *cursor, void *key, void *value)
{
	u64 index = *cursor;
	if (map->kind == KIND_RING || map->kind == KIND_BLOOM) return -MAP_EINVAL;
	for (; index < map->is.max_entries; index++)
		if (read_index(map, (u32)index, key, value) == 0) {
			*cursor = index + 1;
			return 0;
		}
	*cursor = index;
	return -MAP_ENOENT;
}

EXPORT("map/map_take") int64_t map_take(struct map_handle *map, const void *key, void *value)
{
#ifndef MAP_NO_LPM
	if (map->kind == KIND_LPM) return lpm_take(map, key, value);
#endif
	if (map->kind != KIND_HASH) return map_pop(map, value);
	i64 result = hash_get(map, key, value, 1);
	return result == 0 && map->is.type == MAP_HASH_OF_MAPS ? number_out(value, READ(u32, value)) : result;
}

EXPORT("map/map_count") int64_t map_count(struct map_handle *map)
{
	i64 count = 0;
	u32 first;
	if (map->kind == KIND_ARRAY) return map->is.max_entries;
#ifndef MAP_NO_QUEUE
	if (map->kind == KIND_QUEUE) return queue_state(map, &first);
#endif
#ifndef MAP_NO_RINGBUF
	if (map->kind == KIND_RING)
		return (u64)((u32)LOAD(&ring_of(map)->producer) - LOAD(&ring_of(map)->consumer)) * 8;
#endif
	if (map->kind == KIND_BLOOM) return -MAP_EINVAL;
	(void)first;
	for (u32 index = 0; index < map->is.max_entries; index++)
		count += is_hash(map) ? is_live(map, index) : LOAD(target_word(map, index)) != 0;
	return count;
}

EXPORT("map/map_clear") int64_t map_clear(struct map_handle *map)
{
	u64 values = map->data - map->cpu * map->area;
#ifndef MAP_NO_QUEUE
	if (map->kind == KIND_QUEUE) {
		take_lock(map, &block_of(map)->lock);
		set_queue(map, 0, 0);
		free_lock(map, &block_of(map)->lock);
		return 0;
	}
#endif
#ifndef MAP_NO_RINGBUF
	if (map->kind == KIND_RING) {
		u64 at;
		for (u32 most = ring_size(map); most > 0 && ringbuf_peek(map, &at) >= 0; most--) ringbuf_release(map);
		return 0;
	}
#endif
	if (is_hash(map))
		for (u32 index = 0; index < map->is.max_entries; index++) hash_get_index(map, index, 0, 0, 1);
	else if (map->kind == KIND_BLOOM) fill_zero(values, ((u64)map->stride + 1) / 8);
	else fill_zero(values, map->area != 0 ? map->area * map->is.cpus : (u64)map->is.max_entries * map->stride + 7);
	return 0;
}

static NOINLINE void recover_lock(struct map_handle *map, u32 *lock, u32 gone)
{
	(void)map;
	if (LOAD(lock) == gone) (void)CAS(lock, gone, 0u);
}

EXPORT("map/map_recover") int64_t map_recover(struct map_handle *map, uint32_t gone)
{
	if (gone == 0) return -MAP_EINVAL;
	recover_lock(map, &block_of(map)->lock, gone);
	if (map->kind == KIND_ARRAY)
		for (u32 k = 0; k < ARRAY_LOCKS; k++) recover_lock(map, (u32 *)ADDRESS(map->extra) + k, gone);
#ifndef MAP_NO_RINGBUF
	if (map->kind == KIND_RING) {
		u64 was = LOAD(&ring_of(map)->producer);
		if (was >> 32 == gone) (void)CAS(&ring_of(map)->producer, was, (u64)(u32)was);
	}
#endif
	if (!is_hash(map)) return 0;
	for (u32 bucket = 0; bucket < bucket_count(map); bucket++) {
		u32 *lock = &bucket_at(map, bucket)->lock;
		if (LOAD(lock) != gone || CAS(lock, gone, map->owner) != gone) continue;
		repair_chain(map, bucket, gone);
		unlock_bucket(map, bucket);
	}
	gather_elements(map, gone);
	return 0;
}
