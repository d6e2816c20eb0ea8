/* The library's functions through pointers: those that are linked in, or those of a file that native-code.ts wrote. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../helpers/lib/maps.h"
#include <sys/mman.h>

/* name, section */
#define LIBRARY(X)                                                                                            \
	X(map_size, "map/map_size") X(map_create, "map/map_create") X(map_attach, "map/map_attach")           \
	X(map_lookup, "helper/1") X(map_update, "helper/2") X(map_delete, "helper/3")                         \
	X(map_push, "helper/87") X(map_pop, "helper/88") X(map_read, "map/map_read") X(map_write, "map/map_write") \
	X(map_walk, "map/map_walk") X(map_count, "map/map_count") X(map_recover, "map/map_recover")           \
	X(ringbuf_output, "helper/130") X(ringbuf_reserve, "helper/131") X(ringbuf_submit, "helper/132")      \
	X(map_next_key, "helper/1000503") X(map_lookup_percpu, "helper/195") X(map_peek, "helper/89")         \
	X(map_clear, "map/map_clear") X(tail_target, "helper/12") X(for_each_elem, "helper/164")              \
	X(perf_event_output, "helper/25") X(ringbuf_discard, "helper/133") X(ringbuf_query, "helper/134")     \
	X(ringbuf_lost, "map/ringbuf_lost") X(loop, "helper/181") X(spin_lock, "helper/93")                   \
	X(spin_unlock, "helper/94") X(ringbuf_peek, "map/ringbuf_peek") X(ringbuf_release, "map/ringbuf_release") X(map_take, "map/map_take")

static struct {
#define FIELD(name, section) __typeof__(name) *name;
	LIBRARY(FIELD)
} lib;

static void load(const char *path)
{
#define LINKED(name, section) lib.name = name;
	LIBRARY(LINKED)
	if (path == 0) return;
	/* Lines "section offset", an empty line, code at the next multiple of 4096. */
	FILE *file = fopen(path, "rb");
	static char text[1 << 20];
	size_t size = fread(text, 1, sizeof(text), file);
	fclose(file);
	char *code = mmap(0, sizeof(text), PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(code, text + 4096, size - 4096);
	__builtin___clear_cache(code, code + size);
	for (char *line = strtok(text, "\n"); line && *line != '.'; line = strtok(0, "\n")) {
		char section[32];
		unsigned long offset;
		sscanf(line, "%31s %lu", section, &offset);
#define FIND(name, wanted) if (strcmp(section, wanted) == 0) lib.name = (void *)(code + offset);
		LIBRARY(FIND)
	}
}
