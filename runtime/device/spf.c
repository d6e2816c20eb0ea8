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
	struct spf *spf; const struct spf_host *host; const uint8_t *file;
	uint32_t size, tables; /* tables: maps of maps */
	struct part part[TYPES]; struct spf_app *app, *old;
};

/* ---- strings and memory; volatile: compilers make calls of memset and memcpy out of plain loops ---- */
#define LEAF static __attribute__((noinline)) /* smaller: a call is shorter than its body */
LEAF int same(const char *a, const char *b) {
	while (*a && *a == *b) a++, b++;
	return *a == *b;
}
/* SEC("xdp"), SEC("xdp/name") and SEC("xdp.frags") all stand for the hook xdp. */
LEAF int is_of(const char *section, const char *hook) {
	while (*hook && *section == *hook) section++, hook++;
	return !*hook && (!*section || *section == '/' || *section == '.');
}
LEAF void clear(void *memory, uint64_t size) { /* size is a multiple of 8 */
	volatile uint64_t *word = memory;
	for (uint64_t i = 0; i < size / 8; i++) word[i] = 0;
}
LEAF void copy(void *to, const void *from, uint64_t size) {
	volatile uint8_t *byte = to;
	for (uint64_t i = 0; i < size; i++) byte[i] = ((const uint8_t *)from)[i];
}
LEAF int fail_with(struct load *load, int error, const void *at, const char *name, int64_t value) {
	load->spf->error.at = at ? (uint32_t)((const uint8_t *)at - load->file) : 0;
	load->spf->error.name = name;
	load->spf->error.value = value;
	return error;
}
LEAF int fail(struct load *load, int error, const void *at, const char *name) {
	return fail_with(load, error, at, name, 0);
}
/* NULL where the offset leads to no string. */
LEAF const char *string_at(const struct load *load, uint32_t offset) {
	const struct part *part = &load->part[STRINGS];
	if (offset == 0) return "";
	if (offset >= part->size) return NULL;
	const char *text = (const char *)part->at + offset;
	for (uint32_t i = 0; i <= STRING_LIMIT; i++)
		if (!text[i]) return text; /* the section ends with NUL */
	return NULL;
}

