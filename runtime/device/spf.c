/* Guarantees that nothing of a file runs, and no byte outside it is read, unless all of it passed its checks. */
#include "spf.h"

#if defined(__x86_64__)
enum { ARCH = 1, THUMB = 0 };
#elif defined(__aarch64__)
enum { ARCH = 2, THUMB = 0 };
#elif defined(__riscv) && __riscv_xlen == 64
enum { ARCH = 3, THUMB = 0 };
#elif defined(__thumb__)
enum { ARCH = __ARM_ARCH >= 7 ? 4 : 5, THUMB = 1 };
#endif
#define LOAD_EVENT ".spf.event/load"
#define UNLOAD_EVENT ".spf.event/unload"
#define NONE 0xffffffffu
enum { ALL = 255, HELPER_IDS = 4000000, STRING_LIMIT = 1023, MAP_WORDS = 8 };
enum { PAD, CODE, STRINGS, PROGRAMS, DATA, RELOCATIONS, MAPS, IMPORTS, SYMBOLS, DEBUG, SIGNATURE, BTF, TYPES };
enum { NAME, TYPE, KEY_SIZE, VALUE_SIZE, MAX_ENTRIES, FLAGS, INNER, INITIAL }; /* words of a map record */

struct header { uint32_t magic; uint8_t version, flags; uint16_t sections; uint32_t size, checksum, arches, zero; };
struct section { uint8_t type, flags, arch, zero; uint32_t size; };
struct import { uint8_t kind, zero; uint16_t hash; uint32_t value; };
struct part { const uint8_t *at; uint32_t size; };

/* One file on its way to an instance. */
struct load {
	struct spf *spf;
	const struct spf_host *host;
	const uint8_t *file;
	uint32_t size;
	struct part part[TYPES];
	uint32_t tables; /* maps of maps */
	struct spf_app *app, *old;
};

/* ---- helpers of the map library ---- */

static uint64_t tail_call(struct map_handle *map, uint64_t index)
{
	uint64_t entry = tail_target(map, index);
	if (!entry) return 0;
	uint64_t *under_way = (uint64_t *)(uintptr_t)map->targets - 1;
	if (*under_way >= SPF_MOST_TAIL_CALLS) return 0;
	++*under_way;
	return entry;
}

/* id, prototype hash (helpers/table.ts; a test compares), function. */
#define ROW(id, hash, call) { (id) | (uint32_t)(hash) << 22, (bare_fn *)(void (*)(void))call }
#define SYS 1000000u
static const struct bare_helper library[] = {
	ROW(1, 0x0b5, map_lookup), ROW(2, 0x1e3, map_update), ROW(3, 0x284, map_delete), ROW(12, 0x2d9, tail_call),
	ROW(87, 0x1f8, map_push), ROW(88, 0x1b7, map_pop), ROW(89, 0x1b7, map_peek),
	ROW(93, 0x2ef, spin_lock), ROW(94, 0x304, spin_unlock),
#ifndef MAP_NO_RINGBUF
	ROW(25, 0x29e, perf_event_output), ROW(130, 0x184, ringbuf_output), ROW(131, 0x2a1, ringbuf_reserve),
	ROW(132, 0x3e8, ringbuf_submit), ROW(133, 0x3e8, ringbuf_discard), ROW(134, 0x03c, ringbuf_query),
#endif
	ROW(164, 0x1be, for_each_elem), ROW(181, 0x1f9, loop), ROW(195, 0x39d, map_lookup_percpu),
	ROW(SYS + 500, 0x0b5, map_lookup), ROW(SYS + 501, 0x1e3, map_update), ROW(SYS + 502, 0x284, map_delete),
	ROW(SYS + 503, 0x189, map_next_key), { 0, NULL },
};

/* ---- strings and memory; volatile: compilers make calls of memset and memcpy out of plain loops ---- */

static int same(const char *a, const char *b)
{
	while (*a && *a == *b) a++, b++;
	return *a == *b;
}

/* SEC("xdp"), SEC("xdp/name") and SEC("xdp.frags") all stand for the hook xdp. */
static int is_of(const char *section, const char *hook)
{
	while (*hook && *section == *hook) section++, hook++;
	return !*hook && (!*section || *section == '/' || *section == '.');
}

