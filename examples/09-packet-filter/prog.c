#include "../runbpf.h"

enum { ETHERTYPE_IPV4 = 0x0800, UDP = 17, DNS = 53 };

static u16 be16(const u8 *at)
{
	return at[0] << 8 | at[1];
}

/* Context "mem": 1 for a DNS query or answer over UDP and IPv4, else 0. */
SEC("filter/dns")
int dns(const u8 *packet, u64 length)
{
	if (length < 14 + 20 || be16(packet + 12) != ETHERTYPE_IPV4)
		return 0;

	const u8 *ip = packet + 14;
	u64 header = (ip[0] & 15) * 4;

	if (ip[0] >> 4 != 4 || header < 20 || ip[9] != UDP)
		return 0;
	if (be16(ip + 6) & 0x1fff) /* a later fragment has no UDP header */
		return 0;
	if (length < 14 + header + 8)
		return 0;

	const u8 *udp = ip + header;

	return be16(udp) == DNS || be16(udp + 2) == DNS;
}
