/*
 * Locks: a word with the owner's number, 0 = free. Whoever waits finds out whether the owner lives, and takes a dead owner's lock
 * over; what the owner left half done is for the taker to repair. No lock is held while a program's code runs.
 */
#include "private.h"

/* A round of waiting is a chain of multiplications that takes 15 to 25 ns: there is no clock here. */
#define ROUND 16
#define ASK_EVERY (1u << 12)          /* rounds: about 80 us */
#define GIVE_UP (1u << 29)            /* about 10 s */
#define GIVE_UP_SPINLOCK (1u << 27)   /* about 2 s */

static INLINE void pause_round(u32 rounds)
{
	u64 x = rounds | 1;
	for (u32 k = 0; k < ROUND; k++) {
		x *= x;
		__asm__ volatile("" : "+r"(x));
	}
}

/* After round number `rounds` of waiting for `owner`: whether its lock is to be taken over. */
static NOINLINE u32 is_abandoned(struct map_handle *map, u32 owner, u32 rounds)
{
	if (owner == map->owner || rounds >= GIVE_UP) return 1;
	pause_round(rounds);
	if (map->alive == 0 || rounds % ASK_EVERY != ASK_EVERY - 1) return 0;
	return ((u64(*)(u64))(uintptr_t)map->alive)(owner) == 0;
}

/* The owner that the lock was taken over from, or 0. */
static NOINLINE u32 wait_lock(struct map_handle *map, u32 *lock)
{
	u32 waited_for = 0;
	for (u32 rounds = 0;; rounds++) {
		u32 owner = LOAD(lock);
		if (owner == 0) {
			if (CAS(lock, 0u, map->owner) == 0) return 0;
		} else {
			if (owner != waited_for && rounds > ASK_EVERY) rounds = 0; /* another one's turn: time starts anew */
			waited_for = owner;
			if (is_abandoned(map, owner, rounds) && CAS(lock, owner, map->owner) == owner) return owner;
		}
	}
}

static NOINLINE u32 take_lock(struct map_handle *map, u32 *lock)
{
	return CAS(lock, 0u, map->owner) == 0 ? 0 : wait_lock(map, lock);
}

/* A lock that was taken over meanwhile is no longer ours to free. */
static NOINLINE void free_lock(struct map_handle *map, u32 *lock) { (void)CAS(lock, map->owner, 0u); }

/* bpf_spin_lock: no handle tells whose it is, so whoever holds it for two seconds is taken for dead. */
EXPORT("helper/93") int64_t spin_lock(uint32_t *lock)
{
	for (u32 rounds = 0; rounds < GIVE_UP_SPINLOCK; rounds++) {
		if (LOAD(lock) == 0 && CAS(lock, 0u, 1u) == 0) return 0;
		pause_round(rounds);
	}
	return 0;
}

EXPORT("helper/94") int64_t spin_unlock(uint32_t *lock)
{
	(void)SWAP(lock, 0u);
	return 0;
}
