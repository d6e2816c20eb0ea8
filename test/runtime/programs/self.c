/* Asks its host to replace it, in the middle of a call. */
#include "../../../examples/runbpf.h"

HELPER(3000000, void, replace_me, void);
u64 number;

SEC("go/self") u64 go(void) {
  replace_me();
  return ++number;
}
