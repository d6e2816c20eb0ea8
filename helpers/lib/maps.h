/*
 * The map library: Linux's map types over memory that the host hands over. Freestanding C11, no static data, no libc.
 *
 * A map is a block: one piece of memory without addresses in it, which threads and processes may share. Each thread
 * reaches it through a handle of its own: addresses and sizes that were checked when it attached. What stands in a block
 * is never trusted: a link that leads nowhere ends in an error, whoever wrote it.
 */
#pragma once
#include <stdint.h>

/* Results: 0 or more is good, or minus one of Linux's error numbers. */
enum {
	MAP_ENOENT = 2, MAP_E2BIG = 7, MAP_EAGAIN = 11, MAP_ENOMEM = 12, MAP_EBUSY = 16, MAP_EEXIST = 17, MAP_EINVAL = 22,
	MAP_ENOSPC = 28, MAP_EOPNOTSUPP = 95
};

/* Linux's enum bpf_map_type, those that are here. */
enum {
	MAP_HASH = 1, MAP_ARRAY = 2, MAP_PROG_ARRAY = 3, MAP_PERF_EVENT_ARRAY = 4, MAP_PERCPU_HASH = 5, MAP_PERCPU_ARRAY = 6,
	MAP_LRU_HASH = 9, MAP_LRU_PERCPU_HASH = 10, MAP_LPM_TRIE = 11, MAP_ARRAY_OF_MAPS = 12, MAP_HASH_OF_MAPS = 13,
	MAP_QUEUE = 22, MAP_STACK_MAP = 23, MAP_RINGBUF = 27, MAP_BLOOM_FILTER = 30
};

/* Flags of an update. */
enum { MAP_ANY = 0, MAP_NOEXIST = 1, MAP_EXIST = 2, MAP_LOCK = 4 };

/* What a map is: the same words as a container's map record. */
struct map_definition {
	uint32_t type, key_size, value_size, max_entries, flags;
	uint32_t cpus; /* values of a per-cpu map: how many threads have one of their own; 1 or more */
};

/*
 * How one thread reaches a map. In got, a map's slot is the address of its handle. Compiled code reads the first four
 * words: they are part of the containers' interface (formats/README.md), all else is the library's own.
 */
struct map_handle {
	uint64_t values; /* array, percpu_array: address of element 0 (of this thread's cpu); element i is i * stride on */
	uint64_t lookup; /* address of a function (handle, key) -> value or 0 */
	uint64_t update; /* (handle, key, value, flags) -> 0 or an error */
	uint64_t remove; /* (handle, key) -> 0 or an error */
	uint64_t block;  /* address of the block */
	uint64_t alive;  /* (owner) -> 0 when that thread is gone; 0 = ask nobody. Called when a lock is held for long */
	uint64_t targets; /* prog_array: address of the programs' entries by number, 8 bytes each, behind a word that
	                     counts tail calls under way;
	                     maps of maps: address of the handles' addresses by number, 8 bytes each, 0 = no such map */
	uint32_t count;  /* how many targets there are */
	uint32_t owner;  /* this thread in lock words: not 0, unique among all that share the block */
	uint32_t cpu;    /* which value of a per-cpu map is this thread's, below cpus */
	struct map_definition is;
	/* The library's own, derived from the definition. */
	uint32_t kind, shift; /* family of types; 64 minus the bits of a bucket's number */
	uint32_t stride;      /* from one value to the next */
	uint32_t step;        /* from one hash element to the next */
	uint64_t data;        /* address of value 0, of this thread's cpu */
	uint64_t elements, buckets;
	uint64_t extra;       /* address of what only one family has: locks, marks of use, positions */
	uint64_t lengths;     /* lpm_trie: address of the bitmap of lengths */
	uint64_t area;        /* per-cpu maps: from one cpu's values to the next cpu's; else 0 */
};

/* What the host says about the thread that attaches. */
struct map_local {
	uint64_t alive, targets;
	uint32_t count, owner, cpu;
};

/* Bytes of the block (a multiple of 64), or an error: -EINVAL for what Linux refuses, -E2BIG for blocks of 1 GiB or more. */
int64_t map_size(const struct map_definition *definition);

/* Makes an empty map of `size` bytes of zeros at a multiple of 64. */
int64_t map_create(void *block, uint64_t size, const struct map_definition *definition);

