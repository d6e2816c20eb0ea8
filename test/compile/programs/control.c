/* Control: switches, loops over every integer type, calls, function pointers, recursion. */
#include "matrix.h"

PROG(dense_switch)
{
	u64 sum = 0;

	for (u64 i = 0; i < len; i++) {
		u64 weight;

		switch (mem[i] & 15) {
		case 0: weight = 3; break;
		case 1: weight = 14; break;
		case 2: weight = 159; break;
		case 3: weight = 2653; break;
		case 4: weight = 58979; break;
		case 5: weight = 323846; break;
		case 6: weight = 2643383; break;
		case 7: weight = -1; break;
		case 9: weight = 1ul << 40; break;
		case 11: weight = i; break;
		default: weight = 7;
		}
		sum = sum * 3 + weight;
	}
	return sum;
}

PROG(sparse_switch)
{
	u64 sum = 0;

	for (u64 i = 0; i + 2 <= len; i++)
		switch (get16(mem + i)) {
		case 0: sum += 1; break;
		case 1: sum ^= 2; /* fall through */
		case 0xffff: sum += 1000; break;
		case 0x8000: sum *= 3; break;
		case 0x0302: sum -= 5; break;
		case 0x1000 ... 0x2fff: sum += i; break;
		case 0xf000 ... 0xfffe: sum ^= sum << 3; break;
		default: sum++;
		}
	return sum;
}

PROG(signed_switch)
{
	u64 sum = 0;

	for (u64 i = 0; i < len; i++)
		switch ((s8)mem[i]) {
		case -128: sum -= 4000; break;
		case -1: sum += 1; break;
		case 0: sum ^= 0x55; break;
		case 1 ... 50: sum += mem[i]; break;
		case -60 ... -40: sum -= (s8)mem[i]; break;
		default: sum = sum * 2 + 1;
		}
	return sum;
}

/* Four registers, eight operations. */
PROG(interpreter)
{
	u64 r[4] = { 1, 2, 3, len };
	u64 at = 0;

	for (int steps = 0; steps < 500 && at + 1 < len; steps++) {
		u8 code = mem[at], operand = mem[at + 1];
		u64 *to = &r[operand & 3], from = r[operand >> 2 & 3];

		at += 2;
		switch (code & 7) {
		case 0: *to += from; break;
		case 1: *to -= from + code; break;
		case 2: *to = *to * from + 1; break;
		case 3: *to ^= from << (operand >> 4); break;
		case 4: *to = from ? *to / from : 5; break;
		case 5:
			if ((s64)*to < (s64)from)
				at += code >> 3;
			break;
		case 6: *to = operand; break;
		case 7:
			if (*to & 1 && at > 8) {
				*to >>= 1;
				at -= 8;
			}
		}
	}
	return r[0] ^ r[1] * 3 ^ r[2] * 5 ^ r[3] * 7 ^ at;
}

#define LOOP(T, from, test, step) \
	for (T i = (T)(from); i test; step) \
		sum = sum * 3 + (u64)i + (mem[(u64)i % len] & 1);

PROG(loops_up)
{
	u64 sum = 0;
	u8 least = len > 0 ? mem[0] & 63 : 0;

	if (!len)
		return 0;
	LOOP(u8, least, < 200, i += 3)
	LOOP(s8, -100 + least, < 100, i += 5)
	LOOP(u16, 65000 + least, < 65500, i += 7)
	LOOP(s16, -32000 - least, < -31900, i++)
	LOOP(u32, 0xffffff00u + least, < 0xfffffffeu, i++)
	LOOP(s32, -50 - least, <= 50, i += 2)
	LOOP(u64, 0xfffffffful - least, < 0x100000020, i++)
	LOOP(s64, -3000000000l - least, != -2999999990l, i++)
	return sum;
}

