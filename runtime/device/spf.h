/*
 * Loads and runs spf files (formats/README.md): instances with names, several programs each, maps, hooks, replacement under
 * load. Freestanding, no static data; memory comes from the host alone. One struct spf belongs to one thread and its interrupt
 * handlers; threads share maps, not instances.
 */
#pragma once
#include "../../helpers/lib/maps.h"
#include "bare.h"
enum { SPF_E_SIZE = -1, SPF_E_MAGIC = -2, SPF_E_VERSION = -3, SPF_E_ARCH = -4, SPF_E_CHECKSUM = -5, SPF_E_LAYOUT = -6,
       SPF_E_CONTRACT = -7, SPF_E_HELPER = -8, SPF_E_MEMORY = -9, SPF_E_MAP = -10, SPF_E_EVENT = -11, SPF_E_NAME = -12,
       SPF_E_BUSY = -13 };
enum { SPF_MOST_MAPS = 256 };
struct spf_named { const char *name; uint32_t hash; bare_fn *call; }; /* a helper by its name; hash 0 = any prototype */
struct spf_hook { const char *hook; uint8_t context; uint16_t memory; }; /* what r1 ... r5 are for its programs */
struct spf_host {
	struct bare_host base; /* context and memory: for programs whose hook is not in `hooks` */
	const struct spf_named *named; /* or NULL; ends with a row without a name */
	const struct spf_hook *hooks;  /* or NULL; ends with a row without a hook */
	uint32_t owner, cpu, cpus; /* this thread, for maps: struct map_local; values of per-cpu maps */
	uint8_t renew; /* 1: replace makes new maps instead of keeping those of the old version */
	uint64_t (*alive)(uint64_t owner); /* or NULL: struct map_handle */
	/* The memory of a map, or NULL = alloc. Sets *block to what map_create made, just now (1) or before (0); leaves it NULL
	   where alloc is to be asked (0); refuses (a negative number, which spf.error.value gets). */
	int (*map)(const struct spf_host *host, const char *name, const struct map_definition *is, uint64_t size, void **block);
	void (*release)(const struct spf_host *host, const void *file); /* or NULL: a file is no longer used */
	/* Calls entry(r[0], ..., r[4], got), for hosts that end runs by longjmp; NULL = just call it. */
	uint64_t (*call)(const struct spf_host *host, bare_fn *entry, const uint64_t *r, void **got);
};
/* A program, as the file has it; name and hook are offsets in app->strings. */
struct spf_program { uint32_t offset, name, hook; uint8_t flags, context; uint16_t memory, stack, zero; };
struct spf_map {
	struct map_handle handle; /* for the functions of maps.h; block 0: a template of inner maps only */
	const char *name; const uint32_t *record; /* in the file */
	uint32_t *users; /* of memory from alloc: how many instances have it */
	uint8_t inner, used, fresh;
};
struct spf_app {
	struct spf_app *next; const struct spf_host *host;
	const char *name, *strings;
	const void *file; const uint8_t *code; uint8_t *data;
	void **got;
	const struct spf_program *program;
	struct spf_map *map;
	uint64_t *entries; /* entry of each program that tail calls may reach; [-1] counts tail calls under way */
	uint64_t runs;
	uint32_t size, programs, maps, order, running; /* size: of the file */
	uint8_t leaving, gone;
};
struct spf {
	const struct spf_host *host;
	struct spf_app *first; /* in the order of loading */
	uint32_t orders;
	struct { /* of the last error */
		uint32_t at; const char *name; /* offset in the file; of the helper, map or program, or NULL: in the file */
		int64_t value; /* HELPER: id; MAP: the library's or the host's error; EVENT: what the program returned */
		struct map_definition is[2]; /* MAP, where value is 0: the map that is there, and the one that was wanted */
	} error;
};
struct spf_cursor { uint32_t order, next, program; };
/*
 * Loads a file as instance `name`, which is copied. 0 or an error; then nothing is changed. The file stays where it is until
 * host.release: at a multiple of 4 (16 is better), executable, caches flushed. Programs with hook .spf.event/load run last; a result
 * below 0 (as int32_t) is SPF_E_EVENT.
 */
int spf_load(struct spf *spf, const char *name, const void *file, uint32_t size);
/* Another version in the place of `name`, with its maps; if that fails, the old one stays. Running calls of it finish. */
int spf_replace(struct spf *spf, const char *name, const void *file, uint32_t size);
int spf_unload(struct spf *spf, const char *name); /* SPF_E_NAME, or SPF_E_BUSY: it is leaving already */
void spf_unload_all(struct spf *spf); /* the last one first */
struct spf_app *spf_find(const struct spf *spf, const char *name);
int spf_find_program(const struct spf_app *app, const char *name); /* its number, or SPF_E_NAME */
struct map_handle *spf_find_map(const struct spf_app *app, const char *name); /* or NULL */
/* The caller has looked that r1 ... r5 are what the program's context asks. */
uint64_t spf_run(struct spf_app *app, uint32_t program, const uint64_t r[5]);
/* The next program of a hook (`xdp` also finds xdp/... and xdp....), cursor->program of what it returns; start with a cursor
   of zeros. Whatever a program does meanwhile, none is given twice. */
struct spf_app *spf_next(const struct spf *spf, struct spf_cursor *cursor, const char *hook);
uint32_t spf_event(struct spf *spf, const char *hook, const uint64_t r[5]); /* runs them all; how many */
