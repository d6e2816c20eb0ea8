/* Helpers over libc, with the numbers, prototypes and results of helpers/table.ts; a test compares both lists. */
#define _GNU_SOURCE
#include "posix.h"
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

#define HELPER(name) \
	static uint64_t name(uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5, void **got)
#define UNUSED (void)a1, (void)a2, (void)a3, (void)a4, (void)a5, (void)got
#define POINTER(a) ((void *)(uintptr_t)(a))
#define ERROR(e) ((uint64_t)-(int64_t)(e))
#define SIGN(n) ((uint64_t)(int64_t)(((n) > 0) - ((n) < 0)))

/* ---- formatting: C's printf over 64-bit registers ---- */

enum { FIELD_LIMIT = 65536 };

struct text {
	char *bytes; /* NULL when memory ran out */
	size_t length, room;
};

static void append(struct text *text, const char *bytes, size_t length)
{
	if (text->bytes && text->length + length > text->room) {
		text->room = 2 * (text->length + length);
		char *bigger = realloc(text->bytes, text->room);
		if (!bigger) free(text->bytes);
		text->bytes = bigger;
	}
	if (!text->bytes) return;
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
}

struct args {
	const uint64_t *words;
	unsigned count, next;
};

/* Digits, or * that takes an argument; 0 when there is none left. */
static int field(const char **at, struct args *args, int *value)
{
	*value = 0;
	if (**at == '*') {
		(*at)++;
		if (args->next >= args->count) return 0;
		*value = (int32_t)args->words[args->next++];
		return 1;
	}
	for (; **at >= '0' && **at <= '9'; (*at)++)
		if (*value <= FIELD_LIMIT) *value = 10 * *value + (**at - '0');
	return 1;
}

struct spec {
	char flags[6];
	int width, precision; /* -1: no precision */
	int bits;
	char conversion;
};

/* Reads what follows a percent sign; 0 or an error number. */
static int specification(const char **at, struct args *args, struct spec *spec)
{
	*spec = (struct spec){ .precision = -1, .bits = 32 };
	for (; **at && strchr("-+ #0", **at); (*at)++)
		if (!strchr(spec->flags, **at)) spec->flags[strlen(spec->flags)] = **at;
	if (!field(at, args, &spec->width)) return EINVAL;
	if (spec->width < 0) {
		if (!strchr(spec->flags, '-')) spec->flags[strlen(spec->flags)] = '-';
		spec->width = spec->width < -FIELD_LIMIT ? FIELD_LIMIT + 1 : -spec->width;
	}
	if (**at == '.') {
		(*at)++;
		if (!field(at, args, &spec->precision)) return EINVAL;
		if (spec->precision < 0) spec->precision = -1;
	}
	for (; **at && strchr("hlzjt", **at); (*at)++)
		spec->bits = **at != 'h' ? 64 : spec->bits == 16 ? 8 : 16;
	if (spec->width > FIELD_LIMIT || spec->precision > FIELD_LIMIT) return E2BIG;
	spec->conversion = **at;
	if (**at) (*at)++;
	return 0;
}

/* The flags that C defines for a conversion; others are ignored. */
static void keep_flags(struct spec *spec)
{
	const char *defined = strchr("csp", spec->conversion) ? "-" : strchr("di", spec->conversion) ? "-+ 0"
		: spec->conversion == 'u' ? "-0" : "-#0";
	char kept[6] = "";
	for (const char *flag = spec->flags; *flag; flag++)
		if (strchr(defined, *flag)) kept[strlen(kept)] = *flag;
	memcpy(spec->flags, kept, sizeof kept);
}

static void append_number(struct text *text, const struct spec *spec, uint64_t word)
{
	char format[24], digits[FIELD_LIMIT + 128];
	int is_signed = spec->conversion == 'd' || spec->conversion == 'i';
	int shift = 64 - spec->bits;
	word <<= shift;
	word = is_signed ? (uint64_t)((int64_t)word >> shift) : word >> shift;
	snprintf(format, sizeof format, "%%%s*%sll%c", spec->flags, spec->precision < 0 ? "" : ".*", spec->conversion);
	int length = spec->precision < 0 ? snprintf(digits, sizeof digits, format, spec->width, (long long)word)
		: snprintf(digits, sizeof digits, format, spec->width, spec->precision, (long long)word);
	append(text, digits, length);
}

static void append_padded(struct text *text, const struct spec *spec, const char *bytes, size_t length)
{
	int left = *spec->flags == '-';
	if (left) append(text, bytes, length);
	for (size_t i = length; i < (size_t)spec->width; i++) append(text, " ", 1);
	if (!left) append(text, bytes, length);
}