PROG(loops_down)
{
	u64 sum = 0;
	u8 least = len > 0 ? mem[0] & 63 : 0;

	if (!len)
		return 0;
	LOOP(u8, 250 - least, > 3, i -= 3)
	LOOP(s8, 100, >= -100 + least, i -= 5)
	LOOP(u16, 300 + least, != 0, i--)
	LOOP(s16, 50, > -50 - least, i--)
	LOOP(u32, 0x80000040u, > 0x7ffffff0u + least, i--)
	LOOP(s32, 20, > -20 - least, i -= 2)
	LOOP(u64, 0x100000010, > 0xffffffe0ul + least, i--)
	LOOP(s64, 40, >= -40 - least, i -= 3)
	return sum;
}

PROG(nested_loops)
{
	u64 sum = 0;

	for (u32 i = 0; i < 20; i++) {
		for (u32 j = i; j < 20; j++) {
			if ((i ^ j) == len % 17)
				continue;
			for (u32 k = 0;; k++) {
				if (k * k > j + len)
					break;
				sum += i * j + k;
				if (sum % 1009 == 7)
					goto next;
			}
			sum ^= j;
		}
next:
		sum = sum * 3 + 1;
	}
	return sum;
}

/* A loop with two entries. */
PROG(irreducible)
{
	u64 i = 0, sum = len;

	if (len & 1)
		goto middle;
top:
	sum = sum * 5 + i;
middle:
	sum ^= sum >> 7;
	if (++i < len)
		goto top;
	return sum;
}

PROG(do_while)
{
	u32 n = len ? mem[0] : 27, steps = 0;

	do {
		n = n & 1 ? 3 * n + 1 : n / 2;
		steps++;
	} while (n > 1 && steps < 1000);
	return (u64)steps << 32 | n;
}

PROG(short_circuit)
{
	u64 sum = 0;

	for (u64 i = 0; i + 4 <= len; i++) {
		const u8 *p = mem + i;

		if ((p[0] > 10 && p[1] < 200) || (p[2] == p[3] && !(p[0] & 1)))
			sum += 3;
		else if (p[0] && (p[1] || p[2]) && p[3] != 7)
			sum ^= p[1];
		sum = sum * 2 + (p[0] < p[1] || p[1] < p[2]) + !!p[3];
	}
	return sum;
}

typedef u64 operation(u64 a, u64 b);

static NOINLINE u64 add(u64 a, u64 b) { return a + b; }
static NOINLINE u64 subtract(u64 a, u64 b) { return a - b; }
static NOINLINE u64 multiply(u64 a, u64 b) { return a * b; }
static NOINLINE u64 mix(u64 a, u64 b) { return (a ^ b << 3) + 1; }

operation *operations[4] = { add, subtract, multiply, mix };

PROG(function_table)
{
	u64 result = 1;

	for (u64 i = 0; i < len; i++) {
		result = operations[mem[i] & 3](result, i + 1);
		if (mem[i] == 0xff) {
			operation *first = operations[0];

			operations[0] = operations[3];
			operations[3] = first;
		}
	}
	return result;
}

static NOINLINE u64 fold(const u8 *mem, u64 len, operation *step, u64 start)
{
	for (u64 i = 0; i < len; i++)
		start = step(start, mem[i]);
	return start;
}

PROG(callbacks)
{
	operation *local[3];
	u64 result;

	local[len % 3] = add;
	local[(len + 1) % 3] = mix;
	local[(len + 2) % 3] = multiply;
	result = fold(mem, len, local[0], 1);
	return fold(mem, len, len & 1 ? local[1] : local[2], result);
}

static NOINLINE u64 ackermann(u64 m, u64 n)
{
	if (m == 0)
		return n + 1;
	return ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1));
}

static u64 is_odd(u64 n);
static NOINLINE u64 is_even(u64 n) { return n == 0 ? 1 : is_odd(n - 1) * 2; }
static NOINLINE u64 is_odd(u64 n) { return n == 0 ? 3 : is_even(n - 1) + 1; }

static NOINLINE u64 paths(u32 x, u32 y)
{
	u32 key[2] = { x, y };

	if (!key[0] || !key[1])
		return 1;
	return paths(key[0] - 1, key[1]) + paths(key[0], key[1] - 1) * (1 + (key[0] & 1));
}

