/* Guarantees that nothing of a file runs, and no byte outside it is read, unless all of it passed its checks. */
#include "bare.h"
#if defined(__x86_64__)
enum { ARCH = 1, THUMB = 0 };
#elif defined(__aarch64__)
enum { ARCH = 2, THUMB = 0 };
#elif defined(__riscv) && __riscv_xlen == 64
enum { ARCH = 3, THUMB = 0 };
#elif defined(__thumb__)
enum { ARCH = __ARM_ARCH >= 7 ? 4 : 5, THUMB = 1 };
#endif
struct header {
	uint32_t magic; uint8_t version, arch, flags, context;
	uint32_t size, checksum, block[2]; /* bytes of code and of data */
	uint16_t helpers, relocations, stack, memory;
};

uint64_t bare_run(const struct bare_app *app, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5) {
	return ((bare_fn *)(uintptr_t)(app->block[0] + THUMB))(r1, r2, r3, r4, r5, app->got);
}
void bare_unload(struct bare_app *app) { app->host->free(app->host, app->block[1]); }
/* Two parts that are smaller when they are not inlined. First: fills got and the data block. */
__attribute__((noinline)) static int8_t link(struct bare_app *app) {
	const struct header *h = (const struct header *)app->block[0] - 1;
	const uint32_t *word = (const uint32_t *)(app->block[0] + h->block[0]);
	uint64_t *data = (uint64_t *)app->block[1];
	void **got = app->got = (void **)(app->block[1] + h->block[1]);
	for (uint32_t i = h->helpers; i; i--, word++) {
		const struct bare_helper *row = app->host->helpers;
		app->missing = *word & 0x3fffff;
		while (row->call && row->import != *word && row->import != app->missing) row++;
		if (!(*got++ = (void *)(uintptr_t)row->call)) return bare_unload(app), BARE_E_HELPER;
	}
	*got = data;
	const uint8_t *initial = (const uint8_t *)(word + h->relocations);
	for (uint32_t i = 0; i < h->block[1]; i++) ((uint8_t *)data)[i] = i < app->initial ? initial[i] : 0;
	for (uint32_t i = h->relocations; i; i--, word++) {
		uint32_t at = *word >> 1, target = *word & 1;
		if (at >= app->initial / 8 || data[at] > h->block[target]) return bare_unload(app), BARE_E_LAYOUT;
		data[at] += (uintptr_t)app->block[target];
	}
	return 0;
}
__attribute__((noinline)) static int8_t accept(struct bare_app *app) { /* sizes and contract */
	const struct header *h = (const struct header *)app->block[0] - 1;
	const struct bare_host *host = app->host;
	uint64_t initial = (uint64_t)h->size - sizeof *h - h->block[0] - 4u * ((uint32_t)h->helpers + h->relocations);
	app->initial = initial;
	if (initial > h->block[1] || h->flags > 3 || h->block[0] == 0 || (h->block[0] << 1 | h->block[1]) & 0x80000007)
		return BARE_E_LAYOUT;
	if (host->flags & ~h->flags || h->memory > host->memory || (host->context != 0xff && host->context != h->context)
	    || (host->stack && h->stack * 16u - 1 >= host->stack)) return BARE_E_CONTRACT;
	app->block[1] = host->alloc(host, h->block[1] + (h->helpers + (size_t)1) * sizeof(void *));
	return app->block[1] ? link(app) : BARE_E_MEMORY;
}
static int8_t check(struct bare_app *app, const struct header *h, uint32_t size) {
	if ((int32_t)size < 32 || (uintptr_t)h & 3) return BARE_E_SIZE;
	if (h->magic != 0x65726162) return BARE_E_MAGIC;
	if (h->version != 1) return BARE_E_VERSION;
	if (h->arch != ARCH) return BARE_E_ARCH;
	if (h->size != size) return BARE_E_SIZE;
	uint32_t crc = ~0u;
	for (size_t i = 0; i < size; i++) {
		if (i - 12 >= 4) crc ^= ((const uint8_t *)h)[i]; /* its own four bytes count as zero */
		for (int bit = 8; bit; bit--) crc = crc >> 1 ^ (0xedb88320 & -(crc & 1));
	}
	return ~crc == h->checksum ? accept(app) : BARE_E_CHECKSUM;
}
int bare_load(struct bare_app *app, const void *file, uint32_t size, const struct bare_host *host) {
	app->host = host;
	app->block[0] = (uint8_t *)file + sizeof(struct header);
	return check(app, file, size);
}
