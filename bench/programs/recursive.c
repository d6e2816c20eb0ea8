#include "bench.h"

static NOINLINE u64 fib(u64 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
PROG { return fib(12 + (mem[0] & 1)); }
