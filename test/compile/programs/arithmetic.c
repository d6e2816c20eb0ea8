/* Numbers: every width, sign, division, shift, comparison. */
#include "matrix.h"

PROG(mix64)
{
	u64 h = len * 0x9e3779b97f4a7c15;

	for (u64 i = 0; i + 8 <= len; i += 8) {
		u64 k = get64(mem + i);

		k ^= k >> 33;
		k *= 0xff51afd7ed558ccd;
		k ^= k >> 29;
		h = (h << 27 | h >> 37) ^ k;
		h = h * 5 + 0x52dce729;
	}
	return h;
}

PROG(mix32)
{
	u32 a = len, b = 0xdeadbeef, c = 0x80000000;

	for (u64 i = 0; i + 4 <= len; i += 4) {
		a += get32(mem + i);
		b ^= a << 14 | a >> 18;
		c -= b * 33;
		a = ~c + (b >> 3);
		put32(mem + i, a ^ c);
	}
	return (u64)a << 32 | (b ^ c);
}

PROG(mix16)
{
	u16 a = 1, b = len;
	s16 c = -3;

	for (u64 i = 0; i + 2 <= len; i += 2) {
		a = a * 31 + get16(mem + i);
		b = b - a;
		c = (s16)(c ^ (b >> 2)) >> 1;
		a += (u16)c;
	}
	return (u64)a << 32 | (u64)b << 16 | (u16)c | (u64)(s64)c << 48;
}

PROG(mix8)
{
	u8 a = 7, b = len;
	s8 c = -1;
	u64 sum = 0;

	for (u64 i = 0; i < len; i++) {
		a = a * 5 + mem[i];
		b = (u8)(b << 1) | b >> 7;
		c = (s8)(c + a);
		sum += c;
		mem[i] = a ^ b ^ (u8)c;
	}
	return sum;
}

PROG(divide_unsigned)
{
	u64 sum = 0;

	for (u64 i = 0; i + 16 <= len; i += 8) {
		u64 a = get64(mem + i), b = get64(mem + i + 8) | 1;

		sum += a / b + a % (b >> 40 | 1);
		sum = (sum << 1) + (u32)a / ((u32)b | 1) + (u32)(a >> 32) % ((u32)b | 2);
		sum ^= (u16)a / ((u16)b | 1u);
		sum ^= (u64)((u8)a % ((u8)b | 1u)) << 8;
	}
	return sum;
}

PROG(divide_constant)
{
	u64 sum = 0;

	for (u64 i = 0; i + 8 <= len; i += 8) {
		u64 a = get64(mem + i);
		u32 n = a;

		sum = sum * 3 + a / 3 + a % 7 + a / 10 + a % 1000 + a / 65537 + a % 4294967297 + a / 64 + a % 4096;
		sum ^= (u64)(n / 3 + n % 7 + n / 10 + n % 255 + n / 0x80000001 + n / 32 + n % 1024) << 5;
		sum += (u16)n / 10 + (u8)n % 10;
	}
	return sum;
}

PROG(divide_signed)
{
	u64 sum = 0;

	for (u64 i = 0; i + 16 <= len; i += 8) {
		s64 a = get64(mem + i), b = get64(mem + i + 8);
		s32 c = a, d = b;

		if (b != 0 && b != -1)
			sum = sum * 7 + sdiv(a, b) + ((u64)smod(a, b) << 1);
		if (d != 0 && d != -1)
			sum = sum * 5 + SDIV32(c, d) + ((u64)SMOD32(c, d) << 20);
		sum += sdiv(a, 10) ^ smod(a, 7) ^ sdiv(a, -16) ^ SDIV32(c, 1000) ^ SMOD32(c, 8);
		if ((s8)d > 0)
			sum -= SDIV32((s16)c, (s8)d);
	}
	return sum;
}

