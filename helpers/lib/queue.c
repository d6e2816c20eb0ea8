/*
 * queue, stack: a ring of values under a lock; count and first value are one word, which is stored last. Linux: push on full is
 * -E2BIG, with EXIST the oldest goes; pop and peek of nothing give -ENOENT and a value of 0.
 */
#include "private.h"

static INLINE u64 slot_at(struct map_handle *map, u32 first, u32 place)
{
	u32 slot = first + place;
	if (slot >= map->is.max_entries) slot -= map->is.max_entries;
	return map->data + (u64)slot * map->stride;
}

/* Count, and the first value's place; a corrupted word is an empty queue. */
static INLINE u32 queue_state(struct map_handle *map, u32 *first)
{
	u64 state = LOAD(&block_of(map)->state);
	*first = (u32)state;
	if ((u32)state < map->is.max_entries && state >> 32 <= map->is.max_entries) return (u32)(state >> 32);
	*first = 0;
	return 0;
}

static INLINE void set_queue(struct map_handle *map, u32 count, u32 first)
{
	STORE(&block_of(map)->state, (u64)count << 32 | first);
}

static NOINLINE i64 queue_push(struct map_handle *map, const void *value, u64 flags)
{
	u32 max = map->is.max_entries, first;
	if (flags != MAP_ANY && flags != MAP_EXIST) return -MAP_EINVAL;
	take_lock(map, &block_of(map)->lock);
	u32 count = queue_state(map, &first);
	i64 result = 0;
	if (count == max && flags == MAP_ANY) result = -MAP_E2BIG;
	else {
		if (count == max) {
			first = first + 1 < max ? first + 1 : 0;
			set_queue(map, --count, first);
		}
		copy_in(slot_at(map, first, count), value, map->is.value_size);
		set_queue(map, count + 1, first);
	}
	free_lock(map, &block_of(map)->lock);
	return result;
}

/* Or QUEUE_AT + a place from the oldest on, for hosts. */
enum { QUEUE_PEEK, QUEUE_POP, QUEUE_AT };

static NOINLINE i64 queue_get(struct map_handle *map, u8 *value, u32 what)
{
	u32 first, place = what - QUEUE_AT;
	take_lock(map, &block_of(map)->lock);
	u32 count = queue_state(map, &first);
	if (what < QUEUE_AT) place = map->is.type == MAP_QUEUE ? 0 : count - 1;
	u32 is_there = place < count;
	if (is_there) copy_out(value, slot_at(map, first, place), map->is.value_size);
	else if (what < QUEUE_AT)
		for (u32 k = 0; k < map->is.value_size; k++) *(volatile u8 *)(value + k) = 0;
	if (is_there && what == QUEUE_POP) {
		if (map->is.type == MAP_QUEUE) first = first + 1 < map->is.max_entries ? first + 1 : 0;
		set_queue(map, count - 1, first);
	}
	free_lock(map, &block_of(map)->lock);
	return is_there ? 0 : -MAP_ENOENT;
}