static void clear(void *memory, uint64_t size) /* size is a multiple of 8 */
{
	volatile uint64_t *word = memory;
	for (uint64_t i = 0; i < size / 8; i++) word[i] = 0;
}

static void copy(void *to, const void *from, uint64_t size)
{
	volatile uint8_t *byte = to;
	for (uint64_t i = 0; i < size; i++) byte[i] = ((const uint8_t *)from)[i];
}

static int fail(struct load *load, int error, const void *at, const char *name)
{
	load->spf->error.at = at ? (uint32_t)((const uint8_t *)at - load->file) : 0;
	load->spf->error.value = 0;
	load->spf->error.name = name;
	return error;
}

static int fail_with(struct load *load, int error, int64_t value, const char *name)
{
	fail(load, error, NULL, name);
	load->spf->error.value = value;
	return error;
}

/* NULL where the offset leads to no string. */
static const char *string_at(const struct load *load, uint32_t offset)
{
	const struct part *part = &load->part[STRINGS];
	if (offset == 0) return "";
	if (offset >= part->size) return NULL;
	const char *text = (const char *)part->at + offset;
	for (uint32_t i = 0; i <= STRING_LIMIT; i++)
		if (!text[i]) return text; /* the section ends with NUL */
	return NULL;
}

/* ---- checks: header, list of sections, payloads; nothing is allocated yet ---- */

static int check_sections(struct load *load)
{
	const struct header *h = (const struct header *)load->file;
	uint32_t left = load->size - sizeof *h;
	const uint8_t *at = load->file + sizeof *h;
	if (h->flags || h->zero || !h->arches) return fail(load, SPF_E_LAYOUT, h, NULL);
	for (uint32_t n = h->sections; n; n--) {
		const struct section *s = (const struct section *)at;
		if (left < sizeof *s || s->size > left - sizeof *s) return fail(load, SPF_E_LAYOUT, at, NULL);
		uint32_t padded = (s->size + 7) & ~7u;
		if (padded > left - sizeof *s || s->flags > 1 || s->zero) return fail(load, SPF_E_LAYOUT, at, NULL);
		if (s->arch != ALL && (s->arch > 31 || !(h->arches >> s->arch & 1))) return fail(load, SPF_E_LAYOUT, at, NULL);
		const uint8_t *payload = at + sizeof *s;
		for (uint32_t i = s->size; i < padded; i++)
			if (payload[i]) return fail(load, SPF_E_LAYOUT, payload + i, NULL);
		int known = s->type >= CODE && s->type <= IMPORTS;
		if (s->flags != known) return fail(load, known || s->type < TYPES ? SPF_E_LAYOUT : SPF_E_VERSION, at, NULL);
		if (s->type == CODE && ((payload - load->file) & 15 || s->arch == ALL || !s->size))
			return fail(load, SPF_E_LAYOUT, at, NULL);
		if ((s->arch == ALL || s->arch == ARCH) && s->type < TYPES && s->type != PAD && s->type != SIGNATURE) {
			struct part *part = &load->part[s->type];
			if (part->at) return fail(load, SPF_E_LAYOUT, at, NULL);
			part->at = payload;
			part->size = s->size;
		}
		at = payload + padded;
		left -= sizeof *s + padded;
	}
	if (left) return fail(load, SPF_E_LAYOUT, at, NULL);
	if (!(h->arches >> ARCH & 1)) return fail(load, SPF_E_ARCH, &h->arches, NULL);
	return load->part[CODE].at && load->part[PROGRAMS].at ? 0 : fail(load, SPF_E_LAYOUT, h, NULL);
}

static int check_file(struct load *load)
{
	const struct header *h = (const struct header *)load->file;
	if (load->size < sizeof *h || (int32_t)load->size < 0 || (uintptr_t)h & 3) return fail(load, SPF_E_SIZE, NULL, NULL);
	if (h->magic != 0x667073) return fail(load, SPF_E_MAGIC, NULL, NULL);
	if (h->version != 1) return fail(load, SPF_E_VERSION, NULL, NULL);
	if (h->size != load->size) return fail(load, SPF_E_SIZE, &h->size, NULL);
	uint32_t crc = ~0u;
	for (uint32_t i = 0; i < load->size; i++) {
		if (i - 12 >= 4) crc ^= load->file[i]; /* its own four bytes count as zero */
		for (int bit = 8; bit; bit--) crc = crc >> 1 ^ (0xedb88320 & -(crc & 1));
	}
	return ~crc == h->checksum ? check_sections(load) : fail(load, SPF_E_CHECKSUM, &h->checksum, NULL);
}

