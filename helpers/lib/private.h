/* What the parts of the map library share: words, atomics, the block's header, access to keys and values of any alignment. */
#pragma once
#include "maps.h"

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t i64;

#define INLINE inline __attribute__((always_inline))
#define ADDRESS(at) ((void *)(uintptr_t)(at))
#define WORD(pointer) ((u64)(uintptr_t)(pointer))

/* eBPF: the section of a function tells hosts what it is. Elsewhere its name does. */
#ifdef __bpf__
#define EXPORT(name) __attribute__((section(name), used, minsize))
#define NOINLINE __attribute__((noinline, minsize)) /* what is hot is inline, or has a name of its own in a handle */
#else
#define EXPORT(name)
#define NOINLINE __attribute__((noinline))
#endif

/*
 * Order between threads. Read-modify-writes order everything before and after them, on every target. Plain loads of eBPF become
 * plain loads of the machine: ordered on x86-64; on arm64 only where an address depends on what was loaded. Hence:
 *  PUBLISH(p, v)   a store behind all stores before it
 *  SYNC(p)         a load before all loads behind it
 *  AFTER(a, zero)  address a, made to depend on loads whose combination `zero` was found to be 0
 */
#define LOAD(p) (*(const volatile __typeof__(*(p)) *)(p))
#define STORE(p, v) (*(volatile __typeof__(*(p)) *)(p) = (v))

#if defined MAP_SINGLE || (!defined __bpf__ && __GCC_ATOMIC_LLONG_LOCK_FREE < 2)
/* One thread, and programs that no interrupt handler runs: processors without 64-bit atomics. */
#define CAS(p, from, to) __extension__ ({ __typeof__(*(p)) was_ = *(p); if (was_ == (from)) *(p) = (to); was_; })
#define SWAP(p, v) __extension__ ({ __typeof__(*(p)) was_ = *(p); *(p) = (v); was_; })
#define ADD(p, v) __extension__ ({ __typeof__(*(p)) was_ = *(p); *(p) += (v); was_; })
#define OR(p, v) ((void)(*(p) |= (v)))
#define PUBLISH(p, v) STORE(p, v)
#define SYNC(p) LOAD(p)
#define AFTER(a, zero) (a)
#elif defined __bpf__
#define CAS(p, from, to) __sync_val_compare_and_swap(p, from, to)
#define SWAP(p, v) __sync_lock_test_and_set(p, v)
#define ADD(p, v) __sync_fetch_and_add(p, v)
#define OR(p, v) ((void)__sync_fetch_and_or(p, v))
#define PUBLISH(p, v) ((void)SWAP(p, v))
#define SYNC(p) ADD(p, 0)
#define AFTER(a, zero) __extension__ ({ u64 zero_ = (zero); __asm__("" : "+r"(zero_)); (__typeof__(a))((a) + zero_); })
#else
#define CAS(p, from, to)                                                                                  \
	__extension__({                                                                                   \
		__typeof__(*(p)) was_ = (from);                                                           \
		__atomic_compare_exchange_n(p, &was_, to, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);         \
		was_;                                                                                     \
	})
#define SWAP(p, v) __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define ADD(p, v) __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST)
#define OR(p, v) ((void)__atomic_fetch_or(p, v, __ATOMIC_SEQ_CST))
#define PUBLISH(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define SYNC(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define AFTER(a, zero) (__atomic_thread_fence(__ATOMIC_ACQUIRE), (a))
#endif

/* Programs' memory has any alignment. Where eBPF goes, loads may have it too. */
#ifdef __bpf__
#define READ(type, p) (*(const type *)(p))
#define WRITE(type, p, v) (*(volatile type *)(p) = (v))
#else
#define ANY_ALIGNMENT(type) struct __attribute__((packed, may_alias)) any_##type { type is; }
ANY_ALIGNMENT(uint16_t);
ANY_ALIGNMENT(u32);
ANY_ALIGNMENT(u64);
#define READ(type, p) (((const struct any_##type *)(p))->is)
#define WRITE(type, p, v) (((volatile struct any_##type *)(p))->is = (v))
#endif

/* A word of a block: aligned, and whatever else stands there. */
typedef u64 __attribute__((may_alias)) word;

/* Families of types: what serves them. */
enum { KIND_ARRAY = 1, KIND_TARGETS, KIND_HASH, KIND_LPM, KIND_QUEUE, KIND_RING, KIND_BLOOM };

#define MAGIC 0x70616d72u /* "rmap" */
#define VERSION 1u
#define MOST_CPUS 1024u
#define LPM_MOST_DATA 256u
#define MOST_BYTES (1ull << 30)

#ifndef MAP_PERF_BYTES
#define MAP_PERF_BYTES 65536u
#endif

/* The header of every block: 64 bytes. */
struct block {
	u32 magic, version;
	struct map_definition is;
	u64 size;
	u64 state; /* hash: head of the free elements, tag << 32 | index; queue: count << 32 | first */
	u32 lock;  /* queue */
	u32 gone;  /* hash: an owner whose lock was taken over, whose elements are not gathered yet */
	u32 hand;  /* lru: where the search for something old goes on */
	u32 unused;
};

static INLINE struct block *block_of(const struct map_handle *map) { return ADDRESS(map->block); }

/* Bytes up to 7, as a number. */
static NOINLINE u64 read_tail(const u8 *from, u32 count)
{
	u64 tail = 0;
	u32 shift = 0;
	if (count & 4) {
		tail = READ(u32, from);
		from += 4;
		shift = 32;
	}
	if (count & 2) {
		tail |= (u64)READ(uint16_t, from) << shift;
		from += 2;
		shift += 16;
	}
	return count & 1 ? tail | (u64)*from << shift : tail;
}

/* Into a block, where room is a multiple of 8: whole words, so that aligned fields do not tear; the last filled with 0. */
static NOINLINE void copy_in(u64 to, const u8 *from, u32 size)
{
	word *at = ADDRESS(to);
	for (; size >= 8; size -= 8, from += 8) STORE(at++, READ(u64, from));
	if (size > 0) STORE(at, read_tail(from, size));
}

static NOINLINE void copy_out(u8 *to, u64 from, u32 size)
{
	const word *at = ADDRESS(from);
	for (; size >= 8; size -= 8, to += 8) WRITE(u64, to, LOAD(at++));
	if (size == 0) return;
	u64 tail = LOAD(at);
	for (; size > 0; size--, tail >>= 8) *(volatile u8 *)to++ = (u8)tail;
}

static NOINLINE void fill_zero(u64 to, u64 size)
{
	word *at = ADDRESS(to);
	for (; size >= 8; size -= 8) STORE(at++, 0);
}

static INLINE void set_value(u64 to, const u8 *from, u32 size)
{
	if (size == 8) STORE((word *)ADDRESS(to), READ(u64, from));
	else copy_in(to, from, size);
}

static INLINE u64 round_up(u64 size, u64 to) { return (size + to - 1) & ~(to - 1); }
