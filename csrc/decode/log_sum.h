// The logarithm of the sum of the exponentials of a row, gathered in blocks.
#ifndef SEQNN_DECODE_LOG_SUM_H
#define SEQNN_DECODE_LOG_SUM_H

#include "layers/row.h"
#include "seqnn.h"

// What may be wrong with a row.
enum { ROW_FINE, ROW_NOT_FINITE, ROW_NOTHING_ALLOWED };

// The largest score and the sum of e^(score - largest) so far.
typedef struct {
    real largest;
    double sum;
} log_sum;

static inline log_sum log_sum_none(void) { return (log_sum){-(real)INFINITY, 0}; }

// e^x for x <= 0, or NaN. What would be subnormal counts as 0: subnormal numbers are slow.
#if SQ_DOUBLE
ALWAYS_INLINE vf term_exp(vf x)
{
    const vf low = vf_set(-708);
    return vf_select(x < low, vf_set(0), vf_exp_bounded(vf_max(low, x)));
}
#else
ALWAYS_INLINE vf term_exp(vf x) { return vf_exp2_falling(x * 1.4426950408889634f); }
#endif

// The sum of e^(x - largest) over n elements, which go to e unless it is NULL. Meanwhile asks for the next block.
ALWAYS_INLINE real term_sum(const real *x, int64_t n, real largest, real *e)
{
    vf a = vf_set(0), b = a;
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        for (int64_t byte = 0; byte < 2 * VF_BYTES; byte += 64)
            __builtin_prefetch((const char *)(x + ROW_BLOCK + i) + byte);
        const vf left = term_exp(vf_load(x + i) - largest), right = term_exp(vf_load(x + i + LANES) - largest);
        if (e) vf_store(e + i, left), vf_store(e + i + LANES, right);
        a += left, b += right;
    }
    for (; i < n; i += LANES) {
        const vf last = term_exp(row_load(x, NULL, i, n, -(real)INFINITY) - largest);
        if (e) row_store(e, i, n, last, false);
        a += last;
    }
    return vf_sum(a + b);
}

// Adds n scores whose largest is `top`.
static inline void log_sum_add(log_sum *s, const real *x, int64_t n, real top)
{
    if (top > s->largest) {
        if (s->sum != 0) s->sum *= exp((double)s->largest - (double)top);
        s->largest = top;
    }
    s->sum += (double)term_sum(x, n, s->largest == -(real)INFINITY ? 0 : s->largest, NULL);
}

// A NaN and +inf make the sum NaN; it is 0 where nothing is finite.
static inline bool is_finite_row(log_sum s) { return s.sum > 0 && s.sum < INFINITY; }
static inline double log_sum_value(log_sum s) { return (double)s.largest + log(s.sum); }

#endif