/* Sizes of payloads and the records of maps; counts what is to be allocated. */
static int check_payloads(struct load *load, struct spf_app *count)
{
	const struct part *part = load->part, *strings = &part[STRINGS], *data = &part[DATA];
	if (strings->size && (strings->at[0] || strings->at[strings->size - 1])) return fail(load, SPF_E_LAYOUT, strings->at, NULL);
	count->programs = part[PROGRAMS].size / sizeof(struct spf_program);
	if (!count->programs || part[PROGRAMS].size % sizeof(struct spf_program))
		return fail(load, SPF_E_LAYOUT, part[PROGRAMS].at, NULL);
	if (data->at) {
		const uint32_t *words = (const uint32_t *)data->at;
		if (data->size < 8 || words[0] - 8 >= 0x7ffffff8 || words[0] & 7 || words[1] || data->size - 8 > words[0])
			return fail(load, SPF_E_LAYOUT, data->at, NULL);
		count->size = words[0];
	}
	if (part[RELOCATIONS].size & 3) return fail(load, SPF_E_LAYOUT, part[RELOCATIONS].at, NULL);
	if (part[IMPORTS].size & 7) return fail(load, SPF_E_LAYOUT, part[IMPORTS].at, NULL);
	const uint8_t *at = part[MAPS].at;
	for (uint32_t left = part[MAPS].size; left; count->maps++) {
		const uint32_t *record = (const uint32_t *)at;
		if (left < 4 * MAP_WORDS || record[INITIAL] > (left - 4 * MAP_WORDS) / 8 || count->maps == SPF_MOST_MAPS)
			return fail(load, SPF_E_LAYOUT, at, NULL);
		load->tables += record[TYPE] == MAP_ARRAY_OF_MAPS || record[TYPE] == MAP_HASH_OF_MAPS;
		uint32_t size = 4 * MAP_WORDS + 8 * record[INITIAL];
		at += size;
		left -= size;
	}
	return 0;
}

/* ---- linking: fills the memory of a new instance ---- */

static int check_contract(struct load *load, const struct spf_program *program, const char *name, const char *hook)
{
	const struct bare_host *base = &load->host->base;
	uint8_t context = base->context;
	uint32_t memory = base->memory;
	for (const struct spf_hook *row = load->host->hooks; row && row->hook; row++)
		if (is_of(hook, row->hook)) {
			context = row->context;
			memory = row->memory;
			break;
		}
	if (is_of(hook, ".spf.event")) context = memory = 0; /* events have no arguments */
	if (base->flags & ~program->flags || program->memory > memory || (context != 0xff && context != program->context)
	    || (base->stack && program->stack * 16u - 1 >= base->stack)) return fail(load, SPF_E_CONTRACT, program, name);
	return 0;
}

static int link_programs(struct load *load)
{
	struct spf_app *app = load->app;
	uint32_t verified = 0, contexts = 0, kind = 0; /* programs whose only argument is a context: kinds beyond cmd */
	for (uint32_t i = 0; i < app->programs; i++) {
		const struct spf_program *p = &app->program[i];
		const char *name = string_at(load, p->name), *hook = string_at(load, p->hook);
		if (!name || !hook || p->offset >= load->part[CODE].size || p->flags > 3 || p->zero)
			return fail(load, SPF_E_LAYOUT, p, name);
		if (!(p->flags & 1) || p->context < 3) continue;
		contexts += !verified++ || kind != p->context;
		kind = p->context;
	}
	for (uint32_t i = 0; i < app->programs; i++) {
		const struct spf_program *p = &app->program[i];
		int error = check_contract(load, p, app->strings + p->name, app->strings + p->hook);
		if (error) return error;
		/* Programs of several contexts cannot end in one another: which one a call comes from is not known. */
		if (contexts == 0 ? !(p->flags & 1) : contexts == 1 && p->context == kind)
			app->entries[i] = (uintptr_t)(app->code + p->offset + THUMB);
	}
	return 0;
}

