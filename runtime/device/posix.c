/* Loads a file without ever having memory that is writable and executable at once, and says in words why it cannot. */
#define _GNU_SOURCE
#include "posix.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
	uint32_t magic;
	uint8_t version, arch, flags, context;
	uint32_t size, checksum, code, data;
	uint16_t helpers, relocations, stack, memory;
};

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

void *posix_read(const char *path, size_t *size)
{
	struct stat stat;
	int fd = open(path, O_RDONLY);
	if (fd < 0) return NULL;
	if (fstat(fd, &stat) < 0 || stat.st_size >= INT32_MAX || !S_ISREG(stat.st_mode)) {
		if (stat.st_size >= INT32_MAX) errno = EFBIG;
		if (S_ISDIR(stat.st_mode)) errno = EISDIR;
		close(fd);
		return NULL;
	}
	*size = stat.st_size;
	char *memory = mmap(NULL, *size + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t have = 0;
	while (memory != MAP_FAILED && have < *size) {
		ssize_t got = read(fd, memory + have, *size - have);
		if (got < 0 && errno == EINTR) continue;
		if (got <= 0) break;
		have += got;
	}
	close(fd);
	if (memory == MAP_FAILED) return NULL;
	*size = have;
	return memory;
}

static const char *arch_name(unsigned arch)
{
	static const char *const names[] = { "bytecode", "x64", "arm64", "riscv64", "armv7-m", "armv6-m" };
	return arch < sizeof names / sizeof *names ? names[arch] : "unknown";
}

static unsigned own_arch(void)
{
#if defined(__x86_64__)
	return 1;
#elif defined(__aarch64__)
	return 2;
#elif defined(__riscv)
	return 3;
#else
	return 4;
#endif
}

static const char *context_name(unsigned kind)
{
	static const char *const names[] = { "args", "mem", "cmd", "xdp", "skb" };
	return kind < sizeof names / sizeof *names ? names[kind] : "an embedder's own";
}

/* Which promise of the host the file asks more of. */
static void explain_contract(const struct file *file, const struct bare_host *host)
{
	if (host->context != file->context)
		fprintf(stderr, "context args, mem or cmd, got %u (%s)\n", file->context, context_name(file->context));
	else
		fprintf(stderr, "a program for %u bytes of memory, got one for at least %u\n", host->memory, file->memory);
}

static void explain(const struct program *program, int error)
{
	const struct file *file = program->file;
	switch (error) {
	case BARE_E_SIZE:
		if (program->size < sizeof *file)
			fprintf(stderr, "a header of %zu bytes, got %zu bytes\n", sizeof *file, program->size);
		else
			fprintf(stderr, "file size %zu, got %" PRIu32 "\n", program->size, file->size);
		break;
	case BARE_E_MAGIC: fprintf(stderr, "magic \"bare\", got 0x%08" PRIx32 "\n", file->magic); break;
	case BARE_E_VERSION: fprintf(stderr, "bare version 1, got version %u\n", file->version); break;
	case BARE_E_ARCH:
		fprintf(stderr, "code for %s, got %u (%s)\n", arch_name(own_arch()), file->arch, arch_name(file->arch));
		break;
	case BARE_E_CHECKSUM: fprintf(stderr, "contents that match their checksum, got others (the file is damaged)\n"); break;
	case BARE_E_LAYOUT: fprintf(stderr, "sizes and relocations inside the file, got others\n"); break;
	case BARE_E_CONTRACT: explain_contract(file, &program->host); break;
	case BARE_E_HELPER: fprintf(stderr, "helpers that this host has, got helper %" PRIu32 "%s\n", program->app.missing,
		"; it lacks it, or has it with another prototype"); break;
	default: fprintf(stderr, "%" PRIu32 " bytes of memory for data, got none\n", file->data);
	}
}

int posix_load(struct program *program, const char *path, size_t memory, const char *tool)
{
	*program = (struct program){ .path = path };
	program->file = posix_read(path, &program->size);
	if (!program->file) {
		fprintf(stderr, "%s: %s: expected a readable file, got: %s\n", tool, path, strerror(errno));
		return 1;
	}
	const struct file *file = program->file;
	if (program->size >= sizeof *file) program->context = file->context;
	program->host = (struct bare_host){
		.alloc = host_alloc,
		.free = host_free,
		.helpers = posix_helpers,
		.memory = program->context == CONTEXT_MEM ? (memory < 65535 ? memory : 65535) : 0,
		.context = program->context <= CONTEXT_CMD ? program->context : CONTEXT_ARGS,
	};
	size_t mapped = program->size + 1;
	int error = mprotect(program->file, mapped, PROT_READ | PROT_EXEC) < 0
		? BARE_E_MEMORY : bare_load(&program->app, program->file, program->size, &program->host);
	if (error) {
		fprintf(stderr, "%s: %s: expected ", tool, path);
		explain(program, error);
		munmap(program->file, mapped);
		return 1;
	}
	__builtin___clear_cache((char *)program->file, (char *)program->file + program->size);
	return 0;
}

void posix_unload(struct program *program)
{
	bare_unload(&program->app);
	munmap(program->file, program->size + 1);
}

static jmp_buf *leave;
static volatile int exit_code;

void posix_exit(int code)
{
	exit_code = code;
	longjmp(*leave, 1);
}

uint64_t posix_call(bare_fn *entry, const uint64_t *r, void **got)
{
	jmp_buf here, *outer = leave;
	leave = &here;
	uint64_t r0 = setjmp(here) ? (uint64_t)(int64_t)exit_code : entry(r[0], r[1], r[2], r[3], r[4], got);
	leave = outer;
	return r0;
}

/* Decimal, 0x..., or negative; the whole word. */
static int number(const char *word, uint64_t *value)
{
	char *end;
	const char *digits = *word == '-' ? word + 1 : word;
	if (*digits < '0' || *digits > '9') return 0;
	int base = digits[0] == '0' && (digits[1] | 32) == 'x' ? 16 : 10;
	errno = 0;
	*value = strtoull(digits, &end, base);
	if (*word == '-') *value = -*value;
	return *end == 0 && errno == 0;
}

int posix_arguments(int context, const char *path, int count, char **words, uint64_t *argv, uint64_t *r, const char *tool)
{
	int limit = context == CONTEXT_CMD ? count : context == CONTEXT_ARGS ? 5 : 0;
	if (count > limit) {
		fprintf(stderr, "%s: %s: expected at most %d arguments, got %d\n", tool, path, limit, count);
		return 2;
	}
	for (int i = 0; context == CONTEXT_ARGS && i < count; i++)
		if (!number(words[i], &r[i])) {
			fprintf(stderr, "%s: argument %d: expected a 64-bit number, got \"%s\"\n", tool, i + 1, words[i]);
			return 2;
		}
	if (context == CONTEXT_CMD) {
		argv[0] = (uintptr_t)path;
		for (int i = 0; i < count; i++) argv[i + 1] = (uintptr_t)words[i];
		argv[count + 1] = 0;
		r[0] = count + 1;
		r[1] = (uintptr_t)argv;
	}
	return 0;
}

int posix_run(struct program *program, int count, char **words, void *memory, size_t size, uint64_t *r0, const char *tool)
{
	uint64_t r[5] = { 0 };
	uint64_t argv[count + 2]; /* 8-byte pointers, also where the host's are shorter */
	jmp_buf here;
	if (program->context == CONTEXT_MEM) {
		r[0] = size ? (uintptr_t)memory : 0;
		r[1] = size;
	}
	int error = posix_arguments(program->context, program->path, count, words, argv, r, tool);
	if (error) return error;
	leave = &here;
	*r0 = setjmp(here) ? (uint64_t)(int64_t)exit_code : bare_run(&program->app, r[0], r[1], r[2], r[3], r[4]);
	return 0;
}

void posix_print(uint64_t r0)
{
	printf("r0 = %" PRIu64 " (0x%" PRIx64 ")\n", r0, r0);
	fflush(stdout);
}
