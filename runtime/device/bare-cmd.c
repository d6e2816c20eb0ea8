/* bare-cmd [--mem hex:DIGITS|FILE] FILE [arguments]: runs one bare file. Status 0 ran, 1 refused, 2 wrong usage. */
#include "posix.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char tool[] = "bare-cmd";

static int usage(void)
{
	fprintf(stderr, "usage: bare-cmd [--mem hex:DIGITS|FILE] FILE [arguments]\n");
	return 2;
}

static int digit(char c)
{
	const char *all = "0123456789abcdef", *at = c ? strchr(all, c | (c >= 'A' ? 32 : 0)) : NULL;
	return at ? (int)(at - all) : -1;
}

/* Pairs of hexadecimal digits; NULL when they are none. */
static uint8_t *from_hex(const char *digits, size_t *size)
{
	*size = strlen(digits) / 2;
	uint8_t *bytes = malloc(*size + 1);
	if (bytes && strlen(digits) % 2 == 0) {
		size_t i = 0;
		for (; i < *size && digit(digits[2 * i]) >= 0 && digit(digits[2 * i + 1]) >= 0; i++)
			bytes[i] = digit(digits[2 * i]) << 4 | digit(digits[2 * i + 1]);
		if (i == *size) return bytes;
	}
	free(bytes);
	return NULL;
}

static uint8_t *from_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	if (!file) return NULL;
	size_t room = 4096;
	uint8_t *bytes = malloc(room);
	for (*size = 0; bytes && !feof(file) && !ferror(file);) {
		if (*size == room) bytes = realloc(bytes, room *= 2);
		if (bytes) *size += fread(bytes + *size, 1, room - *size, file);
	}
	fclose(file);
	return bytes;
}

int main(int argc, char **argv)
{
	uint8_t *memory = NULL;
	size_t size = 0;
	int at = 1;
	if (at + 1 < argc && strcmp(argv[at], "--mem") == 0) {
		const char *from = argv[at + 1];
		int hex = strncmp(from, "hex:", 4) == 0;
		memory = hex ? from_hex(from + 4, &size) : from_file(from, &size);
		if (!memory) {
			fprintf(stderr, "bare-cmd: --mem: expected %s, got \"%s\"\n",
				hex ? "pairs of hexadecimal digits" : "hex:DIGITS or a readable file", from);
			return 2;
		}
		at += 2;
	}
	if (at >= argc || argv[at][0] == '-') return usage();

	struct program program;
	uint64_t r0;
	if (posix_load(&program, argv[at], size, tool)) return 1;
	int error = 0;
	if (memory && program.context != CONTEXT_MEM) {
		fprintf(stderr, "bare-cmd: %s: expected a program of context mem for --mem, got another\n", argv[at]);
		error = 2;
	}
	if (!error) error = posix_run(&program, argc - at - 1, argv + at + 1, memory, size, &r0, tool);
	if (!error) posix_print(r0);
	posix_unload(&program);
	free(memory);
	return error;
}
