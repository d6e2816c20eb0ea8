/* A program that has itself replaced, then unloaded, in the middle of a call: its code, data and maps stay until it returns. */
#include "../../runtime/device/spf.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static struct spf_host host;
static struct spf spf = { .host = &host };
static void *file;
static uint32_t size;
static int unload, released, result;

static void *host_alloc(const struct bare_host *base, size_t bytes) { return (void)base, malloc(bytes); }
static void host_free(const struct bare_host *base, void *memory) { (void)base, free(memory); }

static void host_release(const struct spf_host *of, const void *old)
{
	(void)of, (void)old;
	released++;
}

static uint64_t replace_me(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5, void **got)
{
	(void)r1, (void)r2, (void)r3, (void)r4, (void)r5, (void)got;
	result = unload ? spf_unload(&spf, "self") : spf_replace(&spf, "self", file, size);
	if (unload) result |= spf_find(&spf, "self") != NULL;
	return released;
}

int main(int argc, char **argv)
{
	static const struct bare_helper helpers[] = { { 3000000, replace_me }, { 0, NULL } };
	static const uint64_t none[5];
	host = (struct spf_host){ .base = { .alloc = host_alloc, .free = host_free, .helpers = helpers, .context = 0xff },
		.owner = 1, .cpus = 1, .release = host_release };
	FILE *stream = argc > 1 ? fopen(argv[1], "rb") : NULL;
	file = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!stream || file == MAP_FAILED) return 1;
	size = (uint32_t)fread(file, 1, 65536, stream);
	fclose(stream);
	mprotect(file, 65536, PROT_READ | PROT_EXEC);
	printf("load %d\n", spf_load(&spf, "self", file, size));
	for (int i = 0; i < 2; i++) {
		uint64_t r0 = spf_run(spf.first, 0, none);
		printf("run %d: replace %d, released %d\n", (int)r0, result, released);
	}
	unload = 1;
	printf("run %d", (int)spf_run(spf.first, 0, none));
	printf(": unload %d, released %d, left %d\n", result, released, spf.first != NULL);
	printf("load %d", spf_load(&spf, "self", file, size));
	printf(", event %u", (unsigned)spf_event(&spf, "go", none));
	printf(": released %d, left %d\n", released, spf.first != NULL);
	return 0;
}
