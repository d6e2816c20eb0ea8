/*
 * array, percpu_array: values in a row, always there. Linux: an index outside is null for lookups and -E2BIG for updates; NOEXIST is
 * -EEXIST, delete -EINVAL. Copies of more than a word are made under one of 16 locks, so that hosts read them whole.
 */
#include "private.h"

#define ARRAY_LOCKS 16u

static u64 array_lookup(struct map_handle *map, const void *key)
{
	u32 index = READ(u32, key);
	if (__builtin_expect(index >= map->is.max_entries, 0)) return 0;
	return map->data + (u64)index * map->stride;
}

static INLINE u32 *array_lock(struct map_handle *map, u32 index)
{
	u32 *lock = (u32 *)ADDRESS(map->extra) + index % ARRAY_LOCKS;
	take_lock(map, lock);
	return lock;
}

/* `all`: a host's value, all cpus' one behind the other. */
static NOINLINE i64 array_put(struct map_handle *map, const void *key, const u8 *value, u64 flags, u64 all)
{
	u32 index = READ(u32, key), size = map->is.value_size;
	if (flags > MAP_EXIST) return -MAP_EINVAL;
	if (index >= map->is.max_entries) return -MAP_E2BIG;
	if (flags == MAP_NOEXIST) return -MAP_EEXIST;
	u64 to = map->data + (u64)index * map->stride;
	u32 *lock = array_lock(map, index);
	if (all && map->area != 0) {
		to -= map->cpu * map->area;
		for (u32 cpu = 0; cpu < map->is.cpus; cpu++, to += map->area, value += map->stride)
			copy_in(to, value, size);
	} else copy_in(to, value, size);
	free_lock(map, lock);
	return 0;
}

static i64 array_update(struct map_handle *map, const void *key, const void *value, u64 flags)
{
	u64 to = array_lookup(map, key);
	if (to == 0 || map->is.value_size != 8 || (flags & ~(u64)MAP_EXIST) != 0) return array_put(map, key, value, flags, 0);
	STORE((word *)ADDRESS(to), READ(u64, value));
	return 0;
}

/* Types without an operation. */
static u64 no_lookup(struct map_handle *map, const void *key)
{
	(void)map, (void)key;
	return 0;
}

static i64 no_update(struct map_handle *map, const void *key, const void *value, u64 flags)
{
	(void)map, (void)key, (void)value, (void)flags;
	return -MAP_EINVAL;
}

static i64 no_remove(struct map_handle *map, const void *key)
{
	(void)map, (void)key;
	return -MAP_EINVAL;
}

/* All cpus' values at `from`, each filled up to a multiple of 8, or the one; to a host. */
static NOINLINE void value_out(struct map_handle *map, u8 *to, u64 from)
{
	u32 cpus = map->area != 0 ? map->is.cpus : 1, size = map->area != 0 ? map->stride : map->is.value_size;
	from -= map->cpu * map->area;
	for (u32 cpu = 0; cpu < cpus; cpu++, from += map->area, to += map->stride) copy_out(to, from, size);
}

static i64 array_read(struct map_handle *map, const void *key, void *value)
{
	u64 at = array_lookup(map, key);
	if (at == 0) return -MAP_ENOENT;
	u32 *lock = array_lock(map, READ(u32, key));
	value_out(map, value, at);
	free_lock(map, lock);
	return 0;
}
