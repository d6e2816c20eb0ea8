/* spf-interactive: loads, runs, replaces and unloads spf files at a prompt or from a pipe; status 1 when a piped command failed. */
#define _GNU_SOURCE
#include "posix.h"
#include "posix_pin.h"
#include "spf.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char tool[] = "spf-interactive";
static struct spf_host host;
static struct spf spf = { .host = &host };

static int fail(const char *name, const char *expected, const char *got)
{
	fprintf(stderr, "%s: %s: expected %s, got %s\n", tool, name, expected, got);
	return 1;
}

/* ---- the host ---- */

static void *host_alloc(const struct bare_host *base, size_t size) { return (void)base, malloc(size); }
static void host_free(const struct bare_host *base, void *memory) { (void)base, free(memory); }

/* A thread that ended is gone also while nobody has waited for it. */
static uint64_t host_alive(uint64_t owner)
{
	char path[48], text[512] = "";
	if (kill((pid_t)owner, 0) < 0 && errno == ESRCH) return 0;
	snprintf(path, sizeof path, "/proc/%" PRIu64 "/stat", owner);
	FILE *file = fopen(path, "r");
	if (file && !fgets(text, sizeof text, file)) text[0] = 0;
	if (file) fclose(file);
	const char *name_end = strrchr(text, ')'); /* the state follows */
	return !name_end || !strchr("ZX", name_end[2]);
}

/* The file says how long it is: its header was checked. */
static void host_release(const struct spf_host *spf_host, const void *file)
{
	(void)spf_host;
	munmap((void *)file, ((const uint32_t *)file)[2] + (size_t)1);
}

static uint64_t host_call(const struct spf_host *spf_host, bare_fn *entry, const uint64_t *r, void **got)
{
	return (void)spf_host, posix_call(entry, r, got);
}

/* The number of a thread's values, not of a processor. */
static uint64_t do_cpu(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5, void **got)
{
	(void)r1, (void)r2, (void)r3, (void)r4, (void)r5, (void)got;
	return host.cpu;
}

static struct bare_helper helpers[64] = { { 8 | 0x111u << 22, do_cpu } };
static const struct spf_hook hooks[] = { { "tcmd", CONTEXT_CMD, 0 }, { NULL, 0, 0 } };

static void start_host(uint32_t cpus, int renew)
{
	size_t count = 1;
	for (const struct bare_helper *row = posix_helpers; row->call && count < 63; row++) helpers[count++] = *row;
	host = (struct spf_host){
		.base = { .alloc = host_alloc, .free = host_free, .helpers = helpers, .memory = 65535, .context = 0xff },
		.hooks = hooks, .owner = (uint32_t)syscall(SYS_gettid), .cpus = cpus, .renew = renew,
		.alive = host_alive, .release = host_release, .call = host_call,
	};
}

/* ---- loading ---- */

static void explain_map(void)
{
	const struct map_definition *is = spf.error.is;
	if (spf.error.value == -1) { /* the file said why */
		fprintf(stderr, "map %s: expected a map of the file, got another\n", spf.error.name);
		return;
	}
	if (spf.error.value) {
		fprintf(stderr, "map %s: expected a map that can be made, got error %" PRId64 "\n", spf.error.name, spf.error.value);
		return;
	}
	fprintf(stderr, "map %s: expected ", spf.error.name);
	for (int i = 0; i < 2; i++)
		fprintf(stderr, "type %u, key %u B, value %u B, max_entries %u, flags 0x%x%s", is[i].type, is[i].key_size,
			is[i].value_size, is[i].max_entries, is[i].flags, i ? "\n" : ", got ");
}

