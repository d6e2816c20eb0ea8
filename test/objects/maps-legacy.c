/* Map definitions as words, in `maps` and in `maps/NAME`. */
#include "bpf.h"

struct bpf_map_def {
  u32 type, key_size, value_size, max_entries, flags, inner, numa_node;
};
struct named_map_def {
  u32 type, key_size, value_size, max_entries, flags;
  char name[44];
};

static void *(*lookup)(void *map, const void *key) = (void *)1;

struct bpf_map_def SEC("maps") counts = {1, 4, 8, 64, 1};
struct bpf_map_def SEC("maps") states = {2, 4, 16, 10};
struct bpf_map_def SEC("maps") outer = {12, 4, 4, 3, 0, 1};
struct bpf_map_def SEC("maps") unused = {1, 1, 1, 1};
struct named_map_def SEC("maps/events") events = {4, 4, 4, 2, 0, "events"};

SEC("socket") u64 prog(void *context) {
  u32 key = 0;
  u64 *value = lookup(&counts, &key);
  if (value) *value += 1;
  return (u64)lookup(&events, &key) + (u64)lookup(&outer, &key);
}
