/* Whoever makes the file or adds a map holds its lock; what was read has been checked. Nothing moves, nothing is removed. */
#define _GNU_SOURCE
#include "posix_pin.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, HEADER = 64, BLOCKS = 36864, MOST = 256, MOST_CPUS = 64 };

struct entry {
	char name[64];
	struct map_definition is;
	uint32_t inner, zero;
	uint64_t offset, size, zeros[2];
};

struct directory {
	char magic[8];
	uint32_t version, count;
	uint64_t size;
	uint32_t checksum, cpus, zeros[8];
	uint32_t threads[1008];
	struct entry entries[MOST];
};

_Static_assert(sizeof(struct entry) == 128 && sizeof(struct directory) == BLOCKS, "the file's layout");

static const char magic[8] = "runbpf\0m";

/* The one file of this process. Blocks are mapped when they are first asked for, and stay. */
static struct {
	int fd;
	const char *path, *tool;
	struct directory *shared;
	void *block[MOST];
	uint64_t mapped[MOST];
} pin = { .fd = -1 };

static int refuse(const char *where, const char *expected, const char *got)
{
	fprintf(stderr, "%s: %s: %s%sexpected %s, got %s\n", pin.tool, pin.path, where, *where ? ": " : "", expected, got);
	return -1;
}

static int refuse_number(const char *where, const char *expected, uint64_t got)
{
	char text[32];
	snprintf(text, sizeof text, "%" PRIu64, got);
	return refuse(where, expected, text);
}

static uint32_t crc_of(uint32_t crc, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		crc ^= ((const uint8_t *)bytes)[i];
		for (int bit = 8; bit; bit--) crc = crc >> 1 ^ (0xedb88320 & -(crc & 1));
	}
	return crc;
}

static uint32_t checksum_of(const struct directory *d)
{
	struct directory head;
	memcpy(&head, d, HEADER);
	head.checksum = 0;
	return ~crc_of(crc_of(~0u, &head, HEADER), d->entries, d->count * sizeof *d->entries);
}

static int check_entry(const struct directory *d, uint32_t i)
{
	const struct entry *e = &d->entries[i];
	char where[32];
	snprintf(where, sizeof where, "entry %" PRIu32, i);
	if (!e->name[0] || e->name[63]) return refuse(where, "a name of 1 to 63 bytes", "none or a longer one");
	if (e->offset % PAGE || e->offset < BLOCKS || !e->size || e->size > d->size || e->offset > d->size - e->size)
		return refuse(where, "a map inside the file", e->name);
	if (e->is.cpus != 1 && e->is.cpus != d->cpus) return refuse_number(where, "1 value, or one for each thread", e->is.cpus);
	if (e->zero) return refuse_number(where, "0 (reserved)", e->zero);
	for (uint32_t k = 0; k < i; k++) {
		const struct entry *other = &d->entries[k];
		if (!strcmp(e->name, other->name)) return refuse(where, "maps with names of their own", e->name);
		if (e->offset < other->offset + other->size && other->offset < e->offset + e->size)
			return refuse(where, "maps apart from each other", e->name);
	}
	return 0;
}

/* A copy of header and directory that has been checked; the caller holds the lock. */
static int read_directory(struct directory *d)
{
	struct stat stat;
	ssize_t have = pread(pin.fd, d, BLOCKS, 0);
	if (have < BLOCKS || fstat(pin.fd, &stat) < 0)
		return refuse_number("", "a file of pinned maps, 36864 bytes or more", have < 0 ? 0 : have);
	if (memcmp(d->magic, magic, 8)) return refuse("", "a file of pinned maps", "another file");
	if (d->version != 1) return refuse_number("", "version 1", d->version);
	if (d->count > MOST) return refuse_number("", "at most 256 maps", d->count);
	if (d->checksum != checksum_of(d)) return refuse("", "contents that match their checksum", "others (the file is damaged)");
	if (d->cpus - 1 >= MOST_CPUS) return refuse_number("", "1 to 64 threads", d->cpus);
	/* Longer: somebody ended while a map was added. */
	if (d->size > (uint64_t)stat.st_size) return refuse_number("", "at most the file's size", d->size);
	for (uint32_t i = 0; i < d->count; i++)
		if (check_entry(d, i)) return -1;
	return 0;
}

/* The directory first: the header's checksum makes it valid. */
static int write_directory(struct directory *d)
{
	d->checksum = checksum_of(d);
	size_t size = d->count * sizeof *d->entries;
	if (pwrite(pin.fd, d->entries, size, PAGE) != (ssize_t)size || pwrite(pin.fd, d, HEADER, 0) != HEADER)
		return refuse("", "a file that can be written", strerror(errno));
	return 0;
}

static void *map_file(uint64_t offset, uint64_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, pin.fd, offset);
	if (at != MAP_FAILED) return at;
	refuse("", "a file that can be mapped", strerror(errno));
	return NULL;
}