static void explain(int error, const char *name)
{
	const char *about = spf.error.name ? spf.error.name : "";
	static const char *const expected[] = { "", "an spf file of the size that it says", "magic \"spf\"", "spf version 1",
		"code for this machine", "contents that match their checksum", "sections and records inside the file",
		"programs that this host can run" };
	switch (error) {
	case SPF_E_HELPER:
		fprintf(stderr, "expected helpers that this host has, got helper ");
		if (*about) fprintf(stderr, "%s\n", about);
		else fprintf(stderr, "%" PRId64 "\n", spf.error.value);
		break;
	case SPF_E_MEMORY: fprintf(stderr, "expected memory, got none\n"); break;
	case SPF_E_MAP: explain_map(); break;
	case SPF_E_EVENT: fprintf(stderr, "%s: expected 0 or more, got %" PRId64 "\n", about, spf.error.value); break;
	case SPF_E_NAME: fprintf(stderr, "expected a name that is free, got that of a loaded instance, %s\n", name); break;
	case SPF_E_BUSY: fprintf(stderr, "expected an instance that stays, got one that leaves\n"); break;
	default:
		fprintf(stderr, "expected %s, got others at 0x%" PRIx32, expected[-error], spf.error.at);
		fprintf(stderr, *about ? " (%s)\n" : "%s\n", about);
	}
}

static int place(const char *name, const char *path, int (*how)(struct spf *, const char *, const void *, uint32_t))
{
	size_t size;
	void *file = posix_read(path, &size);
	if (!file) return fail(path, "a readable file", strerror(errno));
	__builtin___clear_cache((char *)file, (char *)file + size);
	int error = mprotect(file, size + 1, PROT_READ | PROT_EXEC) < 0 ? SPF_E_MEMORY : how(&spf, name, file, (uint32_t)size);
	if (!error) return 0;
	fprintf(stderr, "%s: %s: ", tool, path);
	explain(error, name);
	munmap(file, size + 1);
	return 1;
}

static struct spf_app *get(const char *name)
{
	struct spf_app *app = spf_find(&spf, name);
	if (!app) fail(name, "a loaded instance", "a name that nothing is loaded under");
	return app;
}

static int do_load(int count, char **words) { return (void)count, place(words[2], words[3], spf_load); }

static int do_replace(int count, char **words)
{
	return (void)count, !get(words[1]) || place(words[1], words[2], spf_replace);
}

static int do_unload(int count, char **words)
{
	(void)count;
	if (!get(words[2])) return 1;
	return spf_unload(&spf, words[2]) ? fail(words[2], "an instance that stays", "one that leaves") : 0;
}

static int do_unload_all(int count, char **words)
{
	(void)count, (void)words;
	spf_unload_all(&spf);
	return 0;
}

/* ---- running ---- */

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* Pairs of digits of a word, or one digit; the number of bytes, or -1. */
static int hex(const char *word, uint8_t *bytes, int most)
{
	int count = 0;
	if (nibble(*word) >= 0 && !word[1] && most > 0) return *bytes = (uint8_t)nibble(*word), 1;
	for (; *word; word += 2, count++) {
		int high = nibble(word[0]), low = high < 0 ? -1 : nibble(word[1]);
		if (low < 0 || count == most) return -1;
		bytes[count] = (uint8_t)(high << 4 | low);
	}
	return count;
}

enum { PACKET = 2048 };

static int do_run(int count, char **words)
{
	struct spf_app *app = get(words[1]);
	int next = 2, program = 0, size = 0;
	uint8_t memory[PACKET];
	if (!app) return 1;
	for (; next + 1 < count && words[next][0] == '-' && words[next][1] == '-'; next += 2) {
		if (!strcmp(words[next], "--program")) program = spf_find_program(app, words[next + 1]);
		else if (!strcmp(words[next], "--mem") && !strncmp(words[next + 1], "hex:", 4)) size = hex(words[next + 1] + 4, memory, PACKET);
		else return fail(words[next], "--program P or --mem hex:DIGITS", "another option");
		if (program < 0) return fail(words[1], "a program of this instance", words[next + 1]);
		if (size < 0) return fail(words[next + 1], "pairs of hexadecimal digits, at most 2048", "others");
	}
	const struct spf_program *about = &app->program[program];
	uint64_t r[5] = { 0 }, argv[66], ctx[27] = { (uintptr_t)memory, (uintptr_t)memory + size, (uintptr_t)memory };
	int context = about->context, room = context == CONTEXT_MEM ? size : context == 3 ? 48 : context == 4 ? 216 : 0;
	if (context > 4 || about->memory > room) return fail(words[1], "a context that can be given", "a program that wants another");
	if (context == CONTEXT_MEM) r[0] = size ? (uintptr_t)memory : 0, r[1] = size;
	if (context > CONTEXT_CMD) r[0] = (uintptr_t)ctx;
	if (posix_arguments(context, words[1], count - next, words + next, argv, r, tool)) return 1;
	posix_print(spf_run(app, program, r));
	return 0;
}

