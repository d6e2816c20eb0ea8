/* Load-only, for fuzzing: standard input is records of a 32-bit length and that many bytes; prints spf_load's result for each.
   Arguments: flags that files must have, bytes of stack that there are. Programs of hook frame get 64 bytes of memory. */
#include "spf.h"
#include <stdio.h>
#include <stdlib.h>

/* More than any file asks for that is not mutated; a refusal of memory says that every check before it passed. */
enum { MEMORY_LIMIT = 1 << 20 };

static void *host_alloc(const struct bare_host *host, size_t size)
{
	(void)host;
	return size <= MEMORY_LIMIT ? malloc(size) : NULL;
}

static void host_free(const struct bare_host *host, void *memory)
{
	(void)host;
	free(memory);
}

/* Programs of mutated files do not run: their events give this. */
static uint64_t host_call(const struct spf_host *host, bare_fn *entry, const uint64_t *r, void **got)
{
	(void)host, (void)entry, (void)r, (void)got;
	return 0;
}

static uint64_t call(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5, void **got)
{
	(void)got;
	return r1 + r2 + r3 + r4 + r5;
}

int main(int argc, char **argv)
{
	static const struct bare_helper helpers[] = { { 1000051, call }, { 1000050, call }, { 0, NULL } };
	static const struct spf_named named[] = { { "sensor", 0, call }, { NULL, 0, NULL } };
	static const struct spf_hook hooks[] = { { "frame", 1, 64 }, { NULL, 0, 0 } };
	const struct spf_host host = {
		.base = { .alloc = host_alloc, .free = host_free, .helpers = helpers, .memory = 65535, .context = 0xff,
		          .flags = argc > 1 ? (uint8_t)atoi(argv[1]) : 0, .stack = argc > 2 ? (uint32_t)atoi(argv[2]) : 0 },
		.named = named, .hooks = hooks, .owner = 1, .cpus = 2, .call = host_call,
	};
	struct spf spf = { .host = &host };
	uint32_t size;
	while (fread(&size, sizeof size, 1, stdin) == 1) {
		uint8_t *file = malloc(size); /* exactly: an overrun is seen */
		if (!file || fread(file, 1, size, stdin) != size) return 1;
		int error = spf_load(&spf, "check", file, size);
		if (!error) error = spf_replace(&spf, "check", file, size); /* every file is its own next version */
		if (spf_find(&spf, "check")) spf_unload(&spf, "check");
		printf("%d %u\n", error, error ? (unsigned)spf.error.at : 0);
		free(file);
	}
	return 0;
}
