/* Every kind of data: .bss, .data, .rodata, strings, constants with pointers, common and static variables. */
#include "bpf.h"

u64 zeros[4];
u64 tentative;
static u64 hidden[2];
int initialised = 7;
static int hidden_initialised[3] = {1, 2, 3};
const int numbers[5] = {10, 20, 30, 40, 50};
const char *const names[] = {"zero", "one", "two"};
const char *chosen = "start";
int *pointer = &hidden_initialised[1];
u64 unused_data = 99;
SEC(".data.extra") u64 extra = 0x1122334455667788;
SEC(".rodata.config") const volatile u32 config = 42;

u64 run(u64 x) {
  zeros[x & 3] += x;
  tentative += 1;
  hidden[x & 1] ^= x;
  initialised += 1;
  hidden_initialised[x & 1] += 2;
  chosen = names[x & 1];
  extra += config;
  return zeros[1] + hidden[1] + numbers[x & 3] + names[x & 1][0] + *pointer + chosen[1];
}
