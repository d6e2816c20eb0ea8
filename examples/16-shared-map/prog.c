/* Work shared by processes: the map lies in a file, and whoever opens it counts in it. */
#include "../runbpf.h"

struct {
  __uint(type, MAP_HASH);
  __uint(max_entries, 128);
  __type(key, u32);
  __type(value, u64);
} work SEC(".maps");

SEC("sum")
u64 add(u64 key, u64 amount) {
  u32 id = key;
  u64 *sum = bpf_map_lookup_elem(&work, &id);
  if (sum) return __sync_fetch_and_add(sum, amount) + amount;
  return bpf_map_update_elem(&work, &id, &amount, NOEXIST) == 0 ? amount : 0;
}
