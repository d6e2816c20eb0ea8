/* A greeting with a memory: both versions share the map, and the second takes over from the first between two calls. */
#include "../runbpf.h"

#ifndef VERSION
#define VERSION 1
#endif

struct {
  __uint(type, MAP_ARRAY);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, u64);
} calls SEC(".maps");

SEC(".spf.event/load")
int start(void) {
  printf("version %d starts\n", VERSION);
  return 0;
}

SEC(".spf.event/unload")
int stop(void) {
  printf("version %d ends\n", VERSION);
  return 0;
}

SEC("tcmd/greet")
int greet(void) {
  u32 zero = 0;
  u64 *count = bpf_map_lookup_elem(&calls, &zero);
  if (!count) return 1;
  u64 number = __sync_fetch_and_add(count, 1) + 1;
  printf(VERSION == 1 ? "hello, call %d\n" : "good day, this is call %d\n", (int)number);
  return VERSION;
}