static int add_entry(struct directory *d, const char *name, const struct map_definition *is, uint64_t size)
{
	uint64_t end = BLOCKS;
	if (d->count == MOST) return refuse(name, "at most 256 maps", "one more");
	if (!*name || strlen(name) > 63) return refuse("a map", "a name of 1 to 63 bytes to pin it", name);
	for (uint32_t i = 0; i < d->count; i++)
		if (d->entries[i].offset + d->entries[i].size > end) end = d->entries[i].offset + d->entries[i].size;
	struct entry *e = &d->entries[d->count];
	*e = (struct entry){ .is = *is, .inner = 0xffffffff, .offset = (end + PAGE - 1) & ~(uint64_t)(PAGE - 1), .size = size };
	strcpy(e->name, name);
	/* What stands behind the maps is none: it has to read as zeros. */
	if (ftruncate(pin.fd, d->size) < 0 || ftruncate(pin.fd, e->offset + size) < 0) return refuse(name, "room for a map", strerror(errno));
	void *block = pin.block[d->count] = map_file(e->offset, size);
	if (!block) return -1;
	pin.mapped[d->count++] = size;
	map_create(block, size, is);
	d->size = e->offset + size;
	return write_directory(d);
}

static int same_map(const struct entry *e, const struct map_definition *is)
{
	return e->is.type == is->type && e->is.key_size == is->key_size && e->is.value_size == is->value_size
		&& e->is.max_entries == is->max_entries && e->is.flags == is->flags && e->is.cpus == is->cpus;
}

static int find_block(struct directory *d, const char *name, const struct map_definition *is, uint64_t size, void **block)
{
	char where[80];
	snprintf(where, sizeof where, "map %.70s", name);
	if (read_directory(d)) return -1;
	for (uint32_t i = 0; i < d->count; i++) {
		const struct entry *e = &d->entries[i];
		if (strcmp(e->name, name)) continue;
		if (!same_map(e, is) || e->size != size) return refuse(where, "a map like the one in the file", "another");
		if (!pin.block[i] && !(pin.block[i] = map_file(e->offset, e->size))) return -1;
		pin.mapped[i] = e->size;
		*block = pin.block[i];
		return 0;
	}
	if (add_entry(d, name, is, size)) return -1;
	*block = pin.block[d->count - 1];
	return 1;
}

static int pin_map(const struct spf_host *host, const char *name, const struct map_definition *is, uint64_t size, void **block)
{
	struct directory *d = malloc(sizeof *d);
	(void)host;
	if (!d) return -ENOMEM;
	flock(pin.fd, LOCK_EX);
	int result = find_block(d, name, is, size, block);
	flock(pin.fd, LOCK_UN);
	free(d);
	return result;
}

/* A number for this thread; those of threads that are gone are free. */
static int claim(struct spf_host *host)
{
	uint32_t *threads = pin.shared->threads;
	for (uint32_t k = 0; k < host->cpus; k++) {
		uint32_t holder = __atomic_load_n(&threads[k], __ATOMIC_SEQ_CST);
		if (holder && holder != host->owner && host->alive(holder)) continue;
		if (!__atomic_compare_exchange_n(&threads[k], &holder, host->owner, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) continue;
		host->cpu = k;
		return 0;
	}
	fprintf(stderr, "%s: all %" PRIu32 " slots of %s are in use\n", pin.tool, host->cpus, pin.path);
	return -1;
}

static int open_directory(uint32_t *cpus)
{
	struct directory *d = calloc(1, sizeof *d);
	struct stat stat;
	int error = -1;
	if (!d) return -1;
	flock(pin.fd, LOCK_EX);
	if (fstat(pin.fd, &stat) == 0 && !S_ISREG(stat.st_mode)) refuse("", "a file", "something else");
	else if (stat.st_size == 0) {
		memcpy(d->magic, magic, 8);
		d->version = 1;
		d->size = BLOCKS;
		d->cpus = *cpus;
		error = ftruncate(pin.fd, BLOCKS) < 0 ? refuse("", "room for a file of maps", strerror(errno)) : write_directory(d);
	} else error = read_directory(d);
	flock(pin.fd, LOCK_UN);
	*cpus = d->cpus;
	free(d);
	return error;
}

int pin_open(struct spf_host *host, const char *path, const char *tool)
{
	pin.path = path;
	pin.tool = tool;
	pin.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (pin.fd < 0) return -refuse("", "a file that can be read and written", strerror(errno));
	if (open_directory(&host->cpus) || !(pin.shared = map_file(0, PAGE)) || claim(host)) {
		close(pin.fd);
		return 1;
	}
	host->map = pin_map;
	return 0;
}

void pin_close(struct spf_host *host)
{
	if (!pin.shared) return;
	uint32_t owner = host->owner;
	__atomic_compare_exchange_n(&pin.shared->threads[host->cpu], &owner, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < MOST; i++)
		if (pin.block[i]) munmap(pin.block[i], pin.mapped[i]);
	munmap(pin.shared, PAGE);
	close(pin.fd);
}
