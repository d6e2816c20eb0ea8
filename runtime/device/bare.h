/* Loads and runs bare files (formats/README.md): freestanding, no static data; memory comes from the host alone. */
#pragma once
#include <stddef.h>
#include <stdint.h>
enum { BARE_E_SIZE = -1, BARE_E_MAGIC = -2, BARE_E_VERSION = -3, BARE_E_ARCH = -4, BARE_E_CHECKSUM = -5,
       BARE_E_LAYOUT = -6, BARE_E_CONTRACT = -7, BARE_E_HELPER = -8, BARE_E_MEMORY = -9 };
/* The type of programs, helpers and callbacks; a helper hands its got on to a function that it calls back. */
typedef uint64_t bare_fn(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5, void **got);
struct bare_helper { uint32_t import; bare_fn *call; }; /* id | prototype hash << 22; hash 0 = any prototype */
struct bare_host {
	void *(*alloc)(const struct bare_host *host, size_t size); /* at a multiple of 8; NULL when there is none */
	void (*free)(const struct bare_host *host, void *memory);
	const struct bare_helper *helpers; /* ends with a row whose call is NULL */
	uint32_t stack; uint16_t memory;   /* bytes of stack, 0 = not checked; bytes that r1 points to at least */
	uint8_t flags, context; /* that a file must have: 1 verified, 2 bounded; kind of r1 ... r5, 0xff = any */
};
struct bare_app {
	const struct bare_host *host;
	uint8_t *block[2]; /* code, in the file; data, in memory, with got behind it */
	void **got;
	uint32_t initial, missing; /* bytes of initial data; after BARE_E_HELPER: the id */
};
/* 0 or an error. The file stays where it is until unload: at a multiple of 4, executable, caches flushed. */
int bare_load(struct bare_app *app, const void *file, uint32_t size, const struct bare_host *host);
uint64_t bare_run(const struct bare_app *app, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5);
void bare_unload(struct bare_app *app); /* after a load that returned 0 */
