/* The part of spf.c that is about maps: their helpers, records, memory, handles and first entries. */
/* ---- helpers of the map library ---- */
/* id, prototype hash (helpers/table.ts; a test compares), function. */
#define ROW(id, hash, call) { (id) | (uint32_t)(hash) << 22, (bare_fn *)(void (*)(void))call }
#define SYS 1000000u
static const struct bare_helper library[] = {
	ROW(1, 0x0b5, map_lookup), ROW(2, 0x1e3, map_update), ROW(3, 0x284, map_delete), ROW(12, 0x2d9, tail_target),
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

/* ---- records and memory ---- */
/* Map records against each other. */
static int check_maps(struct load *load) {
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
		if (record[INNER] != NONE && (record[INNER] >= app->maps || app->map[record[INNER]].record[INNER] != NONE))
			return fail(load, SPF_E_LAYOUT, record, app->map[i].name);
		if (record[INNER] != NONE) app->map[record[INNER]].inner = 1;
		for (uint32_t n = record[INITIAL]; n; n--, entry += 2) {
			uint32_t target = entry[1] & 0x7fffffff, is_map = entry[1] == target;
			if (entry[0] >= record[MAX_ENTRIES] || target >= (is_map ? app->maps : app->programs))
				return fail(load, SPF_E_LAYOUT, entry, app->map[i].name);
			if (is_map) app->map[target].used = 1;
		}
	}
	return 0;
}
/* ---- maps ---- */
static int alike(const struct map_definition *a, const struct map_definition *b) {
	return a->type == b->type && a->key_size == b->key_size && a->value_size == b->value_size
		&& a->max_entries == b->max_entries && a->flags == b->flags;
}
/* The memory of a map: the old version's, the host's, or new. */
static int take_block(struct load *load, struct spf_map *map, struct map_definition *is, void **block) {
	struct map_handle *kept = load->old && !load->host->renew ? spf_find_map(load->old, map->name) : NULL;
	int64_t size = map_size(is);
	if (size < 0) return fail_with(load, SPF_E_MAP, NULL, map->name, size);
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
		if (result < 0) return fail_with(load, SPF_E_MAP, NULL, map->name, result);
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
static int link_maps(struct load *load, uint64_t *table) {
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
		if (result < 0) return fail_with(load, SPF_E_MAP, NULL, map->name, result);
	}
	return 0;
}
/* Tables of maps of maps, then initial entries of the maps that are new. */
static int fill_maps(struct load *load) {
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
		/* An index is the key. */
		if (map->record[INITIAL] && map->handle.is.key_size != 4) return fail(load, SPF_E_LAYOUT, entry, map->name);
		for (uint32_t n = map->record[INITIAL]; n; n--, entry += 2) {
			uint32_t target = entry[1] & 0x7fffffff;
			if ((entry[1] == target) != holds_maps || !targets[target]) return fail(load, SPF_E_LAYOUT, entry, map->name);
			int64_t result = map->fresh ? map_write(&map->handle, entry, &target, 0) : 0;
			if (result < 0) return fail_with(load, SPF_E_MAP, NULL, map->name, result);
		}
	}
	return 0;
}