PROG(shifts)
{
	u64 sum = len;

	for (u64 i = 0; i + 9 <= len; i += 3) {
		u64 a = get64(mem + i);
		u32 n = a;
		u8 by = mem[i + 8];

		sum += a << (by & 63) ^ a >> (by & 63);
		sum ^= (u64)((s64)a >> (by & 63));
		sum += n << (by & 31) ^ n >> (by & 31);
		sum ^= (u64)(s64)((s32)n >> (by & 31));
		sum += a << (by & 63) | a >> (-by & 63); /* rotate */
		sum ^= n << (by & 31) | n >> (-by & 31);
		sum += (s64)(s8)n >> 3 ^ (s64)(s16)n >> 5;
	}
	return sum;
}

#define COMPARE(T, x, y) \
	bits = bits * 2 + ((T)(x) < (T)(y)); \
	bits = bits * 2 + ((T)(x) <= (T)(y)); \
	bits = bits * 2 + ((T)(x) == (T)(y)); \
	if ((T)(x) > (T)(y)) \
		bits += 0x101; \
	if ((T)(x) >= (T)(y)) \
		bits ^= 0x7000

PROG(compares)
{
	u64 bits = 0;

	for (u64 i = 0; i + 9 <= len; i++) {
		u64 a = get64(mem + i), b = get64(mem + i + 1);

		COMPARE(u64, a, b);
		COMPARE(s64, a, b);
		COMPARE(u32, a, b);
		COMPARE(s32, a, b);
		COMPARE(u16, a, b);
		COMPARE(s16, a, b);
		COMPARE(u8, a, b);
		COMPARE(s8, a, b);
		bits = bits << 13 | bits >> 51;
	}
	return bits;
}

PROG(compare_constants)
{
	u64 bits = 0;

	for (u64 i = 0; i + 8 <= len; i++) {
		u64 a = get64(mem + i);

		COMPARE(u64, a, 0x7fffffff);
		COMPARE(u64, a, 0x80000000);
		COMPARE(u64, a, 0xffffffff80000000);
		COMPARE(s64, a, -1);
		COMPARE(s64, a, -2147483648l);
		COMPARE(u32, a, 0x80000000);
		COMPARE(u32, a, 0xffffff00);
		COMPARE(s32, a, -128);
		COMPARE(u16, a, 0xfffe);
		COMPARE(s8, a, -1);
		if (a & 0x80000000)
			bits += 3;
		if ((u32)a & 0x80000001)
			bits ^= 5;
		bits = bits << 11 | bits >> 53;
	}
	return bits;
}

#define LEAST(a, b) ((a) < (b) ? (a) : (b))
#define MOST(a, b) ((a) > (b) ? (a) : (b))

PROG(select)
{
	u64 low = -1, high = 0;
	s64 least = 0, most = 0;
	s32 saturated = 0;

	for (u64 i = 0; i + 8 <= len; i += 4) {
		u64 a = get64(mem + i);
		s64 next = (s64)saturated + (s32)a;

		low = LEAST(low, a);
		high = MOST(high, a);
		least = LEAST(least, (s64)a);
		most = MOST(most, (s64)a);
		saturated = next > 0x7fffffff ? 0x7fffffff : next < -0x80000000l ? -0x7fffffff - 1 : (s32)next;
		low += (a & 1) ? (a >> 60) : ((s64)a < 0 ? 2 : 3);
	}
	return low ^ high * 3 ^ (u64)least * 5 ^ (u64)most * 7 ^ (u64)(s64)saturated;
}

/* clang 14 has no __builtin_clz for BPF. */
static inline u32 leading_zeros(u64 x)
{
	u32 n = 0;

	for (u32 by = 32; by; by >>= 1)
		if (!(x >> (64 - by))) {
			n += by;
			x <<= by;
		}
	return n;
}

