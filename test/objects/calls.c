/* Every way to call a function: in .text, in another section, by name, through pointers. */
#include "bpf.h"

extern int puts(const char *text);
extern int my_extern(int x);
static int (*get_prandom)(void) = (void *)7;
static long (*loop)(u32 n, void *callback, void *context, u64 flags) = (void *)181;

u64 counter;

static NOINLINE u64 leaf(u64 x) { return x * 3 + counter; }
NOINLINE u64 middle(u64 x) { return leaf(x) + leaf(x + 1); }
NOINLINE u64 unused(u64 x) { return leaf(x) * 7; }
__attribute__((weak)) NOINLINE u64 weak_one(u64 x) { return x ^ counter; }
static SEC("helpers") NOINLINE u64 elsewhere(u64 x) { return middle(x) ^ 5; }

static u64 by_pointer(u64 x) { return x + counter; }
static u64 by_pointer2(u64 x) { return x - counter; }
u64 (*table[2])(u64) = {by_pointer, middle};

static long callback(u64 i, void *context) { return *(u64 *)context += i + counter, 0; }

SEC("first") u64 one(u64 x) {
  puts("hello");
  return elsewhere(x) + weak_one(x) + my_extern(x);
}

SEC("first") u64 two(u64 x) {
  u64 sum = get_prandom();
  loop(10, callback, &sum, 0);
  return sum + table[x & 1](x);
}

SEC("third") u64 three(u64 x, u64 y) {
  u64 (*f)(u64) = x & 1 ? by_pointer : by_pointer2;
  return f(y);
}

char _license[] SEC("license") = "MIT";
