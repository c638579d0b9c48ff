// Sums of the columns of a matrix.
#ifndef SEQNN_VEC_COLUMNS_H
#define SEQNN_VEC_COLUMNS_H

#include "vec/vec.h"

// The sums of columns in blocks of rows, which keeps the rounding error of long sums small.
static inline void sum_columns(const real *from, int64_t rows, int64_t columns, int64_t row_size, real *to)
{
    enum { SUM_ROWS = 128 };
    for (int64_t j = 0; j < columns; j += LANES) {
        const int64_t part = least(columns - j, LANES);
        vf total = {0};
        for (int64_t row = 0; row < rows; row += SUM_ROWS) {
            const int64_t end = least(row + SUM_ROWS, rows);
            vf sum = {0};
            if (part == LANES)
                for (int64_t i = row; i < end; i++) sum += vf_load(from + i * row_size + j);
            else
                for (int64_t i = row; i < end; i++) sum += vf_load_part(from + i * row_size + j, part);
            total += sum;
        }
        vf_store_part(to + j, part, total);
    }
}

#endif