PROG(bits)
{
	u64 sum = 0;

	for (u64 i = 0; i + 8 <= len; i += 5) {
		u64 a = get64(mem + i) | 1;
		u32 n = a;

		sum = sum * 65 + __builtin_popcountll(a) + __builtin_ctzll(a) + leading_zeros(a);
		sum = sum * 33 + __builtin_popcount(n) + leading_zeros(n);
		sum ^= __builtin_bswap64(a) + __builtin_bswap32(n) + __builtin_bswap16(n);
		sum += __builtin_parityll(a);
		n = (n >> 1 & 0x55555555) | (n & 0x55555555) << 1;
		n = (n >> 2 & 0x33333333) | (n & 0x33333333) << 2;
		sum ^= n;
	}
	return sum;
}

PROG(wide_multiply)
{
	u64 high = 0, low = 0;

	for (u64 i = 0; i + 16 <= len; i += 8) {
		u64 a = get64(mem + i), b = get64(mem + i + 8);
		u64 p = (u64)(u32)a * (u32)b, q = (a >> 32) * (u32)b, r = (u32)a * (b >> 32);
		u64 middle = (p >> 32) + (u32)q + (u32)r;

		high += (a >> 32) * (b >> 32) + (q >> 32) + (r >> 32) + (middle >> 32);
		low ^= a * b;
		high ^= (u64)((s64)(s32)a * (s32)b);
	}
	return high ^ low;
}

PROG(modular_power)
{
	u64 base = len + 2, result = 1;
	u32 exponent = len > 3 ? get32(mem) : 77;

	for (; exponent; exponent >>= 1) {
		if (exponent & 1)
			result = result * base % 1000000007;
		base = base * base % 1000000007;
	}
	return result;
}

PROG(square_root)
{
	u64 sum = 0;

	for (u64 i = 0; i + 8 <= len; i += 8) {
		u64 n = get64(mem + i), root = 0, bit = 1ul << 62;

		while (bit > n)
			bit >>= 2;
		for (; bit; bit >>= 2) {
			if (n >= root + bit) {
				n -= root + bit;
				root = (root >> 1) + bit;
			} else
				root >>= 1;
		}
		sum += root;
	}
	return sum;
}

PROG(extend)
{
	u64 sum = 0;

	for (u64 i = 0; i + 8 <= len; i++) {
		u64 a = get64(mem + i);

		sum += (s64)(s8)a * 3 + (s64)(s16)(a >> 8) * 5 + (s64)(s32)(a >> 16) * 7;
		sum ^= (s64)(s32)(s8)(a >> 24) + (u32)(s16)a + (u64)(u8)(s32)a + (u32)(s8)a;
		sum += *(s8 *)(mem + i) * 2;
		sum -= (s64)(a << 20) >> 41;
		sum ^= (u16)(s8)a;
		sum += (s32)((u32)a << 8) >> 24;
	}
	return sum;
}

PROG(constants)
{
	u64 a = len;

	a += 0x7fffffff;
	a -= 0x80000000;
	a ^= 0xffffffff80000000;
	a |= 0x100000000;
	a &= 0xfffffffffffffff0;
	a *= -3;
	a += 0x123456789abcdef0;
	if (len > 4)
		a ^= get32(mem) * 0xfffffffdu;
	return a - 0x8000000000000000;
}

PROG(fixed_point)
{
	s64 x = 0, y = 65536, sum = 0;

	for (u64 i = 0; i < len; i++) {
		s64 nx = (x * 65000 - y * (s8)mem[i]) >> 16;

		y = (y * 65000 + x * (s8)mem[i]) >> 16;
		x = nx;
		sum += x ^ y;
	}
	return sum;
}

PROG(checksums)
{
	u32 crc = -1, a = 1, b = 0;
	u64 fnv = 0xcbf29ce484222325;

	for (u64 i = 0; i < len; i++) {
		crc ^= mem[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (0xedb88320 & -(crc & 1));
		a = (a + mem[i]) % 65521;
		b = (b + a) % 65521;
		fnv = (fnv ^ mem[i]) * 0x100000001b3;
	}
	return fnv ^ (u64)~crc << 32 ^ (b << 16 | a);
}
