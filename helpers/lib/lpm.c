/*
 * lpm_trie: a hash map whose keys are prefixes with the bits behind their length cleared, and a bitmap of the lengths that were
 * ever used. A lookup tries the lengths from the key's down. Keys are Linux's: u32 length in bits, then the data, from the most
 * significant bit of its first byte on. A length is noted before its first prefix is inserted, and stays noted.
 */
#include "private.h"

#define LPM_MOST_DATA 256u

struct prefix {
	u32 length;
	u8 data[LPM_MOST_DATA];
};

static INLINE u32 *lengths_of(struct map_handle *map) { return ADDRESS(map->own[0]); }
static INLINE u32 data_bits(struct map_handle *map) { return (map->is.key_size - 4) * 8; }

/* Cuts a prefix to `length` bits. */
static INLINE void cut(struct prefix *prefix, u32 length, u32 bytes)
{
	u32 from = length / 8;
	prefix->length = length;
	if (length % 8 != 0) {
		prefix->data[from] &= (u8)(0xff00u >> length % 8);
		from++;
	}
	for (; from < bytes; from++) *(volatile u8 *)&prefix->data[from] = 0;
}

/* A key, cut to its own length. -EINVAL: the length is more than there are bits. */
static INLINE i64 read_prefix(struct map_handle *map, struct prefix *prefix, const u8 *key)
{
	u32 length = READ(u32, key), bytes = map->is.key_size - 4;
	if (length > bytes * 8) return -MAP_EINVAL;
	for (u32 k = 0; k < bytes; k++) *(volatile u8 *)&prefix->data[k] = key[4 + k];
	cut(prefix, length, bytes);
	return 0;
}

/* The next used length below `below`, or NONE. */
static INLINE u32 shorter(struct map_handle *map, u32 below)
{
	u32 *lengths = lengths_of(map);
	while (below > 0) {
		u32 at = (below - 1) / 32, word = LOAD(lengths + at), bits = (below - 1) % 32;
		word &= 0xffffffffu >> (31 - bits);
		if (word == 0) {
			below = at * 32;
			continue;
		}
		u32 highest = 0;
		for (u32 step = 16; step > 0; step >>= 1)
			if (word >> (highest + step) != 0) highest += step;
		return at * 32 + highest;
	}
	return NONE;
}

static u64 lpm_lookup(struct map_handle *map, const void *key)
{
	struct prefix prefix;
	if (read_prefix(map, &prefix, key) != 0) return 0;
	for (u32 length = shorter(map, prefix.length + 1); length != NONE; length = shorter(map, length)) {
		cut(&prefix, length, map->is.key_size - 4);
		u64 at = hash_lookup(map, &prefix);
		if (at != 0) return at;
	}
	return 0;
}

static i64 lpm_read(struct map_handle *map, const void *key, void *value)
{
	struct prefix prefix;
	if (read_prefix(map, &prefix, key) != 0) return -MAP_ENOENT;
	for (u32 length = shorter(map, prefix.length + 1); length != NONE; length = shorter(map, length)) {
		cut(&prefix, length, map->is.key_size - 4);
		i64 result = hash_get(map, (const u8 *)&prefix, value, 0);
		if (result != -MAP_ENOENT) return result;
	}
	return -MAP_ENOENT;
}

static i64 lpm_update(struct map_handle *map, const void *key, const void *value, u64 flags)
{
	struct prefix prefix;
	if (flags > MAP_EXIST || read_prefix(map, &prefix, key) != 0) return -MAP_EINVAL;
	u32 *at = lengths_of(map) + prefix.length / 32, mask = 1u << prefix.length % 32;
	if (flags != MAP_EXIST && (LOAD(at) & mask) == 0) OR(at, mask);
	i64 result = hash_put(map, (const u8 *)&prefix, value, flags);
	return result == -MAP_E2BIG ? -MAP_ENOSPC : result;
}

static i64 lpm_remove(struct map_handle *map, const void *key)
{
	struct prefix prefix;
	if (read_prefix(map, &prefix, key) != 0) return -MAP_EINVAL;
	return hash_get(map, (const u8 *)&prefix, 0, 1);
}

/* The exact prefix, in maps that have others too: for next_key. */
static u64 lpm_exact(struct map_handle *map, const void *key)
{
	struct prefix prefix;
	return read_prefix(map, &prefix, key) != 0 ? 0 : hash_lookup(map, &prefix);
}

static i64 lpm_take(struct map_handle *map, const void *key, void *value)
{
	struct prefix prefix;
	if (read_prefix(map, &prefix, key) != 0) return -MAP_EINVAL;
	return hash_get(map, (const u8 *)&prefix, value, 1);
}
