/* How often each word was given: a hash map that outlives the call. */
#include "../runbpf.h"

struct word {
  char text[16];
};

struct {
  __uint(type, MAP_HASH);
  __uint(max_entries, 64);
  __type(key, struct word);
  __type(value, u64);
} counts SEC(".maps");

SEC("tcmd/count")
int count(int argc, char **argv) {
  int seen = 0;
  for (int i = 1; i < argc && i < 16; i++) {
    struct word word = {};
    const char *text = argv[i];
    for (int k = 0; k < 15 && text[k]; k++) word.text[k] = text[k];
    u64 *value = bpf_map_lookup_elem(&counts, &word);
    if (value) {
      __sync_fetch_and_add(value, 1);
    } else {
      u64 one = 1;
      bpf_map_update_elem(&counts, &word, &one, NOEXIST);
      seen++;
    }
  }
  return seen;
}
