/*
 * Many threads, or many processes that are killed, on shared maps: what must add up adds up.
 *   stress threads FILE|- SECONDS     stress crash FILE|- SECONDS     stress corrupt FILE|- ROUNDS SEED
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "load.h"

#define CHECK(what)                                                                  \
	do {                                                                         \
		if (!(what)) {                                                       \
			fprintf(stderr, "line %d: not so: %s\n", __LINE__, #what);   \
			_exit(1);                                                    \
		}                                                                    \
	} while (0)

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static uint64_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return *seed >> 24;
}

static uint64_t alive(uint64_t owner) { return kill((pid_t)owner, 0) == 0 || errno != ESRCH; }

/* A map in memory that processes share. */
struct shared {
	struct map_definition is;
	void *block;
	int64_t size;
};

static struct shared make(uint32_t type, uint32_t key, uint32_t value, uint32_t max, uint32_t cpus)
{
	struct shared made = { { type, key, value, max, 0, cpus }, 0, 0 };
	made.size = lib.map_size(&made.is);
	CHECK(made.size > 0);
	made.block = mmap(0, made.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(lib.map_create(made.block, made.size, &made.is) == 0);
	return made;
}

static struct map_handle attach(struct shared *to, uint32_t owner, uint32_t cpu)
{
	struct map_handle map;
	struct map_local local = { (uintptr_t)alive, 0, 0, owner, cpu % to->is.cpus };
	CHECK(lib.map_attach(&map, to->block, to->size, &to->is, &local) == 0);
	return map;
}

#define THREADS 4
#define KEYS 64
#define STABLE 1000000u
static struct shared hash, full, percpu, queue, ring, lru, wide;
static volatile int stop;
static uint64_t counted[THREADS], popped[THREADS], pushed[THREADS], produced[THREADS], lost[THREADS], percpu_sum[THREADS];

struct wide {
	uint64_t a[8];
};

static void *work(void *arg)
{
	uint32_t me = (uint32_t)(uintptr_t)arg, owner = (uint32_t)syscall(SYS_gettid);
	uint64_t seed = me * 7919 + 1;
	struct map_handle h = attach(&hash, owner, me), f = attach(&full, owner, me), p = attach(&percpu, owner, me);
	struct map_handle q = attach(&queue, owner, me), r = attach(&ring, owner, me), l = attach(&lru, owner, me);
	struct map_handle w = attach(&wide, owner, me);
	while (!stop) {
		uint64_t random = next(&seed), one = 1, key = random % KEYS;
		/* Counting in place: keys that are made once and stay. */
		uint64_t *value = (uint64_t *)(uintptr_t)lib.map_lookup(&h, &key);
		if (value == 0) {
			uint64_t zero = 0;
			int64_t result = lib.map_update(&h, &key, &zero, MAP_NOEXIST);
			CHECK(result == 0 || result == -MAP_EEXIST);
			value = (uint64_t *)(uintptr_t)lib.map_lookup(&h, &key);
			CHECK(value != 0);
		}
		__atomic_fetch_add(value, 1, __ATOMIC_SEQ_CST);
		counted[me]++;
		/* Keys that stay are found while all others come and go, and are never another's. */
		uint64_t stable = STABLE + random % 8, mine = (uint64_t)me << 32 | random % 20;
		value = (uint64_t *)(uintptr_t)lib.map_lookup(&f, &stable);
		CHECK(value != 0 && *value == stable);
		if (random & 0x10000) {
			int64_t result = lib.map_update(&f, &mine, &mine, 0);
			CHECK(result == 0 || result == -MAP_E2BIG);
			if (result == 0) {
				value = (uint64_t *)(uintptr_t)lib.map_lookup(&f, &mine);
				CHECK(value != 0 && *value == mine);
			}
		} else {
			uint64_t copy;
			int64_t result = lib.map_take(&f, &mine, &copy);
			CHECK(result == -MAP_ENOENT || (result == 0 && copy == mine));
			CHECK(lib.map_lookup(&f, &mine) == 0);
		}
		/* Copies are whole. */
		struct wide whole;
		for (int k = 0; k < 8; k++) whole.a[k] = random;
		key = random % 4;
		CHECK(lib.map_update(&w, &key, &whole, 0) == 0);
		CHECK(lib.map_read(&w, &key, &whole) == 0);
		for (int k = 1; k < 8; k++) CHECK(whole.a[k] == whole.a[0]);
		/* Each its own. */
		key = random % 16;
		value = (uint64_t *)(uintptr_t)lib.map_lookup(&p, &key);
		uint64_t sum = (value == 0 ? 0 : *value) + 1;
		CHECK(lib.map_update(&p, &key, &sum, 0) == 0);
		percpu_sum[me]++;
		/* A full lru map takes everything. */
		key = random % 500;
		CHECK(lib.map_update(&l, &key, &key, 0) == 0);
		value = (uint64_t *)(uintptr_t)lib.map_lookup(&l, &key);
		(void)value;
		if (lib.map_push(&q, &random, 0) == 0) pushed[me] += random;
		if (lib.map_pop(&q, &one) == 0) popped[me] += one;
		uint64_t record[6] = { random, me, random, random, random, random };
		uint64_t size = 16 + random % 5 * 8;
		if (random & 1) {
			uint64_t at = lib.ringbuf_reserve(&r, size, 0);
			if (at != 0) {
				memcpy((void *)(uintptr_t)at, record, size);
				lib.ringbuf_submit((void *)(uintptr_t)at, 0);
				produced[me] += random;
			} else lost[me]++;
		} else if (lib.ringbuf_output(&r, record, size, 0) == 0) produced[me] += random;
		else lost[me]++;
	}
	return 0;
}

static void threads(double seconds)
{
	hash = make(MAP_HASH, 8, 8, KEYS, 1);
	full = make(MAP_HASH, 8, 8, 8 + 50, 1);
	percpu = make(MAP_PERCPU_HASH, 8, 8, 16, THREADS);
	queue = make(MAP_QUEUE, 0, 8, 32, 1);
	ring = make(MAP_RINGBUF, 0, 0, 8192, 1);
	lru = make(MAP_LRU_HASH, 8, 8, 100, 1);
	wide = make(MAP_HASH, 8, 64, 4, 1);
	struct map_handle f = attach(&full, getpid(), 0), r = attach(&ring, getpid(), 0);
	for (uint64_t k = STABLE; k < STABLE + 8; k++) CHECK(lib.map_update(&f, &k, &k, 0) == 0);
	pthread_t thread[THREADS];
	for (uintptr_t k = 0; k < THREADS; k++) pthread_create(&thread[k], 0, work, (void *)k);
	uint64_t received = 0, at, walked = 0;
	for (double end = now() + seconds; now() < end;) {
		int64_t size;
		while ((size = lib.ringbuf_peek(&r, &at)) >= 0) {
			uint64_t *record = (uint64_t *)(uintptr_t)at;
			CHECK(size >= 16 && record[1] < THREADS);
			for (int64_t k = 2; k < size / 8; k++) CHECK(record[k] == record[0]);
			received += record[0];
			CHECK(lib.ringbuf_release(&r) == 0);
		}
		CHECK(size == -MAP_EAGAIN);
		uint64_t cursor = 0, key, value, stable = 0;
		while (lib.map_walk(&f, &cursor, &key, &value) == 0) {
			CHECK(key == value);
			stable += key >= STABLE && key < STABLE + 8;
		}
		CHECK(stable == 8);
		walked++;
	}
	stop = 1;
	for (int k = 0; k < THREADS; k++) pthread_join(thread[k], 0);
	while (lib.ringbuf_peek(&r, &at) >= 0) {
		received += *(uint64_t *)(uintptr_t)at;
		lib.ringbuf_release(&r);
	}
	struct map_handle h = attach(&hash, getpid(), 0), p = attach(&percpu, getpid(), 0), q = attach(&queue, getpid(), 0);
	uint64_t total = 0, sums = 0, sum = 0, value, out = 0, in = 0, sent = 0;
	for (uint64_t k = 0; k < KEYS; k++)
		if (lib.map_read(&h, &k, &value) == 0) sum += value;
	for (uint64_t k = 0; k < 16; k++) {
		uint64_t all[THREADS];
		if (lib.map_read(&p, &k, all) == 0)
			for (int c = 0; c < THREADS; c++) sums += all[c];
	}
	while (lib.map_pop(&q, &value) == 0) out += value;
	uint64_t percpus = 0, calls = 0;
	for (int k = 0; k < THREADS; k++) {
		total += counted[k], percpus += percpu_sum[k], in += pushed[k], out += popped[k], sent += produced[k];
		calls += counted[k];
	}
	CHECK(sum == total);
	CHECK(sums == percpus);
	CHECK(in == out);
	CHECK(sent == received);
	/* No element lost or doubled: the map takes as many keys as it has room for. */
	uint64_t room = 0, cursor = 0, key, there = 0;
	while (lib.map_walk(&f, &cursor, &key, &value) == 0) there++;
	CHECK((int64_t)there == lib.map_count(&f));
	for (uint64_t k = 1; lib.map_update(&f, &(uint64_t){ k << 50 }, &k, MAP_NOEXIST) == 0; k++) room++;
	CHECK(there + room == 58);
	printf("%lu rounds, %lu walks\n", (unsigned long)calls, (unsigned long)walked);
}

/* A process that works until it is killed; counts in shared memory say what it did for certain. */
struct tally {
	volatile uint64_t begun, done, slowest_us;
};

static void victim(struct tally *tally, uint64_t seed)
{
	uint32_t owner = getpid();
	struct map_handle h = attach(&hash, owner, 0), f = attach(&full, owner, 0), q = attach(&queue, owner, 0);
	struct map_handle r = attach(&ring, owner, 0), l = attach(&lru, owner, 0), w = attach(&wide, owner, 0);
	for (;;) {
		double start = now();
		uint64_t random = next(&seed), key = random % 40, one = 1;
		tally->begun++;
		uint64_t *value = (uint64_t *)(uintptr_t)lib.map_lookup(&h, &key);
		if (value) __atomic_fetch_add(value, 1, __ATOMIC_SEQ_CST);
		uint64_t stable = STABLE + random % 8;
		value = (uint64_t *)(uintptr_t)lib.map_lookup(&f, &stable);
		CHECK(value != 0 && *value == stable);
		uint64_t mine = random % 300;
		if (random & 0x10000) lib.map_update(&f, &mine, &mine, 0);
		else lib.map_delete(&f, &mine);
		lib.map_update(&l, &mine, &mine, 0);
		struct wide whole;
		for (int k = 0; k < 8; k++) whole.a[k] = random;
		lib.map_update(&w, &key, &whole, 0);
		lib.map_push(&q, &random, MAP_EXIST);
		lib.map_pop(&q, &one);
		uint64_t record[2] = { random, random }, at = lib.ringbuf_reserve(&r, 16, 0);
		if (at) {
			memcpy((void *)(uintptr_t)at, record, 16);
			lib.ringbuf_submit((void *)(uintptr_t)at, 0);
		}
		lib.ringbuf_output(&r, record, 16, 0);
		tally->done++;
		uint64_t took = (now() - start) * 1e6;
		if (took > tally->slowest_us) tally->slowest_us = took;
	}
}

static void crash(double seconds)
{
	hash = make(MAP_HASH, 8, 8, 40, 1);
	full = make(MAP_HASH, 8, 8, 100, 1);
	queue = make(MAP_QUEUE, 0, 8, 32, 1);
	ring = make(MAP_RINGBUF, 0, 0, 4096, 1);
	lru = make(MAP_LRU_HASH, 8, 8, 100, 1);
	wide = make(MAP_HASH, 8, 64, 40, 1);
	struct tally *tally = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct map_handle h = attach(&hash, getpid(), 0), f = attach(&full, getpid(), 0), r = attach(&ring, getpid(), 0);
	for (uint64_t k = 0; k < 40; k++) lib.map_update(&h, &k, &(uint64_t){ 0 }, 0);
	for (uint64_t k = STABLE; k < STABLE + 8; k++) CHECK(lib.map_update(&f, &k, &k, 0) == 0);
	enum { PROCESSES = 3 };
	pid_t child[PROCESSES] = { 0 };
	uint64_t kills = 0, seed = 1, records = 0, at, slowest = 0, began = 0, ended = 0;
	for (double end = now() + seconds; now() < end;) {
		for (int k = 0; k < PROCESSES; k++)
			if (child[k] == 0) {
				uint64_t its = next(&seed);
				child[k] = fork();
				if (child[k] == 0) victim(&tally[k], its);
			}
		usleep(500 + next(&seed) % 3000);
		int64_t size;
		for (int most = 0; most < 1000 && (size = lib.ringbuf_peek(&r, &at)) >= 0; most++) {
			uint64_t *record = (uint64_t *)(uintptr_t)at;
			CHECK(size == 16 && record[0] == record[1]);
			records++;
			CHECK(lib.ringbuf_release(&r) == 0);
		}
		int who = next(&seed) % PROCESSES, status;
		kill(child[who], SIGKILL);
		waitpid(child[who], &status, 0);
		CHECK(WIFSIGNALED(status));
		/* Waiters free what they need by themselves; the host frees the rest, if it knows who died. */
		if (kills % 2 == 0) CHECK(lib.map_recover(&f, child[who]) == 0);
		child[who] = 0;
		kills++;
		began += tally[who].begun, ended += tally[who].done;
		tally[who].begun = tally[who].done = 0;
		if (tally[who].slowest_us > slowest) slowest = tally[who].slowest_us;
	}
	/* Those who live are not held up by those who died. */
	uint64_t before[PROCESSES];
	for (int k = 0; k < PROCESSES; k++) before[k] = tally[k].done;
	usleep(500000);
	for (int k = 0; k < PROCESSES; k++) CHECK(child[k] == 0 || tally[k].done > before[k]);
	for (int k = 0; k < PROCESSES; k++) {
		if (child[k] == 0) continue;
		kill(child[k], SIGKILL);
		waitpid(child[k], 0, 0);
		lib.map_recover(&h, child[k]);
		lib.map_recover(&f, child[k]);
		began += tally[k].begun, ended += tally[k].done;
	}
	/* Records that nobody will finish do not hold up those behind them. */
	while (lib.ringbuf_peek(&r, &at) >= 0) lib.ringbuf_release(&r);
	CHECK(lib.map_count(&r) == 0);
	/* Counts: all rounds that ended, and at most those that began. */
	uint64_t sum = 0, value, key, cursor = 0, there = 0, room = 0;
	for (uint64_t k = 0; k < 40; k++) {
		CHECK(lib.map_read(&h, &k, &value) == 0);
		sum += value;
	}
	CHECK(sum >= ended && sum <= began);
	/* What is in the map is whole and found; lost is one element a kill at most, in truth next to none. */
	while (lib.map_walk(&f, &cursor, &key, &value) == 0) {
		CHECK(key == value);
		CHECK(lib.map_lookup(&f, &key) != 0);
		there++;
	}
	for (uint64_t k = 1; lib.map_update(&f, &(uint64_t){ k << 50 }, &k, MAP_NOEXIST) == 0; k++) room++;
	CHECK(there + room <= 100 && there + room + 4 + kills / 20 >= 100);
	CHECK(records > 0);
	printf("%lu kills, %lu rounds, %lu records, %lu elements lost, slowest round %lu us\n", (unsigned long)kills,
	       (unsigned long)ended, (unsigned long)records, (unsigned long)(100 - there - room), (unsigned long)slowest);
	/* A fraction of a second: a busy machine may not run a process for as long. */
	CHECK(slowest < 2000000);
}

int main(int argc, char **argv)
{
	CHECK(argc == 4);
	load(strcmp(argv[2], "-") == 0 ? 0 : argv[2]);
	if (strcmp(argv[1], "threads") == 0) threads(atof(argv[3]));
	else crash(atof(argv[3]));
	return 0;
}