static int link_data(struct load *load, uint32_t data_size)
{
	struct spf_app *app = load->app;
	const struct part *data = &load->part[DATA], *relocations = &load->part[RELOCATIONS];
	uint32_t initial = data->size ? data->size - 8 : 0;
	uint64_t *words = (uint64_t *)app->data;
	if (initial) copy(app->data, data->at + 8, initial);
	for (uint32_t i = 0; i < relocations->size / 4; i++) {
		const uint32_t *word = (const uint32_t *)relocations->at + i;
		uint32_t at = *word >> 1, in_data = *word & 1;
		if (at >= initial / 8 || words[at] > (in_data ? data_size : load->part[CODE].size))
			return fail(load, SPF_E_LAYOUT, word, NULL);
		words[at] += (uintptr_t)(in_data ? app->data : app->code);
	}
	return 0;
}

/* Map records against each other. */
static int check_maps(struct load *load)
{
	struct spf_app *app = load->app;
	const uint32_t *at = (const uint32_t *)load->part[MAPS].at;
	for (uint32_t i = 0; i < app->maps; i++) {
		struct spf_map *map = &app->map[i];
		map->record = at;
		map->name = string_at(load, at[NAME]);
		if (!map->name || spf_find_map(app, map->name) != &map->handle) return fail(load, SPF_E_LAYOUT, at, map->name);
		at += MAP_WORDS + 2 * at[INITIAL];
	}
	for (uint32_t i = 0; i < app->maps; i++) {
		const uint32_t *record = app->map[i].record, *entry = record + MAP_WORDS;
		if (record[INNER] != NONE) {
			if (record[INNER] >= app->maps || app->map[record[INNER]].record[INNER] != NONE)
				return fail(load, SPF_E_LAYOUT, record, app->map[i].name);
			app->map[record[INNER]].inner = 1;
		}
		for (uint32_t n = record[INITIAL]; n; n--, entry += 2) {
			uint32_t target = entry[1] & 0x7fffffff, is_map = entry[1] == target;
			if (entry[0] >= record[MAX_ENTRIES] || target >= (is_map ? app->maps : app->programs))
				return fail(load, SPF_E_LAYOUT, entry, app->map[i].name);
			if (is_map) app->map[target].used = 1;
		}
	}
	return 0;
}

static void *find_helper(const struct bare_helper *row, uint32_t import)
{
	while (row->call && row->import != import && row->import != (import & 0x3fffff)) row++;
	return (void *)(uintptr_t)row->call;
}

static int link_imports(struct load *load)
{
	struct spf_app *app = load->app;
	const struct import *import = (const struct import *)load->part[IMPORTS].at;
	for (uint32_t i = 0; i < load->part[IMPORTS].size / sizeof *import; i++, import++) {
		uint32_t value = import->value;
		void *slot = NULL;
		const char *name = NULL;
		if (import->kind > 4 || import->zero || import->hash > (import->kind < 2 ? 1023 : 0)) {
			return fail(load, SPF_E_LAYOUT, import, NULL);
		} else if (import->kind == 0 && value < HELPER_IDS) {
			slot = find_helper(load->host->base.helpers, value | (uint32_t)import->hash << 22);
			if (!slot) slot = find_helper(library, value | (uint32_t)import->hash << 22);
		} else if (import->kind == 1 && value && (name = string_at(load, value)) && *name) {
			for (const struct spf_named *row = load->host->named; row && row->name && !slot; row++)
				if (same(row->name, name) && (!row->hash || row->hash == import->hash)) slot = (void *)(uintptr_t)row->call;
		} else if (import->kind == 2 && !value && load->part[DATA].at) {
			slot = app->data;
		} else if (import->kind == 3 && value < app->maps) {
			app->map[value].used = 1;
			slot = &app->map[value].handle;
		} else if (import->kind == 4 && value < load->part[CODE].size) {
			slot = (void *)(app->code + value + THUMB);
		} else
			return fail(load, SPF_E_LAYOUT, import, name);
		if (!slot) return fail_with(load, SPF_E_HELPER, value, name);
		app->got[i] = slot;
	}
	return 0;
}

/* ---- maps ---- */