static int do_testcmd(int count, char **words)
{
	struct spf_cursor cursor = { 0 };
	struct spf_app *app;
	int ran = 0;
	for (; (app = spf_next(&spf, &cursor, "tcmd")); ran++) {
		uint64_t r[5] = { 0 }, argv[66];
		char *name = strdup(app->name), *program = strdup(app->strings + app->program[cursor.program].name);
		posix_arguments(CONTEXT_CMD, name, count - 1, words + 1, argv, r, tool);
		uint64_t r0 = spf_run(app, cursor.program, r);
		printf("%s %s: ", name, program); /* the instance may be gone */
		posix_print(r0);
		free(name);
		free(program);
	}
	return ran ? 0 : fail("testcmd", "a loaded program with hook tcmd", "none");
}

/* ---- show: a table ---- */

enum { COLUMNS = 6, CELL = 256 };

static void add(char *cell, const char *text)
{
	size_t length = strlen(cell);
	snprintf(cell + length, CELL - length, "%s%s", length ? ", " : "", *text ? text : "-");
}

static int do_show(int count, char **words)
{
	static const char *const titles[COLUMNS] = { "name", "programs", "hooks", "maps", "runs", "bytes" };
	size_t rows = 1, width[COLUMNS] = { 0 };
	(void)count, (void)words;
	for (struct spf_app *app = spf.first; app; app = app->next) rows++;
	if (rows == 1) return puts("nothing is loaded"), 0;
	char(*cells)[COLUMNS][CELL] = calloc(rows, sizeof *cells), (*row)[CELL] = cells[0];
	if (!cells) abort();
	for (int k = 0; k < COLUMNS; k++) add(row[k], titles[k]);
	for (struct spf_app *app = spf.first; app; app = app->next) {
		row += COLUMNS;
		add(row[0], app->name);
		for (uint32_t i = 0; i < app->programs; i++) {
			add(row[1], app->strings + app->program[i].name);
			add(row[2], app->strings + app->program[i].hook);
		}
		for (uint32_t i = 0; i < app->maps; i++) add(row[3], app->map[i].name);
		if (!app->maps) add(row[3], "");
		snprintf(row[4], CELL, "%" PRIu64, app->runs);
		snprintf(row[5], CELL, "%" PRIu32, app->size);
	}
	for (size_t i = 0; i < rows; i++)
		for (int k = 0; k < COLUMNS; k++)
			if (strlen(cells[i][k]) > width[k]) width[k] = strlen(cells[i][k]);
	for (size_t i = 0; i < rows; i++)
		for (int k = 0; k < COLUMNS; k++)
			printf("%*s%s", k < 4 ? -(int)width[k] : (int)width[k], cells[i][k], k + 1 < COLUMNS ? "  " : "\n");
	free(cells);
	return 0;
}

/* ---- maps: elements as bpftool prints them ---- */

static void print_bytes(const char *title, const uint8_t *bytes, uint32_t size)
{
	printf("%s", title);
	for (uint32_t i = 0; i < size; i++) printf(" %02x", bytes[i]);
}

