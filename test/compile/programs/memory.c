/* Memory: packets, structures, unions, bit-fields, strings, copies, globals, the stack. */
#include "matrix.h"

struct header {
	u8 version_ihl, tos;
	u16 length, id, fragment;
	u8 ttl, protocol;
	u16 check;
	u32 source, target;
} __attribute__((packed));

PROG(packet)
{
	struct header ip;
	u64 at = 14;

	if (len < at + sizeof ip)
		return 1;
	copy(&ip, mem + at, sizeof ip);
	at += (ip.version_ihl & 15) * 4;
	if (at + 4 > len)
		return 2 + (ip.protocol == 6);
	u16 from = __builtin_bswap16(get16(mem + at)), to = __builtin_bswap16(get16(mem + at + 2));

	return (u64)from << 48 | (u64)to << 32 | ((__builtin_bswap32(ip.source) ^ ip.target) + ip.ttl);
}

PROG(internet_checksum)
{
	u32 sum = 0;
	u64 i = 0;

	for (; i + 1 < len; i += 2)
		sum += mem[i] << 8 | mem[i + 1];
	if (i < len)
		sum += mem[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (u16)~sum;
}

struct item {
	u32 key;
	s16 weight;
	u8 tag[3];
	u64 value;
};

static NOINLINE void sort_items(struct item *items, u32 count)
{
	for (u32 i = 1; i < count; i++) {
		struct item one = items[i];
		u32 j = i;

		for (; j > 0 && items[j - 1].key > one.key; j--)
			items[j] = items[j - 1];
		items[j] = one;
	}
}

PROG(structures)
{
	struct item items[12];
	u32 count = 0;
	u64 sum = 0;

	fill(items, 0, sizeof items);
	for (u64 i = 0; i + 8 <= len && count < 12; i += 8, count++) {
		items[count].key = get32(mem + i) & 0xffff;
		items[count].weight = get16(mem + i + 4);
		copy(items[count].tag, mem + i + 5, 3);
		items[count].value = i;
	}
	sort_items(items, count);
	for (u32 i = 0; i < count; i++)
		sum = sum * 31 + items[i].key + items[i].weight * 3 + items[i].tag[i % 3] + items[i].value;
	return sum;
}

struct __attribute__((packed)) unaligned {
	u8 a;
	u64 b;
	u16 c;
	u32 d;
	s8 e;
};

PROG(packed_structure)
{
	u64 sum = 0;

	for (u64 i = 0; i + sizeof(struct unaligned) <= len; i += sizeof(struct unaligned)) {
		struct unaligned *at = (struct unaligned *)(mem + i);

		at->b += at->a;
		at->c ^= at->d;
		at->d = at->d * 3 + at->e;
		sum += at->b ^ at->c ^ (u64)at->d << 20;
	}
	return sum;
}

struct fields {
	u32 a : 3, b : 7, c : 14;
	s32 d : 5;
	s64 e : 33;
	u64 f : 20;
};

PROG(bit_fields)
{
	struct fields x = { 0 };
	u64 sum = 0;

	for (u64 i = 0; i < len; i++) {
		x.a += mem[i];
		x.b ^= mem[i] >> 1;
		x.c = x.c * 3 + x.a;
		x.d = x.d + (s8)mem[i];
		x.e = (s64)((u64)x.e << 1) ^ x.d;
		x.f += x.b + x.c;
		sum = sum * 5 + x.a + x.b + x.c + x.d + x.e + x.f;
	}
	return sum;
}

union word {
	u64 whole;
	u32 half[2];
	u16 quarter[4];
	u8 byte[8];
};

PROG(unions)
{
	union word w = { .whole = len };

	for (u64 i = 0; i < len; i++) {
		w.byte[i & 7] += mem[i];
		w.quarter[(i >> 1) & 3] ^= w.half[i & 1];
		w.half[1] -= w.quarter[0];
	}
	return w.whole;
}

#define COPY(n) \
	if (len >= (n)) { \
		u8 block[n]; \
		copy(block, mem, n); \
		block[(n) / 2] ^= 0x5a; \
		copy(mem + len - (n), block, n); \
		sum = sum * 31 + block[(n)-1]; \
	}

PROG(copies)
{
	u64 sum = 0;

	COPY(1)
	COPY(2)
	COPY(3)
	COPY(5)
	COPY(8)
	COPY(13)
	COPY(16)
	COPY(31)
	COPY(64)
	return sum;
}

#define FILL(n, byte) \
	if (len >= 2 * (n)) { \
		u8 block[n]; \
		fill(block, byte, n); \
		block[0]++; \
		copy(mem + (n), block, n); \
		fill(mem, (byte) + 1, (n) / 2); \
		sum = sum * 31 + block[(n) / 2] + mem[(n)-1]; \
	}

PROG(fills)
{
	u64 sum = 0;

	FILL(1, 0)
	FILL(4, 0xff)
	FILL(7, 3)
	FILL(8, 0x80)
	FILL(24, 0)
	FILL(63, 0xa5)
	return sum;
}

PROG(variable_sizes)
{
	u64 n = len / 3, sum = 0;

	if (len < 6)
		return len;
	move_any(mem + 1, mem, len - 2);
	move_any(mem, mem + 2, n);
	copy_any(mem + 2 * n, mem, n);
	fill_any(mem + n, mem[0], n / 2 + 1);
	sum = compare_any(mem, mem + 2 * n, n) != 0;
	sum = sum * 2 + (compare_any(mem, mem + 1, n) < 0);
	return sum * 256 + mem[len - 1];
}

static const char digits[] = "0123456789abcdef";

static NOINLINE u32 format(char *to, u64 value, u32 base)
{
	char reverse[64];
	u32 count = 0, out = 0;

	do {
		reverse[count++] = digits[value % base];
		value /= base;
	} while (value && count < 64);
	while (count)
		to[out++] = reverse[--count];
	to[out] = 0;
	return out;
}

PROG(strings)
{
	char text[80];
	u64 sum = 0;

	fill(text, 0, 8);
	for (u64 i = 0; i + 8 <= len; i += 8) {
		u32 base = 2 + (mem[i] & 15) % 15;
		u32 size = format(text, get64(mem + i), base);
		u64 back = 0;

		for (u32 k = 0; text[k]; k++)
			back = back * base + (text[k] <= '9' ? text[k] - '0' : text[k] - 'a' + 10);
		sum = sum * 7 + size + (back == get64(mem + i));
		put64(mem + i, get64((u8 *)text));
	}
	return sum;
}

static const char *const words[] = { "zero", "one", "two", "three", "four", "five", "six", "seven" };

PROG(string_table)
{
	u64 sum = 0;

	for (u64 i = 0; i < len; i++) {
		const char *word = words[mem[i] & 7];

		for (u32 k = 0; word[k]; k++)
			sum = sum * 33 + word[k];
	}
	return sum;
}

PROG(base64)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	u64 sum = 0;

	for (u64 i = 0; i + 3 <= len; i += 3) {
		u32 bits = mem[i] << 16 | mem[i + 1] << 8 | mem[i + 2];

		for (int k = 18; k >= 0; k -= 6)
			sum = sum * 131 + alphabet[bits >> k & 63];
	}
	return sum;
}

