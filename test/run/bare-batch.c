/*
 * Runs many bare files in one process: for tests, where starting an emulator for each would take too long.
 * Input, all little-endian: for each job u32 file size, u32 number of calls, the file; for each call u64 r1 … r5,
 * u32 memory size, the memory (r1, r2 = its address and size where it is not empty).
 * Output: for each job i32 status of bare_load; if 0, for each call u64 r0 and the memory.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "../../runtime/device/posix.h"

enum { CODE = 4 << 20 };

static void *host_alloc(const struct bare_host *host, size_t size)
{
	(void)host;
	return malloc(size);
}

static void host_free(const struct bare_host *host, void *memory)
{
	(void)host;
	free(memory);
}

static int get(void *to, size_t size)
{
	return size == 0 || fread(to, size, 1, stdin) == 1;
}

int main(void)
{
	static const struct bare_host host = {
		.alloc = host_alloc, .free = host_free, .helpers = posix_helpers, .memory = 65535, .context = 0xff,
	};
	uint8_t *code = mmap(NULL, CODE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t head[2];

	while (get(head, sizeof head)) {
		struct bare_app app;
		int32_t status;

		if (head[0] > CODE || mprotect(code, CODE, PROT_READ | PROT_WRITE) || !get(code, head[0]))
			return 1;
		__builtin___clear_cache((char *)code, (char *)code + head[0]);
		if (mprotect(code, CODE, PROT_READ | PROT_EXEC))
			return 1;
		status = bare_load(&app, code, head[0], &host);
		fwrite(&status, sizeof status, 1, stdout);
		for (uint32_t call = 0; call < head[1]; call++) {
			uint64_t r[5], result;
			uint32_t size;
			uint8_t *memory;

			if (!get(r, sizeof r) || !get(&size, sizeof size))
				return 1;
			memory = malloc(size + 1);
			if (!get(memory, size))
				return 1;
			if (size) {
				r[0] = (uintptr_t)memory;
				r[1] = size;
			}
			if (status == 0) {
				result = bare_run(&app, r[0], r[1], r[2], r[3], r[4]);
				fwrite(&result, sizeof result, 1, stdout);
				fwrite(memory, 1, size, stdout);
				fflush(stdout);
			}
			free(memory);
		}
		if (status == 0)
			bare_unload(&app);
	}
	return 0;
}