static void append_argument(struct text *text, struct spec *spec, uint64_t word)
{
	char buffer[24];
	const char *string = POINTER(word);
	keep_flags(spec);
	switch (spec->conversion) {
	case 'c':
		buffer[0] = (char)word;
		append_padded(text, spec, buffer, 1);
		break;
	case 's':
		if (!string) string = spec->precision < 0 || spec->precision >= 6 ? "(null)" : "";
		append_padded(text, spec, string, spec->precision < 0 ? strlen(string) : strnlen(string, spec->precision));
		break;
	case 'p':
		snprintf(buffer, sizeof buffer, word ? "0x%llx" : "(nil)", (unsigned long long)word);
		append_padded(text, spec, buffer, strlen(buffer));
		break;
	default: append_number(text, spec, word);
	}
}

/* Formats into text->bytes, which the caller frees; the length, or a negative error number. */
static int64_t format(struct text *text, const char *at, struct args args)
{
	*text = (struct text){ .bytes = malloc(256), .room = 256 };
	while (*at) {
		const char *start = at;
		at += strcspn(at, "%");
		append(text, start, at - start);
		if (!*at) break;
		struct spec spec;
		unsigned taken = args.next;
		start = at++;
		int error = specification(&at, &args, &spec);
		if (error) return -error;
		if (spec.conversion == '%')
			append(text, "%", 1);
		else if (!spec.conversion || !strchr("diuxXocsp", spec.conversion)) {
			args.next = taken;
			append(text, start, at - start);
		} else if (args.next >= args.count)
			return -EINVAL;
		else
			append_argument(text, &spec, args.words[args.next++]);
	}
	return text->bytes ? (int64_t)text->length : -ENOMEM;
}

static uint64_t print(const char *at, struct args args)
{
	struct text text;
	int64_t length = format(&text, at, args);
	if (length > 0) fwrite(text.bytes, 1, length, stdout);
	free(text.bytes);
	return length;
}

HELPER(do_printf)
{
	UNUSED;
	return print(POINTER(a1), (struct args){ .words = (uint64_t[]){ a2, a3, a4, a5 }, .count = 4 });
}

HELPER(do_trace_printk)
{
	UNUSED;
	const char *text = POINTER(a1);
	uint32_t size = a2;
	if (size == 0 || text[size - 1]) return ERROR(EINVAL);
	return print(text, (struct args){ .words = (uint64_t[]){ a3, a4, a5 }, .count = 3 });
}

HELPER(do_sprintf)
{
	UNUSED;
	struct text text;
	int64_t length = format(&text, POINTER(a2), (struct args){ .words = (uint64_t[]){ a3, a4, a5 }, .count = 3 });
	if (length >= 0) {
		memcpy(POINTER(a1), text.bytes, length);
		((char *)POINTER(a1))[length] = 0;
	}
	free(text.bytes);
	return length;
}

HELPER(do_snprintf)
{
	UNUSED;
	struct text text;
	uint32_t size = a2, bytes = a5;
	if (bytes % 8 || bytes > 96 || (bytes && !a4)) return ERROR(EINVAL);
	int64_t length = format(&text, POINTER(a3), (struct args){ .words = POINTER(a4), .count = bytes / 8 });
	if (length >= 0 && size > 0) {
		size_t kept = (uint64_t)length < size ? (size_t)length : size - 1;
		memcpy(POINTER(a1), text.bytes, kept);
		((char *)POINTER(a1))[kept] = 0;
	}
	free(text.bytes);
	return length < 0 ? length : length + 1;
}

HELPER(do_puts)
{
	UNUSED;
	size_t length = strlen(POINTER(a1));
	puts(POINTER(a1));
	return length + 1;
}

HELPER(do_putchar)
{
	UNUSED;
	return putchar((unsigned char)a1) & 255;
}

/* ---- memory and strings ---- */

/* A pipe refuses to take bytes from a bad address: the one way to ask that POSIX has. */
static int readable_copy(void *to, const char *from, size_t size)
{
	static int pipes[2] = { -1, -1 };
	if (pipes[0] < 0 && pipe(pipes) < 0) return 0;
	for (size_t at = 0; at < size;) {
		size_t part = size - at < 512 ? size - at : 512;
		ssize_t written = write(pipes[1], from + at, part);
		if (written <= 0 || read(pipes[0], (char *)to + at, written) != written) return 0;
		at += written;
	}
	return 1;
}

HELPER(do_probe_read)
{
	UNUSED;
	if (readable_copy(POINTER(a1), POINTER(a3), (uint32_t)a2)) return 0;
	memset(POINTER(a1), 0, (uint32_t)a2);
	return ERROR(EFAULT);
}