/* ---- checks: header, list of sections, payloads; nothing is allocated yet ---- */
static int check_sections(struct load *load) {
	const struct header *h = (const struct header *)load->file;
	uint32_t left = load->size - sizeof *h;
	const uint8_t *at = load->file + sizeof *h;
	if (h->flags || h->zero || !h->arches) return fail(load, SPF_E_LAYOUT, h, NULL);
	for (uint32_t n = h->sections; n; n--) {
		const struct section *s = (const struct section *)at;
		if (left < sizeof *s || s->size > left - sizeof *s) return fail(load, SPF_E_LAYOUT, at, NULL);
		const uint8_t *payload = at + sizeof *s;
		uint32_t padded = (s->size + 7) & ~7u, known = s->type >= CODE && s->type <= IMPORTS;
		int mine = s->arch == ALL || s->arch == ARCH, is_code = s->type == CODE;
		if (padded > left - sizeof *s || s->flags > 1 || s->zero
		    || (s->arch != ALL && (s->arch > 31 || !(h->arches >> s->arch & 1)))
		    || (is_code && ((payload - load->file) & 15 || s->arch == ALL || !s->size))
		    || (mine && s->type < TYPES && load->part[s->type].at)) return fail(load, SPF_E_LAYOUT, at, NULL);
		for (uint32_t i = s->size; i < padded; i++)
			if (payload[i]) return fail(load, SPF_E_LAYOUT, payload + i, NULL);
		if (s->flags != known) return fail(load, known || s->type < TYPES ? SPF_E_LAYOUT : SPF_E_VERSION, at, NULL);
		if (mine && s->type < TYPES && s->type != PAD && s->type != SIGNATURE)
			load->part[s->type] = (struct part){ payload, s->size };
		at = payload + padded;
		left -= sizeof *s + padded;
	}
	if (left) return fail(load, SPF_E_LAYOUT, at, NULL);
	if (!(h->arches >> ARCH & 1)) return fail(load, SPF_E_ARCH, &h->arches, NULL);
	return load->part[CODE].at && load->part[PROGRAMS].at ? 0 : fail(load, SPF_E_LAYOUT, h, NULL);
}
static int check_file(struct load *load) {
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
static int check_payloads(struct load *load, struct spf_app *count) {
	const struct part *part = load->part, *strings = &part[STRINGS], *data = &part[DATA];
	const uint32_t *words = (const uint32_t *)data->at;
	count->programs = part[PROGRAMS].size / sizeof(struct spf_program);
	if (strings->size && (strings->at[0] || strings->at[strings->size - 1])) return fail(load, SPF_E_LAYOUT, strings->at, NULL);
	if (!count->programs || part[PROGRAMS].size % sizeof(struct spf_program))
		return fail(load, SPF_E_LAYOUT, part[PROGRAMS].at, NULL);
	if (data->at && (data->size < 8 || words[0] - 8 >= 0x7ffffff8 || words[0] & 7 || words[1] || data->size - 8 > words[0]))
		return fail(load, SPF_E_LAYOUT, data->at, NULL);
	count->size = data->at ? words[0] : 0;
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

#include "spf_maps.c"

/* ---- linking: fills the memory of a new instance ---- */
static int check_contract(struct load *load, const struct spf_program *program, const char *name, const char *hook) {
	const struct bare_host *base = &load->host->base;
	uint8_t context = base->context;
	uint32_t memory = base->memory;
	const struct spf_hook *row = load->host->hooks;
	while (row && row->hook && !is_of(hook, row->hook)) row++;
	if (row && row->hook) context = row->context, memory = row->memory;
	if (is_of(hook, ".spf.event")) context = memory = 0; /* events have no arguments */
	if (base->flags & ~program->flags || program->memory > memory || (context != 0xff && context != program->context)
	    || (base->stack && program->stack * 16u - 1 >= base->stack)) return fail(load, SPF_E_CONTRACT, program, name);
	return 0;
}
static int link_programs(struct load *load) {
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
		if (check_contract(load, p, app->strings + p->name, app->strings + p->hook)) return SPF_E_CONTRACT;
		/* Programs of several contexts cannot end in one another: which one a call comes from is not known. */
		if (contexts == 0 ? !(p->flags & 1) : contexts == 1 && p->context == kind)
			app->entries[i] = (uintptr_t)(app->code + p->offset + THUMB);
	}
	return 0;
}
static int link_data(struct load *load, uint32_t data_size) {
	struct spf_app *app = load->app;
	const struct part *data = &load->part[DATA];
	uint32_t initial = data->size ? data->size - 8 : 0;
	uint64_t *words = (uint64_t *)app->data;
	if (initial) copy(app->data, data->at + 8, initial);
	const uint32_t *word = (const uint32_t *)load->part[RELOCATIONS].at;
	for (uint32_t i = load->part[RELOCATIONS].size / 4; i; i--, word++) {
		uint32_t at = *word >> 1, in_data = *word & 1;
		if (at >= initial / 8 || words[at] > (in_data ? data_size : load->part[CODE].size))
			return fail(load, SPF_E_LAYOUT, word, NULL);
		words[at] += (uintptr_t)(in_data ? app->data : app->code);
	}
	return 0;
}
static void *find_helper(const struct bare_helper *row, uint32_t import) {
	while (row->call && row->import != import && row->import != (import & 0x3fffff)) row++;
	return (void *)(uintptr_t)row->call;
}
static int link_imports(struct load *load) {
	struct spf_app *app = load->app;
	const struct import *import = (const struct import *)load->part[IMPORTS].at;
	for (uint32_t i = 0; i < load->part[IMPORTS].size / sizeof *import; i++, import++) {
		uint32_t value = import->value;
		void *slot = NULL;
		const char *name = NULL;
		int ok = !import->zero && import->hash <= (import->kind < 2 ? 1023 : 0);
		if (import->kind == 0) {
			ok = ok && value < HELPER_IDS;
			slot = find_helper(load->host->base.helpers, value | (uint32_t)import->hash << 22);
			if (!slot) slot = find_helper(library, value | (uint32_t)import->hash << 22);
		} else if (import->kind == 1) {
			ok = ok && value && (name = string_at(load, value)) && *name;
			for (const struct spf_named *row = load->host->named; ok && row && row->name && !slot; row++)
				if (same(row->name, name) && (!row->hash || row->hash == import->hash)) slot = (void *)(uintptr_t)row->call;
		} else if (import->kind == 2) {
			ok = ok && !value && load->part[DATA].at;
			slot = app->data;
		} else if (import->kind == 3) {
			ok = ok && value < app->maps;
			if (ok) app->map[value].used = 1;
			slot = ok ? &app->map[value].handle : NULL;
		} else {
			ok = ok && import->kind == 4 && value < load->part[CODE].size;
			slot = (void *)(app->code + (ok ? value : 0) + THUMB);
		}
		if (!ok) return fail(load, SPF_E_LAYOUT, import, name);
		if (!slot) return fail_with(load, SPF_E_HELPER, import, name, value);
		app->got[i] = slot;
	}
	return 0;
}

/* ---- instances ---- */
static void destroy(struct spf_app *app) {
	const struct bare_host *base = &app->host->base;
	for (uint32_t i = 0; i < app->maps; i++)
		if (app->map[i].users && --*app->map[i].users == 0) base->free(base, app->map[i].users);
	base->free(base, app);
}
/* All of an instance but its maps' memory is one piece. */
static int make(struct load *load, const char *name) {
	struct spf_app count = { .next = NULL };
	int error;
	if ((error = check_file(load)) || (error = check_payloads(load, &count))) return error;
	uint64_t slots = load->part[IMPORTS].size / sizeof(struct import), length = 1;
	while (name[length - 1]) length++;
	uint64_t size = sizeof count + count.maps * sizeof(struct spf_map) + 8 * (count.programs + 1ull) + count.size
		+ 8ull * load->tables * count.maps + ((slots * sizeof(void *) + length + 7) & ~7ull);
	const struct bare_host *base = &load->host->base;
	struct spf_app *app = size == (size_t)size ? base->alloc(base, size) : NULL;
	if (!app) return fail(load, SPF_E_MEMORY, NULL, NULL);
	clear(app, size);
	load->app = app;
	app->host = load->host, app->file = load->file, app->size = load->size, app->code = load->part[CODE].at;
	app->strings = load->part[STRINGS].size ? (const char *)load->part[STRINGS].at : "";
	app->program = (const struct spf_program *)load->part[PROGRAMS].at;
	app->programs = count.programs, app->maps = count.maps;
	app->map = (struct spf_map *)(app + 1);
	app->entries = (uint64_t *)(app->map + count.maps) + 1;
	uint64_t *table = app->entries + count.programs;
	app->data = (uint8_t *)(table + (uint64_t)load->tables * count.maps);
	app->got = (void **)(app->data + count.size);
	copy(app->got + slots, name, length);
	app->name = (const char *)(app->got + slots);
	if ((error = link_programs(load)) || (error = link_data(load, count.size)) || (error = check_maps(load))
	    || (error = link_imports(load)) || (error = link_maps(load, table)) || (error = fill_maps(load))) destroy(app);
	return error;
}
static void leave(struct spf_app *app) {
	if (--app->running || !app->gone) return;
	const struct spf_host *host = app->host;
	const void *file = app->file;
	destroy(app);
	if (host->release) host->release(host, file);
}
uint64_t spf_run(struct spf_app *app, uint32_t program, const uint64_t r[5]) {
	bare_fn *entry = (bare_fn *)(uintptr_t)(app->code + app->program[program].offset + THUMB);
	uint64_t tail_calls = app->entries[-1], result; /* a chain of its own, also for a run that does not end */
	app->running++, app->runs++, app->entries[-1] = 0;
	if (app->host->call) result = app->host->call(app->host, entry, r, app->got);
	else result = entry(r[0], r[1], r[2], r[3], r[4], app->got);
	app->entries[-1] = tail_calls;
	leave(app);
	return result;
}
/* Runs the programs of an event of the instance's own life; those of unload all, whatever they return. */
static int life(struct spf *spf, struct spf_app *app, const char *event, int error) {
	static const uint64_t none[5];
	for (uint32_t i = 0; i < app->programs; i++) {
		if (!is_of(app->strings + app->program[i].hook, event)) continue;
		int32_t result = (int32_t)spf_run(app, i, none);
		if (result >= 0 || !error) continue;
		spf->error.at = 0, spf->error.value = result, spf->error.name = app->strings + app->program[i].name;
		return error;
	}
	return 0;
}
static struct spf_app **link_of(const struct spf *spf, const char *name) {
	struct spf_app **link = (struct spf_app **)&spf->first;
	while (*link && !same((*link)->name, name)) link = &(*link)->next;
	return link;
}
struct spf_app *spf_find(const struct spf *spf, const char *name) { return *link_of(spf, name); }
static int start(struct spf *spf, struct load *load, const char *name) {
	int error = make(load, name);
	if (error) return error;
	load->app->running = 1; /* so that nothing ends it meanwhile */
	error = life(spf, load->app, LOAD_EVENT, SPF_E_EVENT);
	load->app->running--;
	if (error) destroy(load->app);
	return error;
}
int spf_load(struct spf *spf, const char *name, const void *file, uint32_t size) {
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
/* Nobody finds it any more; its memory goes as soon as nothing of it runs. */
static void end(struct spf_app *app) {
	app->gone = 1;
	leave(app);
}
int spf_replace(struct spf *spf, const char *name, const void *file, uint32_t size) {
	struct load load = { .spf = spf, .host = spf->host, .file = file, .size = size, .old = spf_find(spf, name) };
	struct spf_app *old = load.old;
	if (!old) return fail(&load, SPF_E_NAME, NULL, NULL);
	if (old->leaving) return fail(&load, SPF_E_BUSY, NULL, NULL);
	old->leaving = 1, old->running++;
	int error = start(spf, &load, name);
	if (error) return old->leaving = 0, leave(old), error;
	struct spf_app **link = link_of(spf, name);
	load.app->order = old->order, load.app->next = old->next;
	*link = load.app;
	life(spf, old, UNLOAD_EVENT, 0);
	return end(old), 0;
}
int spf_unload(struct spf *spf, const char *name) {
	struct spf_app *app = spf_find(spf, name);
	if (!app) return SPF_E_NAME;
	if (app->leaving) return SPF_E_BUSY;
	app->leaving = 1, app->running++;
	life(spf, app, UNLOAD_EVENT, 0);
	struct spf_app **link = &spf->first;
	while (*link != app) link = &(*link)->next;
	*link = app->next;
	return end(app), 0;
}
void spf_unload_all(struct spf *spf) {
	for (;;) {
		struct spf_app *last = NULL;
		for (struct spf_app *app = spf->first; app; app = app->next)
			if (!app->leaving) last = app;
		if (!last) return;
		spf_unload(spf, last->name);
	}
}
int spf_find_program(const struct spf_app *app, const char *name) {
	for (uint32_t i = 0; i < app->programs; i++)
		if (same(app->strings + app->program[i].name, name)) return i;
	return SPF_E_NAME;
}
struct map_handle *spf_find_map(const struct spf_app *app, const char *name) {
	for (uint32_t i = 0; i < app->maps; i++)
		if (app->map[i].name && same(app->map[i].name, name)) return &app->map[i].handle;
	return NULL;
}
struct spf_app *spf_next(const struct spf *spf, struct spf_cursor *cursor, const char *hook) {
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
uint32_t spf_event(struct spf *spf, const char *hook, const uint64_t r[5]) {
	struct spf_cursor cursor = { 0 };
	struct spf_app *app;
	uint32_t count = 0;
	for (; (app = spf_next(spf, &cursor, hook)); count++) spf_run(app, cursor.program, r);
	return count;
}
