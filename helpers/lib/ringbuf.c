/*
 * ringbuf, perf_event_array: records of any size, written by many, read by one. A record is 8 bytes (length with two bits, owner)
 * and its data; positions count 8 bytes and wrap at 2^32, which sizes divide. Memory behind the ring lets a record run over its end.
 * The word `producer` is the lock as well: owner << 32 | position. A position is published by the write that frees the lock, so
 * that a producer who dies with it leaves nothing behind; who dies with a record leaves it BUSY, and the reader drops it.
 */
#include "private.h"

#define BUSY (1u << 31)
#define DISCARD (1u << 30)
#define MOST_RECORD (DISCARD - 16)
#define RING_FLAGS 3u /* NO_WAKEUP, FORCE_WAKEUP: readers poll, so there is nobody to wake */

struct ring {
	u64 producer, lost, unused[6];
	u32 consumer, unused2[15]; /* a line of its own: it has another writer */
};

struct record {
	u32 length, owner;
};

static INLINE struct ring *ring_of(struct map_handle *map) { return ADDRESS(map->extra); }

/* The ring's size, in positions; step has it. */
static INLINE u32 ring_size(struct map_handle *map) { return map->step; }

static INLINE struct record *record_at(struct map_handle *map, u32 position)
{
	return ADDRESS(map->data + (u64)(position & (ring_size(map) - 1)) * 8);
}

/* Positions that a record of so many bytes takes. */
static INLINE u32 record_room(u32 length) { return (length + 15) / 8; }

static NOINLINE u32 wait_ring(struct map_handle *map)
{
	u64 *producer = &ring_of(map)->producer;
	for (u32 rounds = 0;; rounds++) {
		u64 was = LOAD(producer);
		u32 owner = (u32)(was >> 32);
		if (owner != 0 && !is_abandoned(map, owner, rounds)) continue;
		if (CAS(producer, was, (u64)map->owner << 32 | (u32)was) == was) return (u32)was;
	}
}

/* Locks; the position where the next record goes. */
static INLINE u32 lock_ring(struct map_handle *map)
{
	u64 *producer = &ring_of(map)->producer, at = (u32)LOAD(producer);
	return CAS(producer, at, (u64)map->owner << 32 | at) == at ? (u32)at : wait_ring(map);
}

/* Unlocks and publishes. 0: the lock was taken over meanwhile, and with it the place. */
static INLINE u32 unlock_ring(struct map_handle *map, u32 from, u32 to)
{
	u64 locked = (u64)map->owner << 32 | from;
	return CAS(&ring_of(map)->producer, locked, (u64)to) == locked;
}

/* Whether there is room at a position; what is not is counted. A ring that the other side corrupted has none. */
static INLINE u32 has_room(struct map_handle *map, u32 position, u32 room)
{
	u32 used = position - LOAD(&ring_of(map)->consumer);
	return used < ring_size(map) && room < ring_size(map) - used;
}

static NOINLINE u64 ring_full(struct map_handle *map, u32 position)
{
	unlock_ring(map, position, position);
	ADD(&ring_of(map)->lost, 1ull);
	return 0;
}

static NOINLINE u64 ring_reserve(struct map_handle *map, u64 size)
{
	if (size > MOST_RECORD) return 0;
	u32 room = record_room((u32)size), at = lock_ring(map);
	if (!has_room(map, at, room)) return ring_full(map, at);
	struct record *record = record_at(map, at);
	STORE(&record->owner, map->owner);
	STORE(&record->length, (u32)size | BUSY);
	return unlock_ring(map, at, at + room) ? WORD(record + 1) : 0;
}

static INLINE i64 commit(void *sample, u32 bit)
{
	if (sample == 0) return 0;
	struct record *record = (struct record *)sample - 1;
	u32 length = LOAD(&record->length);
	if (length & BUSY) PUBLISH(&record->length, (length & ~BUSY) | bit);
	return 0;
}

/* Small records are written under the lock, which saves a third read-modify-write. */
static NOINLINE i64 ring_output(struct map_handle *map, const u8 *data, u64 size)
{
	if (size > 512) {
		u64 sample = ring_reserve(map, size);
		if (sample == 0) return -MAP_EAGAIN;
		copy_in(sample, data, (u32)size);
		return commit(ADDRESS(sample), 0);
	}
	u32 room = record_room((u32)size), at = lock_ring(map);
	if (!has_room(map, at, room)) {
		ring_full(map, at);
		return -MAP_EAGAIN;
	}
	struct record *record = record_at(map, at);
	STORE(&record->owner, map->owner);
	STORE(&record->length, (u32)size);
	copy_in(WORD(record + 1), data, (u32)size);
	return unlock_ring(map, at, at + room) ? 0 : -MAP_EAGAIN;
}

static INLINE u32 is_ring(struct map_handle *map) { return map->is.type == MAP_RINGBUF; }