PROG(run_lengths)
{
	u8 out[128];
	u32 at = 0;

	for (u64 i = 0; i < len && at + 2 <= sizeof out;) {
		u64 run = 1;

		while (i + run < len && run < 255 && mem[i + run] == mem[i])
			run++;
		out[at++] = run;
		out[at++] = mem[i];
		i += run;
	}
	for (u32 i = 0; i < at && i < len; i++)
		mem[i] = out[i];
	return at;
}

u64 total = 17;
u32 counts[16];
static s16 deltas[4] = { -1, 2, -300, 4000 };
static const u32 primes[16] = { 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53 };
u8 flag;

PROG(globals)
{
	static u64 calls;

	calls++;
	for (u64 i = 0; i < len; i++) {
		counts[mem[i] & 15] += primes[mem[i] >> 4];
		deltas[i & 3] += (s8)mem[i];
		total += (u64)deltas[mem[i] & 3];
		flag ^= mem[i];
	}
	for (int i = 0; i < 16; i++)
		total = total * 3 + counts[i];
	return total + calls * 1000 + flag;
}

PROG(atomic_add)
{
	u64 sum = 0;
	u32 half = 5;

	for (u64 i = 0; i < len; i++) {
		__sync_fetch_and_add(&sum, mem[i] * 3ul);
		__sync_fetch_and_add(&half, mem[i] - 256u);
	}
	return sum ^ (u64)half << 32;
}