HELPER(do_malloc) { UNUSED; return (uintptr_t)malloc(a1 ? a1 : 1); }
HELPER(do_free) { UNUSED; free(POINTER(a1)); return 0; }
HELPER(do_realloc) { UNUSED; return (uintptr_t)realloc(POINTER(a1), a2 ? a2 : 1); }
HELPER(do_memmove) { UNUSED; memmove(POINTER(a1), POINTER(a2), a3); return a1; }
HELPER(do_memset) { UNUSED; memset(POINTER(a1), (int)a2, a3); return a1; }
HELPER(do_strlen) { UNUSED; return strlen(POINTER(a1)); }
HELPER(do_atoi) { UNUSED; return (int64_t)(int32_t)strtoll(POINTER(a1), NULL, 10); }

HELPER(do_memcmp)
{
	UNUSED;
	int order = memcmp(POINTER(a1), POINTER(a2), a3);
	return SIGN(order);
}

HELPER(do_strcmp)
{
	UNUSED;
	int order = strcmp(POINTER(a1), POINTER(a2));
	return SIGN(order);
}

HELPER(do_strncmp)
{
	UNUSED;
	int order = strncmp(POINTER(a1), POINTER(a2), a3);
	return SIGN(order);
}

HELPER(do_bpf_strncmp)
{
	UNUSED;
	int order = strncmp(POINTER(a1), POINTER(a3), (uint32_t)a2);
	return SIGN(order);
}

/* ---- packets ---- */

struct packet {
	uint64_t data, end;
};

/* Bytes of a packet in host order; the offset is signed. */
HELPER(do_packet_load)
{
	UNUSED;
	const struct packet *packet = POINTER(a1);
	uint64_t length = packet->end - packet->data, value = 0;
	if (a3 != 1 && a3 != 2 && a3 != 4) return ERROR(EINVAL);
	if (packet->end < packet->data || length < a3 || a2 > length - a3) return ERROR(EFAULT);
	for (uint64_t i = 0; i < a3; i++) value = value << 8 | ((const uint8_t *)POINTER(packet->data))[a2 + i];
	return value;
}

/* ---- numbers ---- */

struct parsed {
	uint64_t value;
	int error, negative;
	size_t consumed;
};

static unsigned digit(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 36;
}

/* Spaces, a minus, digits: no plus. Base 0 takes 0x and 0, base 16 skips 0x. */
static struct parsed parse(const char *text, size_t size, unsigned base)
{
	struct parsed out = { .error = EINVAL };
	size_t at = 0;
	while (at < size && (text[at] == ' ' || (text[at] >= 9 && text[at] <= 13))) at++;
	out.negative = at < size && text[at] == '-';
	at += out.negative;
	int hex = at + 1 < size && text[at] == '0' && (text[at + 1] | 32) == 'x';
	if (base == 0) {
		hex = hex && at + 2 < size && digit(text[at + 2]) < 16;
		base = hex ? 16 : at < size && text[at] == '0' ? 8 : 10;
	}
	if (hex && base == 16) at += 2;
	for (; at < size && digit(text[at]) < base; at++) {
		if (out.error != ERANGE) out.error = 0;
		if (__builtin_mul_overflow(out.value, base, &out.value) ||
		    __builtin_add_overflow(out.value, digit(text[at]), &out.value)) out.error = ERANGE;
	}
	out.consumed = at;
	return out;
}

/* What bpf_strtol and bpf_strtoul share; *to is 0 after an error. */
static int start_number(uint64_t from, uint64_t size, uint64_t flags, uint64_t to, struct parsed *out)
{
	size_t count = (uint32_t)size > 4096 ? 4096 : (uint32_t)size;
	*(uint64_t *)POINTER(to) = 0;
	if (count == 0 || (flags != 0 && flags != 8 && flags != 10 && flags != 16)) return EINVAL;
	*out = parse(POINTER(from), count, flags);
	return out->error;
}

HELPER(do_strtol)
{
	UNUSED;
	struct parsed out;
	int error = start_number(a1, a2, a3, a4, &out);
	if (error) return ERROR(error);
	uint64_t limit = (uint64_t)INT64_MAX + out.negative;
	if (out.value > limit) return ERROR(ERANGE);
	*(uint64_t *)POINTER(a4) = out.negative ? -out.value : out.value;
	return out.consumed;
}

HELPER(do_strtoul)
{
	UNUSED;
	struct parsed out;
	int error = start_number(a1, a2, a3, a4, &out);
	if (error) return ERROR(error);
	if (out.negative) return ERROR(EINVAL);
	*(uint64_t *)POINTER(a4) = out.value;
	return out.consumed;
}

/* ---- time, identity, environment ---- */

static uint64_t nanoseconds(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + now.tv_nsec;
}

