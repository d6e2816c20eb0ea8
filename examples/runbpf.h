/* What a program for runbpf needs: sections, integer types, helpers by name. Requires clang -target bpf. */
#pragma once

#define SEC(name) __attribute__((section(name), used))
#define NOINLINE __attribute__((noinline))

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef signed int s32;
typedef signed long s64;

/* A helper by its id: HELPER(2000001, u64, reading, u64 channel); */
#define HELPER(id, result, name, ...) static result (*const name)(__VA_ARGS__) = (result (*)(__VA_ARGS__))(id)

/* Helpers by name: helpers/README.md lists all of them. At most five arguments in all. */
extern int printf(const char *format, ...);
extern int puts(const char *text);
extern int atoi(const char *text);
extern int strcmp(const char *a, const char *b);
extern int strncmp(const char *a, const char *b, u64 size);
extern u64 strlen(const char *text);
extern void *memcpy(void *to, const void *from, u64 size);
extern void *memmove(void *to, const void *from, u64 size);
extern void *memset(void *to, int byte, u64 size);
extern int memcmp(const void *a, const void *b, u64 size);
extern void *malloc(u64 size);
extern void *realloc(void *memory, u64 size);
extern void free(void *memory);
extern const char *getenv(const char *name);

/* Helpers with Linux's numbers. */
HELPER(5, u64, bpf_ktime_get_ns, void);
HELPER(7, u32, bpf_get_prandom_u32, void);
HELPER(14, u64, bpf_get_current_pid_tgid, void);
HELPER(165, s64, bpf_snprintf, char *to, u32 size, const char *format, u64 *args, u32 bytes);
HELPER(182, s64, bpf_strncmp, const char *a, u32 size, const char *b);

/* Maps: struct { __uint(type, MAP_HASH); __uint(max_entries, 64); __type(key, u32); __type(value, u64); } name SEC(".maps"); */
#define __uint(name, value) int (*name)[value]
#define __type(name, T) __typeof__(T) *name
#define __array(name, T) __typeof__(T) *name[]

enum {
  MAP_HASH = 1, MAP_ARRAY = 2, MAP_PROG_ARRAY = 3, MAP_PERF_EVENT_ARRAY = 4, MAP_PERCPU_HASH = 5, MAP_PERCPU_ARRAY = 6,
  MAP_LRU_HASH = 9, MAP_LRU_PERCPU_HASH = 10, MAP_LPM_TRIE = 11, MAP_ARRAY_OF_MAPS = 12, MAP_HASH_OF_MAPS = 13,
  MAP_QUEUE = 22, MAP_STACK = 23, MAP_RINGBUF = 27, MAP_BLOOM_FILTER = 30
};

enum { ANY = 0, NOEXIST = 1, EXIST = 2 }; /* flags of an update */

HELPER(1, void *, bpf_map_lookup_elem, void *map, const void *key);
HELPER(2, s64, bpf_map_update_elem, void *map, const void *key, const void *value, u64 flags);
HELPER(3, s64, bpf_map_delete_elem, void *map, const void *key);
HELPER(12, s64, bpf_tail_call, void *ctx, void *prog_array, u32 index);
HELPER(25, s64, bpf_perf_event_output, void *ctx, void *map, u64 flags, const void *data, u64 size);
HELPER(87, s64, bpf_map_push_elem, void *map, const void *value, u64 flags);
HELPER(88, s64, bpf_map_pop_elem, void *map, void *value);
HELPER(89, s64, bpf_map_peek_elem, void *map, void *value);
HELPER(93, s64, bpf_spin_lock, void *lock);
HELPER(94, s64, bpf_spin_unlock, void *lock);
HELPER(130, s64, bpf_ringbuf_output, void *ring, const void *data, u64 size, u64 flags);
HELPER(131, void *, bpf_ringbuf_reserve, void *ring, u64 size, u64 flags);
HELPER(132, void, bpf_ringbuf_submit, void *record, u64 flags);
HELPER(133, void, bpf_ringbuf_discard, void *record, u64 flags);
HELPER(134, u64, bpf_ringbuf_query, void *ring, u64 what);
HELPER(164, s64, bpf_for_each_map_elem, void *map, void *callback, void *ctx, u64 flags);
HELPER(169, s64, bpf_timer_init, void *timer, void *map, u64 flags);
HELPER(170, s64, bpf_timer_set_callback, void *timer, void *callback);
HELPER(171, s64, bpf_timer_start, void *timer, u64 nanoseconds, u64 flags);
HELPER(172, s64, bpf_timer_cancel, void *timer);
HELPER(181, s64, bpf_loop, u32 count, void *callback, void *ctx, u64 flags);
HELPER(195, void *, bpf_map_lookup_percpu_elem, void *map, const void *key, u32 cpu);
