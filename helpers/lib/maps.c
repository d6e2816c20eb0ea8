/* The map library, one translation unit: define.c says what a map is made of, each other part serves one family of types. */
#include "private.h"

#include "lock.c"
#include "array.c"
#include "targets.c"
#include "elements.c"
#include "hash.c"
#ifndef MAP_NO_LPM
#include "lpm.c"
#endif
#ifndef MAP_NO_QUEUE
#include "queue.c"
#endif
#ifndef MAP_NO_BLOOM
#include "bloom.c"
#endif
#ifndef MAP_NO_RINGBUF
#include "ringbuf.c"
#endif
#include "define.c"
#include "callbacks.c"
#include "host.c"