PROG(recursion)
{
	u8 n = len ? mem[0] : 3;

	return ackermann(2, n & 7) * 1000000 + is_even(n & 31) * 1000 + paths(n & 3, n >> 2 & 3);
}

static NOINLINE s64 five(u64 a, s32 b, u16 c, s8 d, u8 e)
{
	return a + b * 3l + c * 5 + d * 7 + e * 11;
}

static NOINLINE s16 narrow(s32 x, u8 y) { return x * y; }
static NOINLINE s8 narrower(u64 x) { return x >> 3; }
static NOINLINE u32 unsigned_result(s64 x) { return x; }

PROG(arguments)
{
	u64 sum = 0;

	for (u64 i = 0; i + 8 <= len; i += 3) {
		u64 a = get64(mem + i);

		sum += five(a, a >> 5, a >> 9, a >> 13, a >> 17);
		sum ^= narrow(a, a >> 32);
		sum += narrower(a);
		sum ^= unsigned_result(sum);
	}
	return sum;
}

struct point {
	s32 x, y;
	u64 id;
};

static NOINLINE void advance(struct point *p, const struct point *by, u32 times)
{
	while (times--) {
		p->x += by->x;
		p->y -= by->y;
		p->id = p->id * 31 + (u32)p->x;
	}
}

static NOINLINE u64 walk(struct point *p, u8 how)
{
	struct point by = { how & 7, how >> 3, how };

	advance(p, &by, how & 3);
	if (how & 4)
		advance(&by, p, 1);
	return by.id;
}

PROG(frames)
{
	struct point p = { 1, 2, 3 };
	u64 sum = 0;

	for (u64 i = 0; i < len; i++) {
		p.x &= 0xffff;
		p.y &= 0xffff;
		sum += walk(&p, mem[i]);
	}
	return sum ^ p.id ^ (u64)p.y;
}

PROG(numbers_in_text)
{
	enum { START, SIGN, DIGITS, HEX, BAD } state = START;
	u64 value = 0, sum = 0;
	int negative = 0;

	for (u64 i = 0; i <= len; i++) {
		u8 c = i < len ? mem[i] & 0x7f : ' ';

		if (c <= ' ' || c == ',') {
			if (state == DIGITS || state == HEX)
				sum = sum * 7 + (negative ? -value : value);
			state = START, value = 0, negative = 0;
		} else if (c == '-' && state == START) {
			state = SIGN, negative = 1;
		} else if (c >= '0' && c <= '9' && state != BAD) {
			value = value * (state == HEX ? 16 : 10) + (c - '0');
			if (state != HEX)
				state = DIGITS;
		} else if (c == 'x' && state == DIGITS && !value) {
			state = HEX;
		} else if ((c | 32) >= 'a' && (c | 32) <= 'f' && state == HEX) {
			value = value * 16 + ((c | 32) - 'a' + 10);
		} else {
			state = BAD;
			sum++;
		}
	}
	return sum;
}

PROG(sieve)
{
	u64 composite[8] = { 3 };
	u32 limit = 64 + len % 440, count = 0;

	for (u32 i = 2; i * i < limit; i++)
		if (!(composite[i >> 6] >> (i & 63) & 1))
			for (u32 k = i * i; k < limit; k += i)
				composite[k >> 6] |= 1ul << (k & 63);
	for (u32 i = 0; i < limit; i++)
		count += !(composite[i >> 6] >> (i & 63) & 1);
	return composite[1] ^ count;
}

PROG(binary_search)
{
	u64 found = 0;

	for (u32 i = 0; i < len; i++)
		mem[i] = i * 255 / len;
	for (u32 wanted = 0; wanted < 256; wanted += 5) {
		s32 low = 0, high = (s32)len - 1;

		while (low <= high) {
			s32 middle = (low + high) >> 1;

			if (mem[middle] == wanted) {
				found = found * 3 + middle;
				break;
			}
			if (mem[middle] < wanted)
				low = middle + 1;
			else
				high = middle - 1;
		}
	}
	return found;
}
