// Arithmetic of sizes and places that all kernels share.
#ifndef SEQNN_BASE_ARITH_H
#define SEQNN_BASE_ARITH_H

#include <stdint.h>

static inline int64_t least(int64_t x, int64_t y) { return x < y ? x : y; }
static inline int64_t most(int64_t x, int64_t y) { return x > y ? x : y; }

// The number of blocks of `size` that hold n things, n >= 0: n / size rounded up, without overflow.
static inline int64_t blocks(int64_t n, int64_t size)
{
    return (int64_t)(((uint64_t)n + (uint64_t)size - 1) / (uint64_t)size);
}

// n rounded up to a multiple of `size`.
static inline int64_t round_up(int64_t n, int64_t size) { return blocks(n, size) * size; }

// The product of two sizes; one that is too large for any memory becomes 2^56, so that sums of a few, and bytes, still
// fit.
static inline int64_t times(int64_t x, int64_t y)
{
    const int64_t too_large = (int64_t)1 << 56;
    int64_t product;
    return __builtin_mul_overflow(x, y, &product) ? too_large : least(product, too_large);
}

// Where part i of n things begins when they are cut into `parts` even parts; part `parts` would begin at n.
static inline int64_t cut(int64_t n, int64_t parts, int64_t i) { return n / parts * i + least(i, n % parts); }

#endif