EXPORT("helper/130") int64_t ringbuf_output(struct map_handle *map, const void *data, uint64_t size, uint64_t flags)
{
	return !is_ring(map) || (flags & ~(u64)RING_FLAGS) != 0 ? -MAP_EINVAL : ring_output(map, data, size);
}

EXPORT("helper/131") uint64_t ringbuf_reserve(struct map_handle *map, uint64_t size, uint64_t flags)
{
	return !is_ring(map) || flags != 0 ? 0 : ring_reserve(map, size);
}

EXPORT("helper/132") int64_t ringbuf_submit(void *sample, uint64_t flags)
{
	(void)flags;
	return commit(sample, 0);
}

EXPORT("helper/133") int64_t ringbuf_discard(void *sample, uint64_t flags)
{
	(void)flags;
	return commit(sample, DISCARD);
}

EXPORT("helper/134") uint64_t ringbuf_query(struct map_handle *map, uint64_t what)
{
	if (!is_ring(map)) return 0;
	u64 producer = (u64)(u32)LOAD(&ring_of(map)->producer) * 8, consumer = (u64)LOAD(&ring_of(map)->consumer) * 8;
	if (what == 0) return (u64)(u32)((producer - consumer) / 8) * 8;
	if (what == 1) return (u64)ring_size(map) * 8;
	return what == 2 ? consumer : what == 3 ? producer : 0;
}

/* flags: a cpu or BPF_F_CURRENT_CPU, which all mean the one ring. Linux: -ENOSPC when it is full. */
EXPORT("helper/25")
int64_t perf_event_output(void *ctx, struct map_handle *map, uint64_t flags, const void *data, uint64_t size)
{
	(void)ctx;
	if (map->is.type != MAP_PERF_EVENT_ARRAY || flags >> 32 != 0) return -MAP_EINVAL;
	return ring_output(map, data, size) == 0 ? 0 : -MAP_ENOSPC;
}

/* Positions from `at` on that records fill; nonsense empties the ring. */
static INLINE u32 filled(struct map_handle *map, u32 at)
{
	u32 producer = (u32)SYNC(&ring_of(map)->producer);
	if (producer - at <= ring_size(map)) return producer - at;
	PUBLISH(&ring_of(map)->consumer, producer);
	return 0;
}

/* Whether nobody will finish a record that is BUSY. Its own thread is here, and no longer there. */
static NOINLINE u32 is_orphan(struct map_handle *map, struct record *record)
{
	u32 owner = LOAD(&record->owner);
	if (owner == map->owner) return 1;
	return map->alive != 0 && ((u64(*)(u64))(uintptr_t)map->alive)(owner) == 0;
}

/* The oldest record that is ready: its room, 0 = none. Those that were discarded before it are given back. */
static NOINLINE u32 ring_front(struct map_handle *map, struct record **front, u32 *length)
{
	u32 *consumer = &ring_of(map)->consumer;
	for (u32 steps = 0; steps <= ring_size(map); steps++) {
		u32 at = LOAD(consumer), there = filled(map, at);
		if (there == 0) return 0;
		struct record *record = record_at(map, at);
		u32 word = SYNC(&record->length), room = record_room(word & ~(BUSY | DISCARD));
		if (room > there) {
			PUBLISH(consumer, at + there);
			return 0;
		}
		if ((word & BUSY) && !is_orphan(map, record)) return 0;
		if ((word & (BUSY | DISCARD)) == 0) {
			*front = record;
			*length = word;
			return room;
		}
		PUBLISH(consumer, at + room);
	}
	return 0;
}

EXPORT("map/ringbuf_peek") int64_t ringbuf_peek(struct map_handle *map, uint64_t *data)
{
	struct record *front;
	u32 length;
	if (map->kind != KIND_RING) return -MAP_EINVAL;
	if (ring_front(map, &front, &length) == 0) return -MAP_EAGAIN;
	*data = WORD(front + 1);
	return length;
}

/* What ringbuf_peek found is still there: nobody else reads. */
EXPORT("map/ringbuf_release") int64_t ringbuf_release(struct map_handle *map)
{
	if (map->kind != KIND_RING) return -MAP_EINVAL;
	u32 *consumer = &ring_of(map)->consumer, at = LOAD(consumer), there = (u32)LOAD(&ring_of(map)->producer) - at;
	u32 length = LOAD(&record_at(map, at)->length), room = record_room(length);
	if (there == 0 || (length & (BUSY | DISCARD)) != 0) return -MAP_EAGAIN;
	PUBLISH(consumer, at + (room < there ? room : there));
	return 0;
}

EXPORT("map/ringbuf_lost") int64_t ringbuf_lost(struct map_handle *map)
{
	return map->kind == KIND_RING ? (i64)LOAD(&ring_of(map)->lost) : -MAP_EINVAL;
}
