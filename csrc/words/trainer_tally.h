// The loss of many examples: sums of log(1 + e^x), the same in any order of adding up.
#ifndef SEQNN_WORDS_TRAINER_TALLY_H
#define SEQNN_WORDS_TRAINER_TALLY_H

#include "vec/math.h"

// The sum of log2(1 + e^x) over all x: per lane a running product with its exponent split off, so that the inner loop
// has no logarithms. tally_close() turns the product into a whole number of 2^-FRACTION, and whole numbers have the
// same sum in any order.
struct tally {
    vf product;
    vi exponent, fraction, bad;
};

#if SQ_DOUBLE
enum { MANTISSA = 52, BIAS = 1023 };
#define MANTISSA_MASK 0xFFFFFFFFFFFFFLL
#else
enum { MANTISSA = 23, BIAS = 127 };
#define MANTISSA_MASK 0x7FFFFF
#endif
enum { FRACTION = 16 };

ALWAYS_INLINE struct tally tally_start(void) { return (struct tally){vf_set(1), {0}, {0}, {0}}; }

ALWAYS_INLINE void tally_multiply(struct tally *t, vf factor)
{
    const vi bits = (vi)(t->product * factor);
    t->exponent += (bits >> MANTISSA) - BIAS;
    t->product = (vf)((bits & MANTISSA_MASK) | ((lane_bits)BIAS << MANTISSA));
    t->bad |= factor != factor;
}

// Turns the product into whole numbers: log2 on [1, 2) by a polynomial in x - 1.5, off by at most 2.5e-6.
ALWAYS_INLINE void tally_close(struct tally *t)
{
    const vf x = t->product - (real)1.5;
    vf log = x * (real)-0.02456853475 + (real)0.04390747983;
    log = log * x + (real)-0.07079685998;
    log = log * x + (real)0.1417247358;
    log = log * x + (real)-0.3206130355;
    log = log * x + (real)0.9618208212;
    log = log * x + (real)0.5849625007;
    t->fraction += __builtin_convertvector(log * (real)(1 << FRACTION) + (real)0.5, vi);
    t->product = vf_set(1);
}

// Returns what was counted, in units of 2^-FRACTION, and starts anew; *bad becomes true if any x was NaN.
static int64_t tally_take(struct tally *t, bool *bad)
{
    tally_close(t);
    int64_t sum = 0;
    for (int i = 0; i < LANES; i++) {
        sum += ((int64_t)t->exponent[i] << FRACTION) + (int64_t)t->fraction[i];
        *bad |= t->bad[i] != 0;
    }
    *t = tally_start();
    return sum;
}

#endif