static void print_element(struct spf_app *app, struct map_handle *map, const uint8_t *key, const uint8_t *value)
{
	uint32_t size = map->is.value_size, number;
	if (map->is.cpus > 1) {
		print_bytes("key:\n", key, 0);
		for (uint32_t i = 0; i < map->is.key_size; i++) printf("%02x%s", key[i], i + 1 < map->is.key_size ? " " : "\n");
		for (uint32_t cpu = 0; cpu < map->is.cpus; cpu++, puts("")) {
			printf("value (CPU %02u):", cpu);
			print_bytes("", value + cpu * ((size + 7) & ~7u), size);
		}
		return;
	}
	if (map->is.key_size) print_bytes("key:", key, map->is.key_size), printf("  ");
	memcpy(&number, value, size < 4 ? size : 4);
	if (map->is.type == MAP_PROG_ARRAY && number < app->programs)
		printf("value: %s", app->strings + app->program[number].name);
	else if (map->targets && map->is.type != MAP_PROG_ARRAY && number < app->maps) printf("value: %s", app->map[number].name);
	else print_bytes("value:", value, size);
	puts("");
}

static size_t value_room(const struct map_handle *map) { return (((size_t)map->is.value_size + 7) & ~7u) * map->is.cpus + 8; }

static int dump(struct spf_app *app, struct map_handle *map, uint8_t *key, uint8_t *value)
{
	uint64_t cursor = 0;
	unsigned count = 0;
	int64_t result;
	for (; (result = map_walk(map, &cursor, key, value)) == 0; count++) print_element(app, map, key, value);
	if (result != -MAP_ENOENT) return fail(app->name, "a map that has elements to show", "another type");
	return printf("Found %u element%s\n", count, count == 1 ? "" : "s"), 0;
}

/* Bytes in hex up to the word "value" or the end, the words "key" and "hex" skipped; how many words, or -1. */
static int bytes_of(int count, char **words, uint8_t *to, uint32_t size)
{
	uint32_t have = 0;
	int i = 0;
	for (; i < count && strcmp(words[i], "value"); i++) {
		if (!strcmp(words[i], "key") || !strcmp(words[i], "hex")) continue;
		int more = hex(words[i], to + have, (int)(size - have));
		if (more < 0) return -1;
		have += more;
	}
	return have == size ? i : -1;
}

static int value_of(struct spf_app *app, struct map_handle *map, int count, char **words, uint8_t *value)
{
	uint32_t size = map->is.value_size, stride = (size + 7) & ~7u;
	int number = -1;
	if (map->is.type == MAP_PROG_ARRAY && count == 1) number = spf_find_program(app, words[0]);
	for (uint32_t i = 0; map->targets && map->is.type != MAP_PROG_ARRAY && count == 1 && i < app->maps; i++)
		if (!strcmp(app->map[i].name, words[0])) number = (int)i;
	if (number >= 0) return memcpy(value, &number, 4), 0;
	if (bytes_of(count, words, value, size) != count) return -1;
	for (uint32_t cpu = 1; cpu < map->is.cpus; cpu++) memcpy(value + cpu * stride, value, size);
	return 0;
}

static int access_map(struct spf_app *app, struct map_handle *map, const char *what, int count, char **words, uint8_t *key, uint8_t *value)
{
	if (!strcmp(what, "dump")) return dump(app, map, key, value);
	int next = bytes_of(count, words, key, map->is.key_size), is_update = !strcmp(what, "update");
	if (next < 0) return fail(app->name, "as many bytes in hex as the key has", "others");
	if (is_update && (next == count || value_of(app, map, count - next - 1, words + next + 1, value)))
		return fail(app->name, "value and as many bytes in hex as it has", "others");
	int64_t result = is_update ? map->is.key_size ? map_write(map, key, value, 0) : map_push(map, value, 0)
		: !strcmp(what, "lookup") ? map_read(map, key, value) : map_delete(map, key);
	if (result == -MAP_ENOENT) return fail(app->name, "a key that is in the map", "another");
	if (result < 0) return fail(app->name, "a map that does this", strerror((int)-result));
	if (!strcmp(what, "lookup")) print_element(app, map, key, value);
	return 0;
}

static int do_map(int count, char **words)
{
	struct spf_app *app = get(words[2]);
	struct map_handle *map = app ? spf_find_map(app, words[3]) : NULL;
	if (!app) return 1;
	if (!map || !map->block) return fail(words[2], "a map of this instance", words[3]);
	uint8_t *key = calloc(1, map->is.key_size + (size_t)8), *value = calloc(1, value_room(map));
	if (!key || !value) abort();
	int result = access_map(app, map, words[1], count - 4, words + 4, key, value);
	free(key);
	free(value);
	return result;
}

