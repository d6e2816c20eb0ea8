/* What the tools share: files in executable memory, helpers over libc, runs that may exit. */
#pragma once
#include "bare.h"

enum { CONTEXT_ARGS = 0, CONTEXT_MEM = 1, CONTEXT_CMD = 2 };

/* The helpers of helpers/README.md that POSIX has; ends with a row without a call. */
extern const struct bare_helper posix_helpers[];

/* Ends the run of posix_run or posix_call: what the helper exit does. Does not return. */
void posix_exit(int code);

/* A run that exit may end; runs may call others. */
uint64_t posix_call(bare_fn *entry, const uint64_t *r, void **got);

/* The whole file in anonymous memory with a byte more, or NULL with errno. */
void *posix_read(const char *path, size_t *size);

/* r1 ... r5 of a command or of numbers; argv has room for count + 2. 0, or 2 after a line on stderr. */
int posix_arguments(int context, const char *path, int count, char **words, uint64_t *argv, uint64_t *r, const char *tool);

struct program {
	struct bare_app app;
	struct bare_host host;
	void *file; /* mapped, read and execute */
	size_t size;
	const char *path;
	int context;
};

/* 0, or 1 after one line on stderr that starts with `tool`. `memory`: bytes that r1 will point to. */
int posix_load(struct program *program, const char *path, size_t memory, const char *tool);
void posix_unload(struct program *program);

/*
 * Runs with the words behind the file's name: argv of a command, or the numbers r1 ... r5.
 * 0; 2 after a line on stderr when they do not fit.
 */
int posix_run(struct program *program, int count, char **words, void *memory, size_t size, uint64_t *r0, const char *tool);

void posix_print(uint64_t r0);
