/* A packet parser in pieces: each protocol is a program of its own, reached through a map that the host may change. */
#include "../runbpf.h"

struct packet {
  u8 *data, *end, *meta;
};

enum { XDP_DROP = 1, XDP_PASS = 2 };
enum { TCP = 6, UDP = 17 };

int tcp(struct packet *ctx);
int udp(struct packet *ctx);

struct {
  __uint(type, MAP_PROG_ARRAY);
  __uint(max_entries, 256);
  __uint(key_size, 4);
  __array(values, int(struct packet *));
} parsers SEC(".maps") = {.values = {[TCP] = &tcp, [UDP] = &udp}};

static u8 protocol(struct packet *ctx) { return ctx->data + 34 <= ctx->end ? ctx->data[23] : 0; }

SEC("xdp")
int parse(struct packet *ctx) {
  bpf_tail_call(ctx, &parsers, protocol(ctx));
  return XDP_PASS; /* nobody parses that */
}

/* Telnet is dropped. */
SEC("xdp/tcp")
int tcp(struct packet *ctx) {
  u8 *data = ctx->data;
  if (data + 38 > ctx->end) return XDP_DROP;
  return data[36] == 0 && data[37] == 23 ? XDP_DROP : XDP_PASS;
}

/* Everything but DNS is dropped. */
SEC("xdp/udp")
int udp(struct packet *ctx) {
  u8 *data = ctx->data;
  if (data + 38 > ctx->end) return XDP_DROP;
  return data[36] == 0 && data[37] == 53 ? XDP_PASS : XDP_DROP;
}