PROG(matrix)
{
	s32 a[4][4], b[4][4], c[4][4];
	u64 sum = 0;

	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++) {
			a[i][j] = len > 16 ? (s8)mem[4 * i + j] : i - j;
			b[j][i] = a[i][j] + i;
		}
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++) {
			c[i][j] = 0;
			for (int k = 0; k < 4; k++)
				c[i][j] += a[i][k] * b[k][j];
		}
	for (int i = 0; i < 16; i++)
		sum = sum * 17 + (u64)c[i & 3][i >> 2];
	return sum;
}

struct node {
	u16 key;
	u8 left, right;
};

PROG(tree)
{
	struct node nodes[48];
	u32 count = 1;
	u64 depths = 0;

	if (len < 2)
		return 0;
	nodes[0] = (struct node){ get16(mem), 0, 0 };
	for (u64 i = 1; i + 1 < len && count < 48; i++) {
		u16 key = get16(mem + i);
		u32 at = 0, depth = 1;

		for (;;) {
			u8 *next = key < nodes[at].key ? &nodes[at].left : &nodes[at].right;

			if (key == nodes[at].key)
				break;
			if (!*next) {
				*next = count;
				nodes[count++] = (struct node){ key, 0, 0 };
				break;
			}
			at = *next;
			depth++;
		}
		depths = depths * 3 + depth;
	}
	return depths + count;
}

PROG(heap_sort)
{
	u64 n = len / 2;

	for (u64 i = 1; i < n; i++)
		for (u64 k = i; k > 0 && get16(mem + 2 * ((k - 1) / 2)) < get16(mem + 2 * k); k = (k - 1) / 2) {
			u16 swap = get16(mem + 2 * k);

			put16(mem + 2 * k, get16(mem + (k - 1) / 2 * 2));
			put16(mem + (k - 1) / 2 * 2, swap);
		}
	for (u64 end = n; end-- > 1;) {
		u16 moved = get16(mem + 2 * end);
		u64 k = 0;

		put16(mem + 2 * end, get16(mem));
		for (;;) {
			u64 child = 2 * k + 1;

			if (child >= end)
				break;
			if (child + 1 < end && get16(mem + 2 * child) < get16(mem + 2 * child + 2))
				child++;
			if (get16(mem + 2 * child) <= moved)
				break;
			put16(mem + 2 * k, get16(mem + 2 * child));
			k = child;
		}
		put16(mem + 2 * k, moved);
	}
	for (u64 i = 1; i < n; i++)
		if (get16(mem + 2 * i - 2) > get16(mem + 2 * i))
			return i;
	return n ? get16(mem) : 99;
}

static NOINLINE void step(u64 *a, u32 *b, u8 *c, const u8 *mem)
{
	*a += *b * 3ul + *mem;
	*b ^= *c << 9;
	*c += *a >> 5;
}

PROG(escaping_locals)
{
	u64 a = 1;
	u32 b = 2;
	u8 c = 3;

	for (u64 i = 0; i < len; i++)
		step(&a, &b, &c, mem + i);
	return a ^ b ^ c;
}

PROG(pressure)
{
	u64 a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8;
	u64 i0 = 9, j = 10, k = 11, l = 12, m = 13, n = 14, o = 15, p = 16;

	for (u64 i = 0; i + 8 <= len; i += 8) {
		a += get64(mem + i) ^ p;
		b ^= a * 3, c += b >> 1, d ^= c + a, e += d * 5, f ^= e - b, g += f | c, h ^= g & d;
		i0 += h ^ e, j ^= i0 + f, k += j ^ g, l ^= k + h, m += l * 7, n ^= m - i0, o += n ^ j, p ^= o + k;
	}
	return a ^ b ^ c ^ d ^ e ^ f ^ g ^ h ^ i0 ^ j ^ k ^ l ^ m ^ n ^ o ^ p;
}

PROG(pointers)
{
	const u8 *low = mem, *high = mem + len;
	u64 moves = 0;

	while (low < high) {
		u8 *other = (u8 *)high - 1;

		if (*low & 1) {
			*other ^= *low;
			high--;
		} else
			low++;
		moves = moves * 3 + (u64)(high - low);
	}
	return moves + (low == mem) + 2 * (high - mem);
}
