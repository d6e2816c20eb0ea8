/* A timer in a map's value, which starts itself again three times. */
#include "../../../examples/runbpf.h"

struct bpf_timer {
  u64 opaque[2];
};
struct element {
  u64 fired;
  struct bpf_timer timer;
};
struct { __uint(type, MAP_HASH); __uint(max_entries, 4); __type(key, u32); __type(value, struct element); } elements SEC(".maps");

static int fire(void *map, u32 *key, struct element *element) {
  element->fired += *key;
  if (element->fired < 3 * *key) bpf_timer_start(&element->timer, 1000000, 0);
  return 0;
}
SEC("t/arm") s64 arm(u64 number) {
  u32 key = number;
  struct element zero = {};
  bpf_map_update_elem(&elements, &key, &zero, ANY);
  struct element *element = bpf_map_lookup_elem(&elements, &key);
  if (!element) return -1;
  s64 error = bpf_timer_init(&element->timer, &elements, 1);
  if (error) return error;
  bpf_timer_set_callback(&element->timer, fire);
  return bpf_timer_start(&element->timer, 1000000, 0);
}
SEC("t/stop") s64 stop(u64 number) {
  u32 key = number;
  struct element *element = bpf_map_lookup_elem(&elements, &key);
  return element ? bpf_timer_cancel(&element->timer) : -1;
}
