/*
 * lpm_trie: a hash map whose keys are prefixes with the bits behind their length cleared, and a bitmap of the lengths that were
 * ever used. A lookup tries the lengths from the key's down. Keys are Linux's: u32 length in bits, then the data, from the most
 * significant bit of its first byte on. A length is noted before its first prefix is inserted, and stays noted.
 */
#include "private.h"

struct prefix {
	u32 length;
	u8 data[LPM_MOST_DATA];
};

static INLINE u32 *lengths_of(struct map_handle *map) { return ADDRESS(map->lengths); }
static INLINE u32 data_bits(struct map_handle *map) { return (map->is.key_size - 4) * 8; }

/* Cuts a prefix to `length` bits. */
static NOINLINE void cut(struct prefix *prefix, u32 length, u32 bytes)
{
	volatile u8 *data = prefix->data;
	u32 from = length / 8;
	prefix->length = length;
	if (length % 8 != 0) {
		data[from] &= (u8)(0xff00u >> length % 8);
		from++;
	}
	for (; from < bytes; from++) data[from] = 0;
}

/* A key, cut to its own length. -EINVAL: the length is more than there are bits. */
static NOINLINE i64 read_prefix(struct map_handle *map, struct prefix *prefix, const u8 *key)
{
	u32 length = READ(u32, key), bytes = map->is.key_size - 4;
	volatile u8 *data = prefix->data;
	if (length > bytes * 8) return -MAP_EINVAL;
	for (u32 k = 0; k < bytes; k++) data[k] = key[4 + k];
	cut(prefix, length, bytes);
	return 0;
}

/* The next used length below `below`, or NONE. */
static NOINLINE u32 shorter(struct map_handle *map, u32 below)
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

/* The longest prefix of a key: its value's address, or 0. With `out`, a copy there, and 1. */
static NOINLINE u64 lpm_find(struct map_handle *map, const void *key, u8 *out)
{
	struct prefix prefix;
	if (read_prefix(map, &prefix, key) != 0) return 0;
	for (u32 length = shorter(map, prefix.length + 1); length != NONE; length = shorter(map, length)) {
		cut(&prefix, length, map->is.key_size - 4);
		u64 at = hash_lookup(map, &prefix);
		if (at != 0 && out == 0) return at;
		if (at != 0 && hash_get(map, (const u8 *)&prefix, out, 0) == 0) return 1;
	}
	return 0;
}

static u64 lpm_lookup(struct map_handle *map, const void *key) { return lpm_find(map, key, 0); }

static i64 lpm_update(struct map_handle *map, const void *key, const void *value, u64 flags)
{
	struct prefix prefix;
	if (flags > MAP_EXIST || read_prefix(map, &prefix, key) != 0) return -MAP_EINVAL;
	u32 *at = lengths_of(map) + prefix.length / 32, mask = 1u << prefix.length % 32;
	if (flags != MAP_EXIST && (LOAD(at) & mask) == 0) OR(at, mask);
	i64 result = hash_put(map, (const u8 *)&prefix, value, flags);
	return result == -MAP_E2BIG ? -MAP_ENOSPC : result;
}

static NOINLINE i64 lpm_take(struct map_handle *map, const void *key, void *value)
{
	struct prefix prefix;
	if (read_prefix(map, &prefix, key) != 0) return -MAP_EINVAL;
	return hash_get(map, (const u8 *)&prefix, value, 1);
}

static i64 lpm_remove(struct map_handle *map, const void *key) { return lpm_take(map, key, 0); }

/* The exact prefix: for next_key. */
static u64 lpm_exact(struct map_handle *map, const void *key)
{
	struct prefix prefix;
	return read_prefix(map, &prefix, key) != 0 ? 0 : hash_lookup(map, &prefix);
}
