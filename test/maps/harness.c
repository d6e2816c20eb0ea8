/* Map operations from lines of text to lines of text: machine.ts does the same in Node. Blocks end where a guard page begins. */
#define _GNU_SOURCE
#include <inttypes.h>
#include "load.h"

#define CPUS 4
static struct map_handle handles[CPUS], *map;
static uint8_t *block, *mapped;
static size_t mapped_size;
static struct map_definition is;
static uint64_t table[5] = { 0, 101, 0, 103, 104 }, *targets = table + 1;

static int hex(const char *text, uint8_t **out)
{
	int n = text && text[0] != '-' ? (int)strlen(text) / 2 : 0;
	free(*out);
	*out = malloc(n > 0 ? n : 1); /* exact, so that the sanitizer sees what reads past it */
	for (int k = 0; k < n; k++) sscanf(text + 2 * k, "%2hhx", &(*out)[k]);
	return n;
}

static void print(const void *bytes, size_t n)
{
	for (size_t k = 0; k < n; k++) printf("%02x", ((const uint8_t *)bytes)[k]);
	printf("\n");
}

/* There is one thread: whoever else holds a lock is not there. */
static uint64_t alive(uint64_t owner)
{
	(void)owner;
	return 0;
}

static uint64_t count_call(uint64_t m, uint64_t key, uint64_t value, uint64_t ctx, uint64_t e, uint64_t got)
{
	(void)m, (void)key, (void)value, (void)e, (void)got;
	uint64_t *state = (uint64_t *)(uintptr_t)ctx;
	return ++state[0] >= state[1];
}