/* Readies a handle for a block that map_create made, here or elsewhere. -EINVAL: it is not such a map, or not whole. */
int64_t map_attach(struct map_handle *handle, void *block, uint64_t size, const struct map_definition *expected,
                   const struct map_local *local);

/* Helpers that call back hand on their caller's import table: the sixth argument, which eBPF passes by itself. */
#ifdef __bpf__
#define MAP_GOT
#else
#define MAP_GOT , uint64_t unused, uint64_t got
#endif

/*
 * Linux's helpers, with their numbers behind. Any handle will do: these look at its type. A key or a value is
 * read and written byte for byte; sizes are those of the definition.
 */
uint64_t map_lookup(struct map_handle *map, const void *key);                                           /* 1, 1000500 */
int64_t map_update(struct map_handle *map, const void *key, const void *value, uint64_t flags);         /* 2, 1000501 */
int64_t map_delete(struct map_handle *map, const void *key);                                            /* 3, 1000502 */
int64_t map_next_key(struct map_handle *map, const void *key, void *next);                              /* 1000503 */
int64_t map_push(struct map_handle *map, const void *value, uint64_t flags);                            /* 87 */
int64_t map_pop(struct map_handle *map, void *value);                                                   /* 88 */
int64_t map_peek(struct map_handle *map, void *value);                                                  /* 89 */
int64_t spin_lock(uint32_t *lock);                                                                      /* 93 */
int64_t spin_unlock(uint32_t *lock);                                                                    /* 94 */
int64_t ringbuf_output(struct map_handle *map, const void *data, uint64_t size, uint64_t flags);        /* 130 */
uint64_t ringbuf_reserve(struct map_handle *map, uint64_t size, uint64_t flags);                        /* 131 */
int64_t ringbuf_submit(void *sample, uint64_t flags);                                                   /* 132 */
int64_t ringbuf_discard(void *sample, uint64_t flags);                                                  /* 133 */
uint64_t ringbuf_query(struct map_handle *map, uint64_t what);                                          /* 134 */
int64_t perf_event_output(void *ctx, struct map_handle *map, uint64_t flags, const void *data, uint64_t size); /* 25 */
int64_t for_each_elem(struct map_handle *map, uint64_t callback, uint64_t ctx, uint64_t flags MAP_GOT); /* 164 */
int64_t loop(uint64_t count, uint64_t callback, uint64_t ctx, uint64_t flags MAP_GOT);                  /* 181 */
uint64_t map_lookup_percpu(struct map_handle *map, const void *key, uint64_t cpu);                      /* 195 */

/*
 * The entry of a prog_array's program, or 0 (helper 12 calls it: compiled code tests, calls, and counts the call as
 * ended). Also 0 where as many calls are under way as Linux allows.
 */
enum { MAP_MOST_TAIL_CALLS = 33 };
uint64_t tail_target(struct map_handle *map, uint64_t index);

/*
 * For hosts. Values of per-cpu maps are all cpus' values one behind the other, each at a multiple of 8. In maps of
 * maps and prog arrays a value is four bytes: the number of the target.
 */
int64_t map_read(struct map_handle *map, const void *key, void *value);  /* a copy that no writer tears; -ENOENT */
int64_t map_write(struct map_handle *map, const void *key, const void *value, uint64_t flags);
/* The next element from place *cursor (0 at first) on, copied, and the cursor moved behind it; -ENOENT at the end. An
   element that stays in the map all the while is seen exactly once, whatever is added and removed meanwhile. */
int64_t map_walk(struct map_handle *map, uint64_t *cursor, void *key, void *value);
int64_t map_take(struct map_handle *map, const void *key, void *value);  /* map_read and map_delete in one step */
int64_t map_count(struct map_handle *map);                               /* elements in it; ring buffers: bytes */
int64_t map_clear(struct map_handle *map);
/* The oldest record of a ring buffer: its size, its address in *data; -EAGAIN when there is none that is ready.
   One consumer at a time. */
int64_t ringbuf_peek(struct map_handle *map, uint64_t *data);
int64_t ringbuf_release(struct map_handle *map); /* gives the room of that record back */
int64_t ringbuf_lost(struct map_handle *map);    /* records that found no room */
/* Unlocks and repairs what a thread that is gone left behind; waiters also do it by themselves. */
int64_t map_recover(struct map_handle *map, uint32_t owner);