static int alike(const struct map_definition *a, const struct map_definition *b)
{
	return a->type == b->type && a->key_size == b->key_size && a->value_size == b->value_size
		&& a->max_entries == b->max_entries && a->flags == b->flags;
}

/* The memory of a map: the old version's, the host's, or new. */
static int take_block(struct load *load, struct spf_map *map, struct map_definition *is, void **block)
{
	struct map_handle *kept = load->old && !load->host->renew ? spf_find_map(load->old, map->name) : NULL;
	int64_t size = map_size(is);
	if (size < 0) return fail_with(load, SPF_E_MAP, size, map->name);
	if (kept && kept->block) {
		if (!alike(&kept->is, is)) {
			load->spf->error.is[0] = kept->is;
			load->spf->error.is[1] = *is;
			return fail(load, SPF_E_MAP, NULL, map->name);
		}
		is->cpus = kept->is.cpus;
		map->users = ((struct spf_map *)kept)->users; /* the handle is its first member */
		if (map->users) ++*map->users;
		*block = (void *)(uintptr_t)kept->block;
		return 0;
	}
	if (load->host->map) {
		int result = load->host->map(load->host, map->name, is, size, block);
		if (result < 0) return fail_with(load, SPF_E_MAP, result, map->name);
		map->fresh = result;
		if (*block) return 0;
	}
	map->users = load->host->base.alloc(&load->host->base, size + 72); /* the count, then a multiple of 64 */
	if (!map->users) return fail(load, SPF_E_MEMORY, NULL, map->name);
	*block = (void *)(((uintptr_t)map->users + 71) & ~(uintptr_t)63);
	*map->users = 1;
	map->fresh = 1;
	clear(*block, size);
	map_create(*block, size, is);
	return 0;
}

static int link_maps(struct load *load, uint64_t *table)
{
	struct spf_app *app = load->app;
	for (uint32_t i = 0; i < app->maps; i++) {
		struct spf_map *map = &app->map[i];
		const uint32_t *record = map->record;
		uint32_t type = record[TYPE];
		int per_cpu = type == MAP_PERCPU_HASH || type == MAP_PERCPU_ARRAY || type == MAP_LRU_PERCPU_HASH;
		struct map_definition is = { type, record[KEY_SIZE], record[VALUE_SIZE], record[MAX_ENTRIES], record[FLAGS],
			per_cpu ? load->host->cpus : 1 };
		struct map_local local = { .alive = (uintptr_t)load->host->alive, .owner = load->host->owner, .cpu = per_cpu ? load->host->cpu : 0 };
		void *block = NULL;
		map->handle.is = is;
		if (map->inner && !map->used) continue;
		if (type == MAP_PROG_ARRAY) {
			local.targets = (uintptr_t)app->entries;
			local.count = app->programs;
		} else if (type == MAP_ARRAY_OF_MAPS || type == MAP_HASH_OF_MAPS) {
			local.targets = (uintptr_t)table;
			local.count = app->maps;
			table += app->maps;
		}
		int error = take_block(load, map, &is, &block);
		if (error) return error;
		int64_t result = map_attach(&map->handle, block, map_size(&is), &is, &local);
		if (result < 0) return fail_with(load, SPF_E_MAP, result, map->name);
	}
	return 0;
}

/* Tables of maps of maps, then initial entries of the maps that are new. */
static int fill_maps(struct load *load)
{
	struct spf_app *app = load->app;
	for (uint32_t i = 0; i < app->maps; i++) {
		struct spf_map *map = &app->map[i];
		uint64_t *targets = (uint64_t *)(uintptr_t)map->handle.targets;
		const uint32_t *entry = map->record + MAP_WORDS;
		uint32_t inner = map->record[INNER], holds_maps = map->handle.is.type != MAP_PROG_ARRAY;
		if (!map->handle.block || !targets) {
			if (map->record[INITIAL] && map->handle.block) return fail(load, SPF_E_LAYOUT, entry, map->name);
			continue;
		}
		for (uint32_t k = 0; holds_maps && inner != NONE && k < app->maps; k++) {
			struct map_handle *other = &app->map[k].handle;
			if (k != i && other->block && alike(&app->map[inner].handle.is, &other->is)) targets[k] = (uintptr_t)other;
		}
		for (uint32_t n = map->record[INITIAL]; n; n--, entry += 2) {
			uint32_t target = entry[1] & 0x7fffffff;
			if ((entry[1] == target) != holds_maps || !targets[target]) return fail(load, SPF_E_LAYOUT, entry, map->name);
			int64_t result = map->fresh ? map_write(&map->handle, entry, &target, 0) : 0;
			if (result < 0) return fail_with(load, SPF_E_MAP, result, map->name);
		}
	}
	return 0;
}

