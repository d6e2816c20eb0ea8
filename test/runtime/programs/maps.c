/* One map of each type, and programs over them. Arguments are numbers. */
#include "../../../examples/runbpf.h"

struct point {
  s32 x;
  u32 y : 4, z : 12;
  char name[8];
  u8 raw[4];
};

struct { __uint(type, MAP_ARRAY); __uint(max_entries, 4); __type(key, u32); __type(value, struct point); } points SEC(".maps");
struct { __uint(type, MAP_HASH); __uint(max_entries, 8); __type(key, u32); __type(value, u64); } hash SEC(".maps");
struct { __uint(type, MAP_LRU_HASH); __uint(max_entries, 4); __type(key, u32); __type(value, u32); } lru SEC(".maps");
struct { __uint(type, MAP_PERCPU_ARRAY); __uint(max_entries, 2); __type(key, u32); __type(value, u32); } each SEC(".maps");
struct { __uint(type, MAP_PERCPU_HASH); __uint(max_entries, 2); __type(key, u32); __type(value, u64); } each_hash SEC(".maps");
struct { __uint(type, MAP_QUEUE); __uint(max_entries, 3); __type(value, u32); } queue SEC(".maps");
struct { __uint(type, MAP_STACK); __uint(max_entries, 3); __type(value, u32); } stack SEC(".maps");
struct { __uint(type, MAP_BLOOM_FILTER); __uint(max_entries, 100); __type(value, u32); } bloom SEC(".maps");
struct { __uint(type, MAP_RINGBUF); __uint(max_entries, 256); } ring SEC(".maps");
struct { __uint(type, MAP_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); __uint(max_entries, 2); } perf SEC(".maps");
struct prefix { u32 length; u8 address[4]; };
struct { __uint(type, MAP_LPM_TRIE); __uint(max_entries, 16); __uint(map_flags, 1); __type(key, struct prefix); __type(value, u32); } routes SEC(".maps");
struct inner { __uint(type, MAP_ARRAY); __uint(max_entries, 2); __type(key, u32); __type(value, u64); } red SEC(".maps"), blue SEC(".maps");
struct { __uint(type, MAP_ARRAY_OF_MAPS); __uint(max_entries, 3); __type(key, u32); __array(values, struct inner); } outer SEC(".maps") = {.values = {&red, &blue}};

u64 plain = 5;
short small;
const volatile u32 setting = 7;
struct point spot;

SEC("t/add") u64 add(u64 key, u64 amount) {
  u32 id = key;
  u64 *value = bpf_map_lookup_elem(&hash, &id);
  if (value) return *value += amount;
  return bpf_map_update_elem(&hash, &id, &amount, ANY) ? -1 : amount;
}
SEC("t/bump") u64 bump(u64 key) {
  u32 id = key;
  u32 *value = bpf_map_lookup_elem(&each, &id);
  return value ? ++*value : 0;
}
SEC("t/tell") s64 tell(u64 number) {
  u64 record[2] = {number, number * number};
  return bpf_ringbuf_output(&ring, record, sizeof(record), 0);
}
SEC("t/route") u64 route(u64 address) {
  struct prefix key = {32, {address >> 24, address >> 16, address >> 8, address}};
  u32 *value = bpf_map_lookup_elem(&routes, &key);
  return value ? *value : 0;
}
SEC("t/inside") u64 inside(u64 which, u64 index) {
  u32 w = which, i = index;
  void *map = bpf_map_lookup_elem(&outer, &w);
  if (!map) return 404;
  u64 *value = bpf_map_lookup_elem(map, &i);
  return value ? ++*value : 405;
}
struct sum { u64 total; u32 stop; };
static long visit(void *map, const void *key, void *value, void *ctx) {
  struct sum *sum = ctx;
  sum->total += *(u64 *)value;
  return sum->stop && sum->total > sum->stop;
}
SEC("t/total") u64 total(u64 stop) {
  struct sum sum = {0, stop};
  u64 calls = bpf_for_each_map_elem(&hash, visit, &sum, 0);
  return sum.total << 8 | calls;
}
static long round(u32 index, void *ctx) {
  *(u64 *)ctx += index;
  return index == 49;
}
SEC("t/rounds") u64 rounds(u64 count) {
  u64 sum = 0;
  u64 done = bpf_loop(count, round, &sum, 0);
  return sum << 16 | done;
}
SEC("t/settings") u64 settings(void) { return plain * 1000000 + setting * 1000 + (u16)small; }
HELPER(8, u32, bpf_get_smp_processor_id, void);
SEC("t/cpu") u64 cpu(void) {
  return bpf_get_smp_processor_id();
}
SEC("t/queue") u64 move(void) {
  u32 value = 0;
  s64 error = bpf_map_pop_elem(&queue, &value);
  return error ? error : (bpf_map_push_elem(&stack, &value, ANY), value);
}