static void make(void)
{
	if (mapped) munmap(mapped, mapped_size);
	mapped = 0;
	int64_t size = lib.map_size(&is);
	if (size < 0) {
		printf("%" PRId64 "\n", size);
		return;
	}
	size_t room = (size + 4095) & ~4095ul;
	mapped_size = room + 4096;
	mapped = mmap(0, mapped_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(mapped + room, 4096, PROT_NONE);
	block = mapped + room - size;
	int64_t made = lib.map_create(block, size, &is);
	for (uint32_t cpu = 0; cpu < CPUS && made == 0; cpu++) {
		struct map_local local = { (uintptr_t)alive, (uintptr_t)targets, 4, cpu + 1, cpu % is.cpus };
		made = lib.map_attach(&handles[cpu], block, size, &is, &local);
	}
	map = &handles[0];
	printf("%" PRId64 "\n", made < 0 ? made : size);
}

static size_t host_size(void)
{
	return map->area ? (is.value_size + 7) / 8 * 8 * (size_t)is.cpus : is.value_size;
}

static void walk(void)
{
	uint64_t cursor = 0, seen = 0;
	uint8_t *key = malloc(is.key_size + 4), *value = calloc(1, host_size() + 1);
	int64_t result;
	while ((result = lib.map_walk(map, &cursor, key, value)) == 0 && seen++ <= is.max_entries) {
		for (uint32_t k = 0; k < is.key_size; k++) printf("%02x", key[k]);
		printf("=");
		for (size_t k = 0; k < host_size(); k++) printf("%02x", value[k]);
		printf(" ");
	}
	printf("%" PRId64 "\n", result);
	free(key);
	free(value);
}

static void keys(void)
{
	uint8_t *key = malloc(is.key_size + 1), *next = malloc(is.key_size + 1);
	int64_t result = lib.map_next_key(map, 0, next);
	for (uint64_t seen = 0; result == 0 && seen <= is.max_entries; seen++) {
		for (uint32_t k = 0; k < is.key_size; k++) printf("%02x", next[k]);
		printf(" ");
		memcpy(key, next, is.key_size);
		result = lib.map_next_key(map, key, next);
	}
	printf("%" PRId64 "\n", result);
	free(key);
	free(next);
}

static void step(char *word[6])
{
	static uint8_t *key, *value;
	const char *op = word[0];
	int k = hex(word[1], &key), v = hex(word[2], &value);
	uint64_t flags = word[3] ? strtoull(word[3], 0, 10) : 0, number = word[1] ? strtoull(word[1], 0, 10) : 0;
	(void)k;
#define IS(name) (strcmp(op, name) == 0)
#define SAY(result) printf("%" PRId64 "\n", (int64_t)(result))
	if (IS("new")) {
		sscanf(word[1], "%u,%u,%u,%u,%u,%u", &is.type, &is.key_size, &is.value_size, &is.max_entries, &is.flags, &is.cpus);
		make();
	} else if (!mapped) printf("none\n");
	else if (IS("cpu")) {
		map = &handles[number];
		SAY(0);
	} else if (IS("corrupt")) {
		/* from, step, seed */
		uint64_t from = number, by = strtoull(word[2], 0, 10), seed = flags;
		for (uint8_t *at = block + from; at < mapped + mapped_size - 4096; at += by) {
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			*at = seed >> 56;
		}
		SAY(0);
	} else if (IS("lookup") || IS("percpu")) {
		uint64_t at = IS("lookup") ? lib.map_lookup(map, key) : lib.map_lookup_percpu(map, key, flags);
		if (at == 0 || is.type == MAP_ARRAY_OF_MAPS || is.type == MAP_HASH_OF_MAPS) SAY(at);
		else print((void *)(uintptr_t)at, is.value_size);
	} else if (IS("update")) SAY(lib.map_update(map, key, value, flags));
	else if (IS("write")) SAY(lib.map_write(map, key, value, flags));
	else if (IS("delete")) SAY(lib.map_delete(map, key));
	else if (IS("push")) SAY(lib.map_push(map, value, flags));
	else if (IS("test")) SAY(lib.map_peek(map, value));
	else if (IS("read") || IS("take") || IS("pop") || IS("peek")) {
		uint8_t *out = malloc(host_size() + 1);
		int64_t result = IS("read") ? lib.map_read(map, key, out)
		                 : IS("take") ? lib.map_take(map, key, out)
		                 : IS("pop")  ? lib.map_pop(map, out)
		                              : lib.map_peek(map, out);
		if (result == 0) print(out, host_size());
		else SAY(result);
		free(out);
	} else if (IS("walk")) walk();
	else if (IS("keys")) keys();
	else if (IS("count")) SAY(lib.map_count(map));
	else if (IS("clear")) SAY(lib.map_clear(map));
	else if (IS("tail")) {
		uint64_t entry = lib.tail_target(map, number);
		if (entry) targets[-1]--; /* as compiled code does when the program has ended */
		SAY(entry);
	}
	else if (IS("each")) {
		uint64_t state[2] = { 0, number };
		SAY(lib.for_each_elem(map, (uintptr_t)count_call, (uintptr_t)state, flags, 0, 0));
	} else if (IS("output")) {
		if (is.type == MAP_RINGBUF) SAY(lib.ringbuf_output(map, value, v, flags));
		else SAY(lib.perf_event_output(0, map, flags, value, v));
	} else if (IS("submit") || IS("discard") || IS("leave")) {
		uint64_t at = lib.ringbuf_reserve(map, v, flags);
		if (at) memcpy((void *)(uintptr_t)at, value, v);
		if (at && IS("submit")) lib.ringbuf_submit((void *)(uintptr_t)at, 0);
		if (at && IS("discard")) lib.ringbuf_discard((void *)(uintptr_t)at, 0);
		SAY(at != 0);
	} else if (IS("consume")) {
		uint64_t at;
		int64_t size = lib.ringbuf_peek(map, &at);
		if (size < 0) SAY(size);
		else {
			print((void *)(uintptr_t)at, size);
			lib.ringbuf_release(map);
		}
	} else if (IS("query")) SAY(lib.ringbuf_query(map, number));
	else if (IS("lost")) SAY(lib.ringbuf_lost(map));
	else if (IS("recover")) SAY(lib.map_recover(map, (uint32_t)number));
	else abort();
}

int main(int argc, char **argv)
{
	load(argc > 1 ? argv[1] : 0);
	char *line = 0;
	size_t room = 0;
	while (getline(&line, &room, stdin) > 0) {
		char *word[6] = { 0 }, *save = 0;
		for (int k = 0; k < 6; k++) word[k] = strtok_r(k == 0 ? line : 0, " \n", &save);
		if (word[0]) step(word);
	}
	free(line);
	fflush(stdout);
	return 0;
}
