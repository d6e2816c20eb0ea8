/* Context xdp: checks against data_end. */
#include "pairs.h"
#define PAIR(name) PAIR_OF(name, (struct xdp_md *ctx), (ctx))

struct xdp_md {
	u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

struct eth {
	u8 to[6], from[6];
	u16 proto;
};

struct ip {
	u8 ihl : 4, version : 4, tos;
	u16 length, id, fragment;
	u8 ttl, protocol;
	u16 check;
	u32 from, to;
};

struct tcp {
	u16 from, to;
	u32 seq, ack;
	u16 flags, window, check, urgent;
};

#define DATA u8 *data = (u8 *)(long)ctx->data, *end = (u8 *)(long)ctx->data_end
#define VERDICT(x) ((x) ? 2 : 1)

PAIR(ethernet)
{
	DATA;

	if (data + 14 - bad > end)
		return 1;
	return VERDICT(((struct eth *)data)->proto == 8);
}

PAIR(ethernet_below)
{
	DATA;

	if (end < data + 14 - bad)
		return 1;
	return VERDICT(((struct eth *)data)->proto == 8);
}

PAIR(ethernet_inside)
{
	DATA;

	if (data + 14 - bad <= end)
		return VERDICT(((struct eth *)data)->proto == 8);
	return 1;
}

PAIR(length)
{
	DATA;

	if (end - data < 34 - bad)
		return 1;
	return VERDICT(data[33]);
}

PAIR(headers)
{
	DATA;
	struct eth *eth = (void *)data;
	struct ip *ip = (void *)(eth + 1);
	struct tcp *tcp;

	if ((u8 *)(eth + 1) > end || eth->proto != 8)
		return 1;
	if ((u8 *)(ip + 1) > end || ip->protocol != 6)
		return 1;
	tcp = (void *)((u8 *)ip + ip->ihl * 4);
	if ((u8 *)(tcp + 1) - bad > end)
		return 1;
	return VERDICT(tcp->to == 80 && tcp->urgent == 0);
}

PAIR(tags)
{
	DATA;
	u8 *at = data + 12;
	u16 proto;

	if (at + 2 > end)
		return 1;
	proto = *(u16 *)at;
#pragma unroll
	for (int i = 0; i < 2; i++) {
		if (proto != 0x0081)
			break;
		at += 4;
		if (at + 2 - bad > end)
			return 1;
		proto = *(u16 *)at;
	}
	return VERDICT(proto == 8);
}

PAIR(each_of_64)
{
	DATA;
	u32 sum = 0;

	for (int i = 0; i < 64; i++) {
		if (data + i + 1 - bad > end)
			break;
		sum += data[i];
	}
	return VERDICT(sum);
}

PAIR(each_byte)
{
	DATA;
	u32 sum = 0;

	for (u8 *at = data; at + 1 <= end; at++)
		sum += bad ? at[1] : at[0];
	return VERDICT(sum);
}

PAIR(swap_addresses)
{
	DATA;

	if (data + 12 - bad > end)
		return 1;
	for (int i = 0; i < 6; i++) {
		u8 t = data[i];

		data[i] = data[i + 6];
		data[i + 6] = t;
	}
	return 3;
}

PAIR(offset_in_packet)
{
	DATA;
	u32 at;

	if (data + 14 > end)
		return 1;
	at = *(u16 *)(data + 12) & 0x3ff;
	if (data + at + 4 - bad > end)
		return 1;
	return VERDICT(*(u32 *)(data + at));
}

PAIR(metadata)
{
	u8 *data = (u8 *)(long)ctx->data, *meta = (u8 *)(long)ctx->data_meta;

	if (meta + 4 - bad > data)
		return 1;
	return VERDICT(*(u32 *)meta);
}

struct cursor {
	u8 *at, *end;
};

INLINE u8 *take(struct cursor *c, u64 n)
{
	u8 *at = c->at;

	if (at + n > c->end)
		return 0;
	c->at = at + n;
	return at;
}

PAIR(cursor)
{
	struct cursor c = { (u8 *)(long)ctx->data, (u8 *)(long)ctx->data_end };
	u8 *eth = take(&c, 14), *ip, *rest;

	if (!eth)
		return 1;
	ip = take(&c, 20);
	if (!ip)
		return 1;
	rest = take(&c, 8 - bad);
	return rest ? VERDICT(*(u64 *)rest + ip[9] + eth[12]) : 1;
}

NOINLINE int is_tcp(u8 *ip, u8 *end)
{
	return ip + 20 > end ? 0 : ip[9] == 6;
}

PAIR(function_with_packet)
{
	DATA;

	if (data + 14 - bad > end)
		return 1;
	return VERDICT(data[13] == 0 && is_tcp(data + 14, end));
}
