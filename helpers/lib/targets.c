/*
 * prog_array, array_of_maps: numbers of programs and of maps, which a handle has the addresses of. A word holds number + 1, 0 =
 * nothing. Only hosts write them.
 */
#include "private.h"

static INLINE u64 target_of(struct map_handle *map, u32 word)
{
	return word - 1 < map->count ? ((const u64 *)ADDRESS(map->targets))[word - 1] : 0;
}

static INLINE u32 *target_word(struct map_handle *map, u64 index)
{
	return index < map->is.max_entries ? (u32 *)ADDRESS(map->data + index * map->stride) : 0;
}

static u64 target_lookup(struct map_handle *map, const void *key)
{
	u32 *at = target_word(map, READ(u32, key));
	return at == 0 ? 0 : target_of(map, LOAD(at));
}

EXPORT("helper/12") uint64_t tail_target(struct map_handle *map, uint64_t index)
{
	u32 *at = map->is.type == MAP_PROG_ARRAY ? target_word(map, (u32)index) : 0;
	u64 target = at == 0 ? 0 : target_of(map, LOAD(at));
	u64 *under_way = (u64 *)ADDRESS(map->targets) - 1;
	if (target == 0 || *under_way >= MAP_MOST_TAIL_CALLS) return 0;
	++*under_way;
	return target;
}

static i64 target_write(struct map_handle *map, const void *key, const void *value, u64 flags)
{
	u32 *at = target_word(map, READ(u32, key));
	u32 number = READ(u32, value);
	if (flags != MAP_ANY || number >= 0x7fffffff) return -MAP_EINVAL;
	if (at == 0) return -MAP_E2BIG;
	STORE(at, number + 1);
	return 0;
}

static i64 target_remove(struct map_handle *map, const void *key)
{
	u32 *at = target_word(map, READ(u32, key));
	if (at == 0) return -MAP_E2BIG;
	return SWAP(at, 0u) == 0 ? -MAP_ENOENT : 0;
}

static i64 target_read(struct map_handle *map, const void *key, void *value)
{
	u32 *at = target_word(map, READ(u32, key));
	u32 word = at == 0 ? 0 : LOAD(at);
	if (word == 0) return -MAP_ENOENT;
	WRITE(u32, value, word - 1);
	return 0;
}
