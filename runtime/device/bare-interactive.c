/* bare-interactive: loads, runs, replaces and unloads bare files at a prompt or from a pipe; status 1 when a piped command failed. */
#include "posix.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char tool[] = "bare-interactive";

struct entry {
	struct entry *next;
	struct program program;
	unsigned runs;
	char *name, *path;
};

static struct entry *entries;

/* The link that holds the entry, or the one at the end. */
static struct entry **find(const char *name)
{
	struct entry **link = &entries;
	while (*link && strcmp((*link)->name, name)) link = &(*link)->next;
	return link;
}

static int fail(const char *name, const char *expected, const char *got)
{
	fprintf(stderr, "%s: %s: expected %s, got %s\n", tool, name, expected, got);
	return 1;
}

static void drop(struct entry **link)
{
	struct entry *entry = *link;
	*link = entry->next;
	posix_unload(&entry->program);
	free(entry->name);
	free(entry->path);
	free(entry);
}

/* Loads first, then takes the place of an older version: a refused file changes nothing. */
static int do_load(int count, char **words)
{
	struct entry *entry = calloc(1, sizeof *entry);
	(void)count;
	if (!entry || !(entry->name = strdup(words[1])) || !(entry->path = strdup(words[2]))) abort();
	if (posix_load(&entry->program, entry->path, 0, tool)) {
		free(entry->name);
		free(entry->path);
		free(entry);
		return 1;
	}
	struct entry **link = find(words[1]);
	if (*link) drop(link);
	entry->next = *link;
	*link = entry;
	return 0;
}

static int do_run(int count, char **words)
{
	struct entry *entry = *find(words[1]);
	uint64_t r0;
	if (!entry) return fail(words[1], "a loaded program", "no such name");
	if (posix_run(&entry->program, count - 2, words + 2, NULL, 0, &r0, tool)) return 1;
	entry->runs++;
	posix_print(r0);
	return 0;
}

static int do_unload(int count, char **words)
{
	struct entry **link = find(words[1]);
	(void)count;
	if (!*link) return fail(words[1], "a loaded program", "no such name");
	drop(link);
	return 0;
}

static int do_show(int count, char **words)
{
	(void)count;
	(void)words;
	for (struct entry *entry = entries; entry; entry = entry->next)
		printf("%s: %s, %zu bytes, %u runs\n", entry->name, entry->path, entry->program.size, entry->runs);
	return 0;
}

static int do_help(int count, char **words);

static const struct command {
	const char *name, *usage;
	int least, most; /* words, the command included */
	int (*run)(int count, char **words);
} commands[] = {
	{ "load", "load NAME FILE     loads a bare file, in place of an older one of that name", 3, 3, do_load },
	{ "run", "run NAME [args]    runs it with a command line or with numbers", 2, 64, do_run },
	{ "unload", "unload NAME        forgets it", 2, 2, do_unload },
	{ "show", "show               lists what is loaded", 1, 1, do_show },
	{ "help", "help               this list", 1, 1, do_help },
	{ "quit", "quit               ends", 1, 1, NULL },
};

static int do_help(int count, char **words)
{
	(void)count;
	(void)words;
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) puts(commands[i].usage);
	return 0;
}

enum { QUIT = -1 };

static int execute(char *line)
{
	char *words[64];
	int count = 0;
	for (char *word = strtok(line, " \t\r\n"); word && count < 64; word = strtok(NULL, " \t\r\n")) words[count++] = word;
	if (count == 0 || words[0][0] == '#') return 0;
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		const struct command *command = &commands[i];
		if (strcmp(words[0], command->name)) continue;
		if (count < command->least || count > command->most) {
			fprintf(stderr, "usage: %s\n", command->usage);
			return 1;
		}
		return command->run ? command->run(count, words) : QUIT;
	}
	return fail(words[0], "load, run, unload, show, help or quit", "another command");
}

int main(void)
{
	int prompt = isatty(0), failed = 0;
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
	while (entries) drop(&entries);
	return prompt ? 0 : failed;
}
