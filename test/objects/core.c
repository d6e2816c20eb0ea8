/* A CO-RE relocation in one program, none in the other. */
#include "bpf.h"

struct task {
  int pid;
  u64 start;
} __attribute__((preserve_access_index));

SEC("core") u64 needs_core(struct task *task) { return task->start; }
SEC("other") u64 plain(u64 x) { return x + 1; }
