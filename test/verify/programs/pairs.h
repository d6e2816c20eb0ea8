/* PAIR(name) { … } makes two programs of one body: ok_name, where `bad` is 0, and bad_name, where it is 1. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef signed short s16;
typedef signed int s32;
typedef signed long long s64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))

#define PAIR_OF(name, params, args)                                    \
	INLINE u64 body_##name(PARAMS params, const int bad);           \
	SEC("pairs") u64 ok_##name params { return body_##name(ARGS args, 0); }  \
	SEC("pairs") u64 bad_##name params { return body_##name(ARGS args, 1); } \
	INLINE u64 body_##name(PARAMS params, const int bad)
#define PARAMS(...) __VA_ARGS__
#define ARGS(...) __VA_ARGS__
