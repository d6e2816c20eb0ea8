/* What programs do to packets: one program each. */
#include "../../../examples/runbpf.h"

struct packet { u8 *data, *end, *meta; };
HELPER(9, s64, skb_store, void *ctx, u32 at, const void *from, u32 size, u64 flags);
HELPER(10, s64, l3_csum, void *ctx, u32 at, u64 from, u64 to, u64 size);
HELPER(11, s64, l4_csum, void *ctx, u32 at, u64 from, u64 to, u64 flags);
HELPER(26, s64, skb_load, void *ctx, u32 at, void *to, u32 size);
HELPER(28, s64, csum_diff, void *from, u32 from_size, void *to, u32 to_size, u32 seed);
HELPER(44, s64, adjust_head, void *ctx, s32 delta);
HELPER(54, s64, adjust_meta, void *ctx, s32 delta);
HELPER(65, s64, adjust_tail, void *ctx, s32 delta);
HELPER(188, u64, buff_len, void *ctx);

/* Wraps the packet into a header of its own: eight bytes "wrapped!" in front. */
SEC("xdp/wrap") int wrap(struct packet *ctx) {
  if (adjust_head(ctx, -8)) return 0;
  u64 *data = (u64 *)ctx->data;
  if ((u8 *)(data + 1) > ctx->end) return 0;
  *data = 0x2164657070617277;
  return 2;
}
SEC("xdp/cut") int cut(struct packet *ctx) { return adjust_tail(ctx, -4) ? 0 : 2; }
SEC("xdp/grow") int grow(struct packet *ctx) { return adjust_tail(ctx, 4) ? 0 : 2; }
SEC("xdp/toofar") int toofar(struct packet *ctx) { return adjust_head(ctx, -300) == -22 && adjust_tail(ctx, -10000) == -22 ? 2 : 0; }
SEC("xdp/meta") int meta(struct packet *ctx) {
  if (adjust_meta(ctx, -4)) return 0;
  u32 *mark = (u32 *)ctx->meta;
  if ((u8 *)(mark + 1) > ctx->data) return 0;
  *mark = 7;
  return buff_len(ctx) > 60 ? 2 : 1;
}
/* Another destination address, with the checksums of IP and UDP corrected. */
SEC("tc/nat") int nat(struct packet *ctx) {
  u32 old, now = 0x0101a8c0;
  if (skb_load(ctx, 30, &old, 4)) return 2;
  if (l4_csum(ctx, 40, old, now, 0x10 | 0x20 | 4)) return 2;
  if (l3_csum(ctx, 24, old, now, 4)) return 2;
  return skb_store(ctx, 30, &now, 4, 0) ? 2 : 0;
}
/* The same by differences. */
SEC("tc/diff") int diff(struct packet *ctx) {
  u32 old, now = 0x0101a8c0;
  if (skb_load(ctx, 30, &old, 4)) return 2;
  s64 sum = csum_diff(&old, 4, &now, 4, 0);
  if (sum < 0 || l4_csum(ctx, 40, 0, sum, 0x10 | 0x20) || l3_csum(ctx, 24, 0, sum, 0)) return 2;
  return skb_store(ctx, 30, &now, 4, 0) ? 2 : 0;
}
SEC("socket") int first(struct packet *ctx) { return ctx->end - ctx->data > 20 ? 20 : 0; }
