/* Packets and bytes by IP protocol. Each thread counts in values of its own: no locks, no lost counts. */
#include "../runbpf.h"

struct stats {
  u64 packets, bytes;
};

struct {
  __uint(type, MAP_PERCPU_ARRAY);
  __uint(max_entries, 256);
  __type(key, u32);
  __type(value, struct stats);
} protocols SEC(".maps");

/* What r1 points to in context xdp: 64-bit addresses. */
struct packet {
  u8 *data, *end, *meta;
};

enum { XDP_PASS = 2 };

SEC("xdp")
int stats(struct packet *ctx) {
  u8 *data = ctx->data, *end = ctx->end;
  u32 protocol = 0; /* anything that is no IPv4 */
  if (data + 34 <= end && data[12] == 0x08 && data[13] == 0x00) protocol = data[23];
  struct stats *found = bpf_map_lookup_elem(&protocols, &protocol);
  if (found) {
    found->packets++;
    found->bytes += end - data;
  }
  return XDP_PASS;
}
