// Transposes matrices in registers, a square of LANES x LANES at a time.
#ifndef SEQNN_VEC_TRANSPOSE_H
#define SEQNN_VEC_TRANSPOSE_H

#include "vec/vec.h"

// The arguments x, y, f(0, d), ..., f(LANES - 1, d).
#if LANES == 16
#define EACH_LANE(x, y, f, d)                                                                                          \
    x, y, f(0, d), f(1, d), f(2, d), f(3, d), f(4, d), f(5, d), f(6, d), f(7, d), f(8, d), f(9, d), f(10, d),          \
        f(11, d), f(12, d), f(13, d), f(14, d), f(15, d)
#elif LANES == 8
#define EACH_LANE(x, y, f, d) x, y, f(0, d), f(1, d), f(2, d), f(3, d), f(4, d), f(5, d), f(6, d), f(7, d)
#elif LANES == 4
#define EACH_LANE(x, y, f, d) x, y, f(0, d), f(1, d), f(2, d), f(3, d)
#else
#define EACH_LANE(x, y, f, d) x, y, f(0, d), f(1, d)
#endif

// Rows i and i + d change the blocks of d lanes that lie off the diagonal. Where there are no d lanes, nothing is
// exchanged, but the compiler wants numbers in range.
#define LANE_OF_FIRST(lane, d) ((lane) & (d) ? LANES + (lane) - (d) : (lane))
#define LANE_OF_SECOND(lane, d) ((lane) & (d) ? LANES + (lane) : ((lane) + (d)) % LANES)
#define FIRST_OF(x, y, d) __builtin_shufflevector(EACH_LANE(x, y, LANE_OF_FIRST, d))
#define SECOND_OF(x, y, d) __builtin_shufflevector(EACH_LANE(x, y, LANE_OF_SECOND, d))
#define TRANSPOSE_STEP(d)                                                                                              \
    if (LANES > d) {                                                                                                   \
        _Pragma("GCC unroll 16") for (int i = 0; i < LANES; i++)                                                       \
        {                                                                                                              \
            if (i & d) continue;                                                                                       \
            const vf x = row[i], y = row[i + d];                                                                       \
            row[i] = FIRST_OF(x, y, d), row[i + d] = SECOND_OF(x, y, d);                                               \
        }                                                                                                              \
    }

// to[i * to_row + j] = from[j * from_row + i] for i, j < LANES; rows of `from` after the first `rows` are taken as
// zero.
ALWAYS_INLINE void transpose_square(real *to, int64_t to_row, const real *from, int64_t from_row, int rows)
{
    vf row[LANES];
    _Pragma("GCC unroll 16") for (int j = 0; j < LANES; j++) row[j] = j < rows ? vf_load(from + j * from_row) : (vf){0};
    TRANSPOSE_STEP(8)
    TRANSPOSE_STEP(4)
    TRANSPOSE_STEP(2)
    TRANSPOSE_STEP(1)
    _Pragma("GCC unroll 16") for (int i = 0; i < LANES; i++) vf_store(to + i * to_row, row[i]);
}

// to[j * to_row + i] = from[i * from_row + j] for i < rows, j < columns
static inline void transpose(real *to, int64_t to_row, const real *from, int64_t from_row, int64_t rows,
                             int64_t columns)
{
    const int64_t full = columns / LANES * LANES;
    int64_t i = 0;
    for (; i + LANES <= rows; i += LANES) {
        for (int64_t j = 0; j < full; j += LANES)
            transpose_square(to + j * to_row + i, to_row, from + i * from_row + j, from_row, LANES);
        for (int64_t j = full; j < columns; j++)
            for (int64_t k = i; k < i + LANES; k++) to[j * to_row + k] = from[k * from_row + j];
    }
    for (; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) to[j * to_row + i] = from[i * from_row + j];
}

#endif
