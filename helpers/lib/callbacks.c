/* loop and for_each_elem: a program's function called again and again; no lock is held meanwhile. */
#include "private.h"

#ifdef __bpf__
typedef u64 callback_type(u64, u64, u64, u64, u64);
#define CALL(function, a, b, c, d) ((callback_type *)(uintptr_t)(function))(a, b, c, d, 0)
#else
typedef u64 callback_type(u64, u64, u64, u64, u64, u64);
#define CALL(function, a, b, c, d) ((callback_type *)(uintptr_t)(function))(a, b, c, d, unused, got)
#endif
#define MOST_ROUNDS (1u << 23)

EXPORT("helper/181") int64_t loop(uint64_t count, uint64_t callback, uint64_t ctx, uint64_t flags MAP_GOT)
{
	if (flags != 0) return -MAP_EINVAL;
	if ((u32)count > MOST_ROUNDS) return -MAP_E2BIG;
	for (u32 round = 0; round < (u32)count; round++)
		if (CALL(callback, round, ctx, 0, 0) != 0) return round + 1;
	return (u32)count;
}

/* (map, key, value, ctx) of each element: the element's own key and value. Returns the number of calls. */
EXPORT("helper/164")
int64_t for_each_elem(struct map_handle *map, uint64_t callback, uint64_t ctx, uint64_t flags MAP_GOT)
{
	u32 is_array = map->kind == KIND_ARRAY;
	if (flags != 0 || (!is_array && map->kind != KIND_HASH) || map->is.type == MAP_HASH_OF_MAPS) return -MAP_EINVAL;
	i64 calls = 0;
	for (u32 index = 0; index < map->is.max_entries; index++) {
		u32 number = index;
		u64 key = WORD(&number);
		if (!is_array) {
			if (!is_live(map, index)) continue;
			key = WORD(key_at(element_at(map, index)));
		}
		calls++;
		if (CALL(callback, WORD(map), key, value_at(map, index), ctx) != 0) break;
	}
	return calls;
}
