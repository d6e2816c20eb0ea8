/* What the sources here share. */
#define SEC(name) __attribute__((section(name), used))
#define NOINLINE __attribute__((noinline))
#define __uint(name, value) int(*name)[value]
#define __type(name, type) type *name
#define __array(name, type) __typeof__(type) *name[]

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;
