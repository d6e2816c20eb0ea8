/*
 * Times one function in several versions, natively compiled ones and containers, in one process:
 *   harness MEMORY MILLISECONDS CONTAINER…
 * A native version is linked in under a name of NATIVE, and called as a container is. Every version gets the same memory; what the first one returns
 * and leaves there is what all must. Prints a JSON object.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include "posix.h"

typedef uint64_t prog_t(uint8_t *, uint64_t);
#define X(name) extern prog_t prog_##name;
NATIVE
#undef X

static struct version {
	const char *name;
	struct program program; /* of a native version only the address of its code */
	double best;
} versions[48];
static int count;

static uint8_t *original, *memory;
static size_t size;

static uint64_t call(struct version *v)
{
	return bare_run(&v->program.app, (uintptr_t)memory, size, 0, 0, 0);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static uint8_t *slurp(const char *path, size_t *bytes)
{
	FILE *file = fopen(path, "rb");
	if (!file) { perror(path); exit(1); }
	fseek(file, 0, SEEK_END);
	*bytes = ftell(file);
	rewind(file);
	uint8_t *data = aligned_alloc(64, (*bytes + 127) & ~(size_t)63);
	if (fread(data, 1, *bytes, file) != *bytes) exit(1);
	fclose(file);
	return data;
}

static volatile uint64_t sink;
static int restores;

/* Nanoseconds of `calls` calls; restoring the memory is part of them where a version changes it. */
static double batch(struct version *v, long calls)
{
	double start = now();
	for (long i = 0; i < calls; i++) {
		if (restores) memcpy(memory, original, size);
		sink += v ? call(v) : 0;
	}
	return now() - start;
}

int main(int argc, char **argv)
{
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof one, &one);
	original = slurp(argv[1], &size);
	memory = aligned_alloc(64, (size + 127) & ~(size_t)63);
#define X(id) \
	versions[count++] = (struct version){ #id, { .app.block = { (uint8_t *)(uintptr_t)prog_##id } }, 1e300 };
	NATIVE
#undef X
	for (int k = 3; k + 1 < argc; k += 2) {
		if (count == sizeof versions / sizeof *versions) return fprintf(stderr, "harness: too many versions\n"), 1;
		struct version *v = &versions[count++];
		v->name = argv[k];
		v->best = 1e300;
		if (posix_load(&v->program, argv[k + 1], size, "harness")) return 1;
	}
	uint8_t *after = malloc(size + 1);
	uint64_t expected = 0;
	for (int k = 0; k < count; k++) {
		memcpy(memory, original, size);
		uint64_t result = call(&versions[k]);
		if (k == 0) {
			expected = result;
			memcpy(after, memory, size);
			restores = memcmp(memory, original, size) != 0;
		} else if (result != expected || memcmp(memory, after, size)) {
			fprintf(stderr, "harness: %s gives %llu, %s %llu%s\n", versions[k].name, (unsigned long long)result,
			        versions[0].name, (unsigned long long)expected, result == expected ? ", and other memory" : "");
			return 1;
		}
	}
	/* Batches of a millisecond, the versions in turn, so that what disturbs one disturbs all. */
	long calls = 1;
	while (batch(&versions[0], calls) < 5e5 && calls < 1L << 24) calls *= 2;
	double empty = 1e300, until = atof(argv[2]) * 1e6 * count, start = now();
	while (now() - start < until)
		for (int k = restores ? -1 : 0; k < count; k++) {
			double t = batch(k < 0 ? 0 : &versions[k], calls) / calls;
			if (k < 0) empty = t < empty ? t : empty;
			else if (t < versions[k].best) versions[k].best = t;
		}
	if (!restores) empty = 0;
	printf("{\"result\":\"0x%llx\",\"ns\":{", (unsigned long long)expected);
	for (int k = 0; k < count; k++) printf("%s\"%s\":%.2f", k ? "," : "", versions[k].name, versions[k].best - empty);
	puts("}}");
	return 0;
}
