/* Map definitions as BTF types, with inner maps and initial entries. */
#include "bpf.h"

struct value {
  u64 a;
  u32 b[3];
};

static void *(*lookup)(void *map, const void *key) = (void *)1;
static long (*tail_call)(void *context, void *map, u32 index) = (void *)12;

struct {
  __uint(type, 1);
  __uint(max_entries, 1000);
  __type(key, u32);
  __type(value, struct value);
  __uint(map_flags, 1);
} hash SEC(".maps");

struct inner {
  __uint(type, 2);
  __uint(max_entries, 4);
  __uint(key_size, 4);
  __uint(value_size, 8);
};
struct inner inner1 SEC(".maps"), inner2 SEC(".maps");

struct {
  __uint(type, 12);
  __uint(max_entries, 3);
  __uint(key_size, 4);
  __array(values, struct inner);
} outer SEC(".maps") = {.values = {[0] = (void *)&inner2, [2] = (void *)&inner1}};

struct {
  __uint(type, 2);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, u64);
} unused SEC(".maps");

SEC("xdp/tail") int tail(void *context) { return 2; }
SEC("xdp/other") int other(void *context) { return 3; }

struct {
  __uint(type, 3);
  __uint(max_entries, 4);
  __uint(key_size, 4);
  __array(values, int(void *));
} programs SEC(".maps") = {.values = {[1] = (void *)&tail}};

SEC("xdp") int prog(void *context) {
  u32 key = 1;
  struct value *value = lookup(&hash, &key);
  if (value) value->a++;
  if (!lookup(&outer, &key)) tail_call(context, &programs, 1);
  return 1;
}
