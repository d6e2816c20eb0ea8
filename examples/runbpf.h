/* What a program for runbpf needs: sections, integer types, helpers by name. Requires clang -target bpf. */
#pragma once

#define SEC(name) __attribute__((section(name), used))
#define NOINLINE __attribute__((noinline))

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef signed int s32;
typedef signed long s64;

/* A helper by its id: HELPER(2000001, u64, reading, u64 channel); */
#define HELPER(id, result, name, ...) static result (*const name)(__VA_ARGS__) = (result (*)(__VA_ARGS__))(id)

/* Helpers by name: helpers/README.md lists all of them. At most five arguments in all. */
extern int printf(const char *format, ...);
extern int puts(const char *text);
extern int atoi(const char *text);
extern int strcmp(const char *a, const char *b);
extern int strncmp(const char *a, const char *b, u64 size);
extern u64 strlen(const char *text);
extern void *memcpy(void *to, const void *from, u64 size);
extern void *memmove(void *to, const void *from, u64 size);
extern void *memset(void *to, int byte, u64 size);
extern int memcmp(const void *a, const void *b, u64 size);
extern void *malloc(u64 size);
extern void *realloc(void *memory, u64 size);
extern void free(void *memory);
extern const char *getenv(const char *name);

/* Helpers with Linux's numbers. */
HELPER(5, u64, bpf_ktime_get_ns, void);
HELPER(7, u32, bpf_get_prandom_u32, void);
HELPER(14, u64, bpf_get_current_pid_tgid, void);
HELPER(165, s64, bpf_snprintf, char *to, u32 size, const char *format, u64 *args, u32 bytes);
HELPER(182, s64, bpf_strncmp, const char *a, u32 size, const char *b);
