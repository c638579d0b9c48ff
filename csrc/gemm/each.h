// What the register tiles of products are written with: a macro for each vector of columns, or each row, of a tile.
#ifndef SEQNN_GEMM_EACH_H
#define SEQNN_GEMM_EACH_H

#define COLUMNS_1(do, r)                                                                                               \
    do (r, 0)
#define COLUMNS_2(do, r) COLUMNS_1(do, r) do(r, 1)
#define COLUMNS_3(do, r) COLUMNS_2(do, r) do(r, 2)
#define COLUMNS_4(do, r) COLUMNS_3(do, r) do(r, 3)
#define COLUMNS_8(do, r) COLUMNS_4(do, r) do(r, 4) do(r, 5) do(r, 6) do(r, 7)
#define ROWS_1(do, v)                                                                                                  \
    do (0, v)
#define ROWS_2(do, v) ROWS_1(do, v) do(1, v)
#define ROWS_3(do, v) ROWS_2(do, v) do(2, v)
#define ROWS_4(do, v) ROWS_3(do, v) do(3, v)
#define ROWS_5(do, v) ROWS_4(do, v) do(4, v)
#define ROWS_6(do, v) ROWS_5(do, v) do(5, v)
#define ROWS_7(do, v) ROWS_6(do, v) do(6, v)
#define ROWS_8(do, v) ROWS_7(do, v) do(7, v)

// Three rows are reached from one pointer.
#define A_0 a0[0]
#define A_1 a0[row]
#define A_2 a0[2 * row]
#define A_3 a3[0]
#define A_4 a3[row]
#define A_5 a3[2 * row]
#define A_6 a6[0]
#define A_7 a6[row]

#endif
