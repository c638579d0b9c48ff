// The scalar product of two vectors by four sums, since a sum waits for its last addition.
#ifndef SEQNN_VEC_DOT_H
#define SEQNN_VEC_DOT_H

#include "vec/vec.h"

typedef struct {
    vf a, b, c, d;
    int64_t done; // how many numbers are in the sums
} dot_sums;

// Sums x * y over whole groups of four registers; what is left is the caller's.
ALWAYS_INLINE dot_sums dot_groups(const real *x, const real *y, int64_t n)
{
    dot_sums s = {0};
    int64_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        s.a += vf_load(x + i) * vf_load(y + i);
        s.b += vf_load(x + i + LANES) * vf_load(y + i + LANES);
        s.c += vf_load(x + i + 2 * LANES) * vf_load(y + i + 2 * LANES);
        s.d += vf_load(x + i + 3 * LANES) * vf_load(y + i + 3 * LANES);
    }
    s.done = i;
    return s;
}

ALWAYS_INLINE real dot_total(dot_sums s) { return vf_sum((s.a + s.b) + (s.c + s.d)); }

#endif