HELPER(do_ktime) { UNUSED; return nanoseconds(CLOCK_MONOTONIC); }
HELPER(do_clock) { UNUSED; return nanoseconds(CLOCK_PROCESS_CPUTIME_ID) / 1000; }
HELPER(do_usleep) { UNUSED; return (int64_t)usleep((uint32_t)a1); }
HELPER(do_exit) { UNUSED; posix_exit((int)a1); return 0; }
HELPER(do_getenv) { UNUSED; return (uintptr_t)getenv(POINTER(a1)); }
HELPER(do_nothing) { UNUSED; return 0; }
HELPER(do_env_name) { UNUSED; return (uintptr_t)"posix"; }
HELPER(do_uid_gid) { UNUSED; return (uint64_t)getgid() << 32 | getuid(); }

HELPER(do_time)
{
	UNUSED;
	int64_t now = time(NULL);
	if (a1) *(int64_t *)POINTER(a1) = now;
	return now;
}

HELPER(do_random)
{
	UNUSED;
	static uint64_t state;
	if (!state) state = nanoseconds(CLOCK_REALTIME) | 1;
	state ^= state << 13; /* xorshift64 */
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32);
}

HELPER(do_cpu)
{
	UNUSED;
#if defined(__linux__)
	return (uint32_t)sched_getcpu();
#else
	return 0;
#endif
}

HELPER(do_pid_tgid)
{
	UNUSED;
#if defined(__linux__)
	return (uint64_t)getpid() << 32 | (uint32_t)syscall(SYS_gettid);
#else
	return (uint64_t)getpid() << 32 | (uint32_t)getpid();
#endif
}

HELPER(do_comm)
{
	UNUSED;
	uint32_t size = a2;
	char name[16] = "bare";
	if (size == 0) return ERROR(EINVAL);
#if defined(__linux__)
	FILE *file = fopen("/proc/self/comm", "r");
	if (file) {
		if (!fgets(name, sizeof name, file)) name[0] = 0;
		name[strcspn(name, "\n")] = 0;
		fclose(file);
	}
#endif
	strncpy(POINTER(a1), name, size - 1); /* which pads with NULs */
	((char *)POINTER(a1))[size - 1] = 0;
	return 0;
}

HELPER(do_arch)
{
	UNUSED;
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

/* id, prototype hash, function: the hashes are those of helpers/README.md. */
#define ROW(id, hash, call) { (id) | (uint32_t)(hash) << 22, call }
#define SYS 1000000u

const struct bare_helper posix_helpers[] = {
	ROW(4, 0x2d6, do_probe_read),
	ROW(5, 0x262, do_ktime),
	ROW(6, 0x07c, do_trace_printk),
	ROW(7, 0x111, do_random),
	ROW(8, 0x111, do_cpu),
	ROW(14, 0x262, do_pid_tgid),
	ROW(15, 0x262, do_uid_gid),
	ROW(16, 0x162, do_comm),
	ROW(105, 0x2a8, do_strtol),
	ROW(106, 0x2a8, do_strtoul),
	ROW(165, 0x18e, do_snprintf),
	ROW(182, 0x19a, do_bpf_strncmp),
	ROW(SYS + 1, 0x366, do_malloc),
	ROW(SYS + 2, 0x16a, do_free),
	ROW(SYS + 5, 0x033, do_realloc),
	ROW(SYS + 50, 0x229, do_printf),
	ROW(SYS + 51, 0x206, do_puts),
	ROW(SYS + 52, 0x34a, do_sprintf),
	ROW(SYS + 104, 0x0f6, do_usleep),
	ROW(SYS + 105, 0x33b, do_exit),
	ROW(SYS + 108, 0x0c7, do_getenv),
	ROW(SYS + 109, 0x2b6, do_clock),
	ROW(SYS + 110, 0x272, do_time),
	ROW(SYS + 300, 0x10e, do_memmove),
	ROW(SYS + 301, 0x01a, do_memset),
	ROW(SYS + 302, 0x10e, do_memmove),
	ROW(SYS + 303, 0x027, do_memcmp),
	ROW(SYS + 304, 0x242, do_strlen),
	ROW(SYS + 305, 0x3ca, do_strcmp),
	ROW(SYS + 306, 0x3a7, do_strncmp),
	ROW(SYS + 307, 0x206, do_atoi),
	ROW(SYS + 308, 0x028, do_putchar),
	ROW(SYS + 490, 0x2b6, do_nothing),
	ROW(SYS + 491, 0x0a0, do_arch),
	ROW(SYS + 497, 0x0d5, do_env_name),
	ROW(SYS + 600, 0x0dd, do_packet_load),
	{ 0, NULL },
};
