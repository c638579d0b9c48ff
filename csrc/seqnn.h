// All that a kernel file may include, beside the headers of csrc and its own generated <stem>_args.h. A kernel file is
// plain C: no Python, no argument checks.
#ifndef SEQNN_H
#define SEQNN_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#else
static inline int omp_get_thread_num(void) { return 0; }
static inline int omp_get_num_threads(void) { return 1; }
static inline int omp_get_max_threads(void) { return 1; }
#endif

// The build defines SQ_REAL (float or double; float in plain files) and SQ_VARIANT (such as f32_avx2, or plain).
typedef SQ_REAL real;

#define SQ_JOIN_(a, b) a##_##b
#define SQ_JOIN(a, b) SQ_JOIN_(a, b)

// A function that other files call: each variant has one of its own.
#define SQ_SHARED(name) SQ_JOIN(name, SQ_VARIANT)

// A kernel's function: its struct `a` (generated from the signature line) holds the arguments and the axis sizes.
#define KERNEL(name)                                                                                                   \
    static const char *SQ_JOIN(name, body)(const SQ_JOIN(name, args) * a);                                             \
    const char *SQ_SHARED(name)(const void *a);                                                                        \
    const char *SQ_SHARED(name)(const void *a) { return SQ_JOIN(name, body)(a); }                                      \
    static const char *SQ_JOIN(name, body)(const SQ_JOIN(name, args) * a)

// What a kernel returns when memory ran out; any other non-NULL message becomes a ValueError.
extern const char sq_no_memory[];

// Threads for `work` elementary operations: at most the caller's limit, one where the work is small.
int sq_team(int64_t work);

#endif