/* ---- commands ---- */

static int do_help(int count, char **words);

static const struct command {
	const char *name, *second, *usage; /* `second`: the word that follows, or NULL */
	int least, most; /* words, the command included */
	int (*run)(int count, char **words);
} commands[] = {
	{ "load", "file", "load file NAME FILE            loads an spf file as instance NAME", 4, 4, do_load },
	{ "unload", "instance", "unload instance NAME           forgets an instance", 3, 3, do_unload },
	{ "unload", "all", "unload all                     forgets all instances", 2, 2, do_unload_all },
	{ "replace", NULL, "replace NAME FILE              another version in its place; if that is refused the old one stays", 3, 3, do_replace },
	{ "show", NULL, "show                           lists what is loaded", 1, 1, do_show },
	{ "run", NULL, "run NAME [--program P] [--mem hex:DIGITS] [args]    runs a program of an instance", 2, 64, do_run },
	{ "testcmd", NULL, "testcmd [args]                 runs all programs with hook tcmd, in the order of loading", 1, 64, do_testcmd },
	{ "map", "dump", "map dump NAME MAP              prints all elements", 4, 4, do_map },
	{ "map", "lookup", "map lookup NAME MAP hex...     prints one element", 5, 1024, do_map },
	{ "map", "update", "map update NAME MAP hex... value hex...    sets an element", 6, 1024, do_map },
	{ "map", "delete", "map delete NAME MAP hex...     deletes an element", 5, 1024, do_map },
	{ "help", NULL, "help                           this list", 1, 1, do_help },
	{ "quit", NULL, "quit                           ends", 1, 1, NULL },
};

static int do_help(int count, char **words)
{
	(void)count, (void)words;
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) puts(commands[i].usage);
	return 0;
}

enum { QUIT = -1, WORDS = 1024 };

static int execute(char *line)
{
	static char *words[WORDS];
	int count = 0;
	for (char *word = strtok(line, " \t\r\n"); word && count < WORDS; word = strtok(NULL, " \t\r\n")) words[count++] = word;
	if (count == 0 || words[0][0] == '#') return 0;
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		const struct command *command = &commands[i];
		if (strcmp(words[0], command->name)) continue;
		if (command->second && (count < 2 || strcmp(words[1], command->second))) continue;
		if (count < command->least || count > command->most) {
			fprintf(stderr, "usage: %s\n", command->usage);
			return 1;
		}
		return command->run ? command->run(count, words) : QUIT;
	}
	return fail(words[0], "load file, unload, replace, show, run, testcmd, map, help or quit", "another command");
}

static int usage(void)
{
	fprintf(stderr, "usage: %s [--pin FILE] [--keep-maps=never] [--cpus N]\n", tool);
	return 2;
}

int main(int argc, char **argv)
{
	int prompt = isatty(0), failed = 0, renew = 0;
	const char *pin = NULL;
	long cpus = 1;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--keep-maps=never")) renew = 1;
		else if (!strcmp(argv[i], "--pin") && i + 1 < argc) pin = argv[++i];
		else if (!strcmp(argv[i], "--cpus") && i + 1 < argc) cpus = strtol(argv[++i], NULL, 10);
		else return usage();
	}
	if (cpus < 1 || cpus > 64) return usage();
	start_host((uint32_t)cpus, renew);
	if (pin && pin_open(&host, pin, tool)) return 1;
	char *line = NULL;
	size_t room = 0;
	for (;;) {
		if (prompt) printf("> ");
		fflush(stdout);
		if (getline(&line, &room, stdin) < 0) break;
		int result = execute(line);
		if (result == QUIT) break;
		failed |= result;
	}
	free(line);
	spf_unload_all(&spf);
	fflush(stdout);
	pin_close(&host);
	return prompt ? 0 : failed;
}