/* ---- instances ---- */

static void destroy(struct spf_app *app)
{
	const struct bare_host *base = &app->host->base;
	for (uint32_t i = 0; i < app->maps; i++)
		if (app->map[i].users && --*app->map[i].users == 0) base->free(base, app->map[i].users);
	base->free(base, app);
}

/* All of an instance but its maps' memory is one piece. */
static int make(struct load *load, const char *name)
{
	struct spf_app count = { .next = NULL };
	int error = check_file(load);
	if (!error) error = check_payloads(load, &count);
	if (error) return error;
	uint64_t slots = load->part[IMPORTS].size / sizeof(struct import), length = 1;
	while (name[length - 1]) length++;
	uint64_t size = sizeof count + count.maps * sizeof(struct spf_map) + 8 * (count.programs + 1ull) + count.size
		+ 8ull * load->tables * count.maps + ((slots * sizeof(void *) + length + 7) & ~7ull);
	const struct bare_host *base = &load->host->base;
	struct spf_app *app = size == (size_t)size ? base->alloc(base, size) : NULL;
	if (!app) return fail(load, SPF_E_MEMORY, NULL, NULL);
	clear(app, size);
	load->app = app;
	app->host = load->host;
	app->file = load->file;
	app->size = load->size;
	app->code = load->part[CODE].at;
	app->strings = load->part[STRINGS].size ? (const char *)load->part[STRINGS].at : "";
	app->program = (const struct spf_program *)load->part[PROGRAMS].at;
	app->programs = count.programs;
	app->map = (struct spf_map *)(app + 1);
	app->entries = (uint64_t *)(app->map + count.maps) + 1;
	uint64_t *table = app->entries + count.programs;
	app->data = (uint8_t *)(table + (uint64_t)load->tables * count.maps);
	app->got = (void **)(app->data + count.size);
	copy(app->got + slots, name, length);
	app->name = (const char *)(app->got + slots);
	app->maps = count.maps;
	error = link_programs(load);
	if (!error) error = link_data(load, count.size);
	if (!error) error = check_maps(load);
	if (!error) error = link_imports(load);
	if (!error) error = link_maps(load, table);
	if (!error) error = fill_maps(load);
	if (error) destroy(app);
	return error;
}

static void leave(struct spf_app *app)
{
	if (--app->running || !app->gone) return;
	const struct spf_host *host = app->host;
	const void *file = app->file;
	destroy(app);
	if (host->release) host->release(host, file);
}

uint64_t spf_run(struct spf_app *app, uint32_t program, const uint64_t r[5])
{
	bare_fn *entry = (bare_fn *)(uintptr_t)(app->code + app->program[program].offset + THUMB);
	uint64_t tail_calls = app->entries[-1], result; /* a chain of its own, also for a run that does not end */
	app->running++;
	app->runs++;
	app->entries[-1] = 0;
	if (app->host->call) result = app->host->call(app->host, entry, r, app->got);
	else result = entry(r[0], r[1], r[2], r[3], r[4], app->got);
	app->entries[-1] = tail_calls;
	leave(app);
	return result;
}

/* Runs the programs of an event of the instance's own life; SPF_E_EVENT as soon as one fails. */
static int life(struct spf *spf, struct spf_app *app, const char *event)
{
	static const uint64_t none[5];
	int error = 0;
	for (uint32_t i = 0; i < app->programs && !(error && event[11] == 'l'); i++) {
		if (!is_of(app->strings + app->program[i].hook, event)) continue;
		int32_t result = (int32_t)spf_run(app, i, none);
		if (result >= 0) continue;
		spf->error.at = 0;
		spf->error.value = result;
		spf->error.name = app->strings + app->program[i].name;
		error = SPF_E_EVENT;
	}
	return error;
}

static struct spf_app **link_of(const struct spf *spf, const char *name)
{
	struct spf_app **link = (struct spf_app **)&spf->first;
	while (*link && !same((*link)->name, name)) link = &(*link)->next;
	return link;
}

