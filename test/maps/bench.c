/* Nanoseconds of operations, the call through a pointer included: the best of some rounds. */
#define _GNU_SOURCE
#include <time.h>
#include "load.h"

#define KEYS 10000
#define CALLS 2000000
static uint64_t keys[KEYS];
static uint32_t order[65536];
static volatile uint64_t sink;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static struct map_handle *make(uint32_t type, uint32_t key, uint32_t value, uint32_t max, uint32_t cpus)
{
	struct map_definition is = { type, key, value, max, 0, cpus };
	int64_t size = lib.map_size(&is);
	void *block = aligned_alloc(4096, (size + 4095) & ~4095l);
	memset(block, 0, size);
	struct map_handle *map = calloc(1, sizeof(*map));
	struct map_local local = { 0, 0, 0, 1, 0 };
	if (size < 0 || lib.map_create(block, size, &is) || lib.map_attach(map, block, size, &is, &local)) abort();
	return map;
}

typedef uint64_t lookup_t(void *, const void *);
typedef int64_t update_t(void *, const void *, const void *, uint64_t);

#define MEASURE(name, ...)                                                   \
	do {                                                                          \
		double best = 1e9;                                                    \
		for (int round = 0; round < 15; round++) {                            \
			double start = now();                                         \
			for (uint32_t k = 0; k < CALLS; k++) { __VA_ARGS__; }                \
			double took = (now() - start) / CALLS;                        \
			if (took < best) best = took;                                 \
		}                                                                     \
		printf("%-34s %6.2f ns\n", name, best);                               \
	} while (0)

int main(int argc, char **argv)
{
	load(argc > 1 ? argv[1] : 0);
	uint64_t seed = 1;
	for (int k = 0; k < KEYS; k++) keys[k] = seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	for (int k = 0; k < 65536; k++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		order[k] = (seed >> 33) % KEYS;
	}
#define KEY &keys[order[k & 65535]]
	uint64_t value = 7;
	struct map_handle *hash = make(MAP_HASH, 8, 8, KEYS, 1), *percpu = make(MAP_PERCPU_HASH, 8, 8, KEYS, 4);
	struct map_handle *array = make(MAP_ARRAY, 4, 8, 1024, 1), *lru = make(MAP_LRU_HASH, 8, 8, KEYS / 2, 1);
	struct map_handle *any = make(MAP_HASH, 16, 8, KEYS, 1), *small = make(MAP_HASH, 4, 8, KEYS, 1);
	struct map_handle *ring = make(MAP_RINGBUF, 0, 0, 1 << 20, 1), *queue = make(MAP_QUEUE, 0, 8, 64, 1);
	struct map_handle *trie = make(MAP_LPM_TRIE, 8, 8, KEYS, 1);
	for (int k = 0; k < KEYS; k++) {
		uint64_t two[2] = { keys[k], 5 };
		uint32_t prefix[2] = { 24 - 8 * (k & 1), (uint32_t)keys[k] };
		lib.map_update(hash, &keys[k], &value, 0);
		lib.map_update(percpu, &keys[k], &value, 0);
		lib.map_update(small, &keys[k], &value, 0);
		lib.map_update(any, two, &value, 0);
		lib.map_update(trie, prefix, &value, 0);
	}
	lookup_t *volatile lookup = (lookup_t *)hash->lookup;
	update_t *volatile update = (update_t *)hash->update;
	MEASURE("hash lookup, 8-byte key", sink = lookup(hash, KEY));
	MEASURE("hash update of a key that is there", update(hash, KEY, &value, 0));
	update = (update_t *)percpu->update;
	MEASURE("percpu_hash update", update(percpu, KEY, &value, 0));
	lookup = (lookup_t *)array->lookup;
	MEASURE("array lookup", uint32_t i = order[k & 65535] & 1023; sink = lookup(array, &i));
	lookup = (lookup_t *)small->lookup;
	MEASURE("hash lookup, 4-byte key", sink = lookup(small, KEY));
	lookup = (lookup_t *)any->lookup;
	MEASURE("hash lookup, 16-byte key", uint64_t two[2] = { keys[order[k & 65535]], 5 }; sink = lookup(any, two));
	lookup = (lookup_t *)lru->lookup;
	update = (update_t *)lru->update;
	MEASURE("lru_hash update, half evict", update(lru, KEY, &value, 0));
	update = (update_t *)hash->update;
	MEASURE("hash delete and insert", lib.map_delete(hash, KEY); update(hash, KEY, &value, 0));
	lookup = (lookup_t *)trie->lookup;
	MEASURE("lpm_trie lookup, 2 lengths", uint32_t p[2] = { 32, (uint32_t)keys[order[k & 65535]] };
	        sink = lookup(trie, p));
	uint64_t data[8] = { 1, 2, 3 }, at;
	__typeof__(ringbuf_output) *volatile output = lib.ringbuf_output;
	/* The reader is a store: what it costs is not the writer's. */
	MEASURE("ringbuf_output of 64 bytes", if (output(ring, data, 64, 0) != 0) {
		while (lib.ringbuf_peek(ring, &at) >= 0) lib.ringbuf_release(ring);
	});
	MEASURE("  without the reader's part", if ((k & 8191) == 0) {
		*(uint32_t *)(ring->extra + 64) = (uint32_t)*(uint64_t *)ring->extra; } output(ring, data, 64, 0));
	MEASURE("ringbuf reserve and submit", if ((k & 8191) == 0) {
		*(uint32_t *)(ring->extra + 64) = (uint32_t)*(uint64_t *)ring->extra;
	} void *sample = (void *)lib.ringbuf_reserve(ring, 64, 0); lib.ringbuf_submit(sample, 0));
	MEASURE("queue push and pop", lib.map_push(queue, &value, 0); lib.map_pop(queue, &value));
	return 0;
}
