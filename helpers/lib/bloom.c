/* bloom_filter: five bits of a power of two for each value. Push adds, peek tests: 0 = perhaps, -ENOENT = certainly not. */
#include "private.h"

#define BLOOM_HASHES 5

/* stride: bits - 1 */
static NOINLINE i64 bloom(struct map_handle *map, const u8 *value, u32 add)
{
	u64 hash = mix(hash_any(value, map->is.value_size) + 1);
	u64 step = mix(hash) | 1;
	for (u32 k = 0; k < BLOOM_HASHES; k++) {
		hash += step;
		u32 bit = (u32)(hash >> 32) & map->stride, mask = 1u << bit % 32;
		u32 *at = (u32 *)ADDRESS(map->data) + bit / 32;
		if ((LOAD(at) & mask) != 0) continue;
		if (!add) return -MAP_ENOENT;
		OR(at, mask);
	}
	return 0;
}
