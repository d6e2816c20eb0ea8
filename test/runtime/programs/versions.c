/* Versions of one program: VERSION, SIZE of the map, FAIL of init. */
#include "../../../examples/runbpf.h"

struct { __uint(type, MAP_HASH); __uint(max_entries, SIZE); __type(key, u32); __type(value, u64); } kept SEC(".maps");

static u32 ready;

SEC(".spf.event/load") int start(void) {
  ready = VERSION;
  printf("load %d\n", VERSION);
  return FAIL ? -1 : 0;
}
SEC(".spf.event/unload") int stop(void) {
  printf("unload %d\n", VERSION);
  return 0;
}
/* Both halves of the result must be of one version, and of an instance that was started. */
SEC("go/call") u64 call(u64 rounds) {
  u64 first = VERSION;
  u64 sum = 0;
  for (u32 k = 0; k < rounds && k < 1000; k++) sum += k;
  return first << 32 | ready << 8 | (sum & 255);
}
SEC("hook/count") u64 count(u64 key) {
  u32 id = key;
  u64 one = 1, *value = bpf_map_lookup_elem(&kept, &id);
  if (value) return __sync_fetch_and_add(value, 1) + 1;
  return bpf_map_update_elem(&kept, &id, &one, ANY) ? 0 : 1;
}
SEC("hook.more") u64 more(u64 key) { return key + VERSION * 1000; }