struct spf_app *spf_find(const struct spf *spf, const char *name) { return *link_of(spf, name); }

static int start(struct spf *spf, struct load *load, const char *name)
{
	int error = make(load, name);
	if (error) return error;
	load->app->running = 1; /* so that nothing ends it meanwhile */
	error = life(spf, load->app, LOAD_EVENT);
	load->app->running--;
	if (!error) return 0;
	destroy(load->app);
	return error;
}

int spf_load(struct spf *spf, const char *name, const void *file, uint32_t size)
{
	struct load load = { .spf = spf, .host = spf->host, .file = file, .size = size };
	if (spf_find(spf, name)) return fail(&load, SPF_E_NAME, NULL, NULL);
	int error = start(spf, &load, name);
	if (error) return error;
	struct spf_app **link = link_of(spf, name);
	if (*link) return destroy(load.app), fail(&load, SPF_E_NAME, NULL, NULL); /* loaded by a program of its own */
	load.app->order = ++spf->orders;
	*link = load.app;
	return 0;
}

/* Behind the swap: the old version's last programs, then its end as soon as nothing of it runs. */
static void retire(struct spf *spf, struct spf_app *app)
{
	life(spf, app, UNLOAD_EVENT);
	app->gone = 1;
	leave(app);
}

int spf_replace(struct spf *spf, const char *name, const void *file, uint32_t size)
{
	struct load load = { .spf = spf, .host = spf->host, .file = file, .size = size, .old = spf_find(spf, name) };
	struct spf_app *old = load.old;
	if (!old) return fail(&load, SPF_E_NAME, NULL, NULL);
	if (old->leaving) return fail(&load, SPF_E_BUSY, NULL, NULL);
	old->leaving = 1;
	old->running++;
	int error = start(spf, &load, name);
	if (error) {
		old->leaving = 0;
		leave(old);
		return error;
	}
	struct spf_app **link = link_of(spf, name);
	load.app->order = old->order;
	load.app->next = old->next;
	*link = load.app;
	retire(spf, old);
	return 0;
}

int spf_unload(struct spf *spf, const char *name)
{
	struct spf_app *app = spf_find(spf, name);
	if (!app) return SPF_E_NAME;
	if (app->leaving) return SPF_E_BUSY;
	app->leaving = 1;
	app->running++;
	life(spf, app, UNLOAD_EVENT);
	struct spf_app **link = &spf->first;
	while (*link != app) link = &(*link)->next;
	*link = app->next;
	app->gone = 1;
	leave(app);
	return 0;
}

void spf_unload_all(struct spf *spf)
{
	for (;;) {
		struct spf_app *last = NULL;
		for (struct spf_app *app = spf->first; app; app = app->next)
			if (!app->leaving) last = app;
		if (!last) return;
		spf_unload(spf, last->name);
	}
}

int spf_find_program(const struct spf_app *app, const char *name)
{
	for (uint32_t i = 0; i < app->programs; i++)
		if (same(app->strings + app->program[i].name, name)) return i;
	return SPF_E_NAME;
}

struct map_handle *spf_find_map(const struct spf_app *app, const char *name)
{
	for (uint32_t i = 0; i < app->maps; i++)
		if (app->map[i].name && same(app->map[i].name, name)) return &app->map[i].handle;
	return NULL;
}

struct spf_app *spf_next(const struct spf *spf, struct spf_cursor *cursor, const char *hook)
{
	for (struct spf_app *app = spf->first; app; app = app->next) {
		if (app->order < cursor->order) continue;
		for (uint32_t i = app->order == cursor->order ? cursor->next : 0; i < app->programs; i++) {
			if (!is_of(app->strings + app->program[i].hook, hook)) continue;
			*cursor = (struct spf_cursor){ .order = app->order, .next = i + 1, .program = i };
			return app;
		}
	}
	return NULL;
}

uint32_t spf_event(struct spf *spf, const char *hook, const uint64_t r[5])
{
	struct spf_cursor cursor = { 0 };
	struct spf_app *app;
	uint32_t count = 0;
	for (; (app = spf_next(spf, &cursor, hook)); count++) spf_run(app, cursor.program, r);
	return count;
}
