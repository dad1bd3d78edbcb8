/*
 * How much of the heap is in use, by what malloc() really took: the usable size
 * of each block and its header of a word.
 */

#ifndef LWS_TLS_SESSIONS_BENCH_HEAP_H
#define LWS_TLS_SESSIONS_BENCH_HEAP_H

long heap_in_use(void);

#endif
