/* Settings as global variables: constants that the host sets before it loads the program, and variables it may change. */
#include "../runbpf.h"

const volatile u32 limit = 10;
const volatile char name[8] = "default";
u64 rejected;

SEC("tcmd/check")
int check(int argc, char **argv) {
  int value = argc > 1 ? atoi(argv[1]) : 0;
  char who[8];
  for (int i = 0; i < 8; i++) who[i] = name[i];
  who[7] = 0;
  if (value > (int)limit) {
    rejected++;
    printf("%s: %d is above %u\n", who, value, limit);
    return 1;
  }
  printf("%s: %d is fine\n", who, value);
  return 0;
}
