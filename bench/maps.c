/* Operations of maps, each in a loop: what a loop without them takes is subtracted. */
#include "../examples/runbpf.h"

struct { __uint(type, MAP_HASH); __uint(max_entries, 10000); __type(key, u64); __type(value, u64); } hash SEC(".maps");
struct { __uint(type, MAP_PERCPU_HASH); __uint(max_entries, 10000); __type(key, u64); __type(value, u64); } each SEC(".maps");
struct { __uint(type, MAP_ARRAY); __uint(max_entries, 10000); __type(key, u32); __type(value, u64); } array SEC(".maps");
struct { __uint(type, MAP_RINGBUF); __uint(max_entries, 1 << 20); } ring SEC(".maps");

#define PROG(name) SEC("bench/" #name) u64 do_##name(u64 n)
#define ROUNDS(work) \
  u64 sum = 0, x = 1; \
  for (u64 i = 0; i < n; i++) { \
    x = x * 6364136223846793005ull + 1442695040888963407ull; \
    u64 key = ((x >> 33) % 10000) * 7919; \
    work; \
  } \
  return sum;

PROG(fill) {
  for (u64 i = 0; i < 10000; i++) {
    u64 key = i * 7919;
    bpf_map_update_elem(&hash, &key, &i, ANY);
    bpf_map_update_elem(&each, &key, &i, ANY);
  }
  return 0;
}
PROG(nothing) { ROUNDS(sum += key) }
PROG(lookup) { ROUNDS(u64 *v = bpf_map_lookup_elem(&hash, &key); if (v) sum += *v) }
PROG(update) { ROUNDS(sum += bpf_map_update_elem(&hash, &key, &i, ANY)) }
PROG(percpu) { ROUNDS(sum += bpf_map_update_elem(&each, &key, &i, ANY)) }
PROG(array) { ROUNDS(u32 k = key / 7919; u64 *v = bpf_map_lookup_elem(&array, &k); if (v) sum += *v) }
PROG(ring) {
  char data[64] = {};
  u64 sum = 0;
  for (u64 i = 0; i < n; i++) sum += bpf_ringbuf_output(&ring, data, 64, 0);
  return sum;
}
