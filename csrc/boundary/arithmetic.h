// Arithmetic of sizes in expressions of the signature lines: exact, and "too large" instead of a wrong number.
#ifndef SEQNN_BOUNDARY_ARITHMETIC_H
#define SEQNN_BOUNDARY_ARITHMETIC_H

#include "call.h"

__extension__ typedef __int128 sq_wide;

// Stands for a number that 127 bits do not hold; every result that it goes into is it again.
#define SQ_ENDLESS (((sq_wide)1 << 126) * -2)

static inline sq_wide sq_add(sq_wide a, sq_wide b)
{
    sq_wide sum;
    return a == SQ_ENDLESS || b == SQ_ENDLESS || __builtin_add_overflow(a, b, &sum) ? SQ_ENDLESS : sum;
}

static inline sq_wide sq_subtract(sq_wide a, sq_wide b) { return b == SQ_ENDLESS ? b : sq_add(a, -b); }

static inline sq_wide sq_multiply(sq_wide a, sq_wide b)
{
    sq_wide product;
    return a == SQ_ENDLESS || b == SQ_ENDLESS || __builtin_mul_overflow(a, b, &product) ? SQ_ENDLESS : product;
}

// Rounds down; by zero: -1, which is no size.
static inline sq_wide sq_divide(sq_wide a, sq_wide b)
{
    if (a == SQ_ENDLESS || b == SQ_ENDLESS) return SQ_ENDLESS;
    return b ? a / b - (a % b && (a < 0) != (b < 0)) : -1;
}

// The rest of that division; by zero: -1.
static inline sq_wide sq_modulo(sq_wide a, sq_wide b)
{
    return b ? sq_subtract(a, sq_multiply(sq_divide(a, b), b)) : -1;
}

static inline int64_t sq_narrow(sq_wide a) { return a >= INT64_MIN && a <= INT64_MAX ? (int64_t)a : TOO_LARGE; }

#endif
