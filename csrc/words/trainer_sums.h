// Writing the sums of six registers, which dot products of one row and a group of outputs are.
#ifndef SEQNN_WORDS_TRAINER_SUMS_H
#define SEQNN_WORDS_TRAINER_SUMS_H

#include "vec/vec.h"

enum { GROUP = 6, STRIDE = 8 }; // outputs in a group; errors of one (context, group), two of them padding

// [sum(a), ..., sum(f), 0, 0] for six vectors, or for two sixes at once where a register holds sixteen.
#if LANES == 16
#define SHUFFLE __builtin_shufflevector
#define FOLD(x, y)                                                                                                     \
    (SHUFFLE(x, y, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +                                           \
     SHUFFLE(x, y, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
#define PAIR(x, y)                                                                                                     \
    (SHUFFLE(x, y, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29) +                                         \
     SHUFFLE(x, y, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31))
#define QUAD(x, y)                                                                                                     \
    (SHUFFLE(x, y, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) +                                         \
     SHUFFLE(x, y, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
#define OCT(x, y)                                                                                                      \
    (SHUFFLE(x, y, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27) +                                         \
     SHUFFLE(x, y, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
#elif LANES == 8 && !SQ_DOUBLE
#define SHUFFLE __builtin_shufflevector
#define PAIR(x, y) (SHUFFLE(x, y, 0, 8, 1, 9, 4, 12, 5, 13) + SHUFFLE(x, y, 2, 10, 3, 11, 6, 14, 7, 15))
#define QUAD(x, y) (SHUFFLE(x, y, 0, 1, 8, 9, 4, 5, 12, 13) + SHUFFLE(x, y, 2, 3, 10, 11, 6, 7, 14, 15))
#define OCT(x, y) (SHUFFLE(x, y, 0, 1, 2, 3, 8, 9, 10, 11) + SHUFFLE(x, y, 4, 5, 6, 7, 12, 13, 14, 15))
#elif LANES == 4 && !SQ_DOUBLE
#define SHUFFLE __builtin_shufflevector
#define PAIR(x, y) (SHUFFLE(x, y, 0, 4, 1, 5) + SHUFFLE(x, y, 2, 6, 3, 7))
#define QUAD(x, y) (SHUFFLE(x, y, 0, 1, 4, 5) + SHUFFLE(x, y, 2, 3, 6, 7))
#endif

#if LANES == 16
#define STORE_SUMS_2(to, a, b)                                                                                         \
    do {                                                                                                               \
        const vf s0 = FOLD(a##0, b##0), s1 = FOLD(a##1, b##1), s2 = FOLD(a##2, b##2);                                  \
        const vf s3 = FOLD(a##3, b##3), s4 = FOLD(a##4, b##4), s5 = FOLD(a##5, b##5);                                  \
        const vf s45 = PAIR(s4, s5), zero = {0};                                                                       \
        vf_store(to, OCT(QUAD(PAIR(s0, s1), PAIR(s2, s3)), QUAD(s45, zero)));                                          \
    } while (0)
#define STORE_SUMS_1(to, a) STORE_SUMS_2(to, a, a)
#else
#if LANES == 8 && !SQ_DOUBLE
#define STORE_SUMS_1(to, a)                                                                                            \
    do {                                                                                                               \
        const vf s45 = PAIR(a##4, a##5), zero = {0};                                                                   \
        vf_store(to, OCT(QUAD(PAIR(a##0, a##1), PAIR(a##2, a##3)), QUAD(s45, zero)));                                  \
    } while (0)
#elif LANES == 4 && !SQ_DOUBLE
#define STORE_SUMS_1(to, a)                                                                                            \
    do {                                                                                                               \
        const vf s45 = PAIR(a##4, a##5), zero = {0};                                                                   \
        vf_store(to, QUAD(PAIR(a##0, a##1), PAIR(a##2, a##3)));                                                        \
        vf_store((to) + 4, QUAD(s45, zero));                                                                           \
    } while (0)
#else
#define STORE_SUMS_1(to, a)                                                                                            \
    do {                                                                                                               \
        real *const sums = to;                                                                                         \
        sums[0] = vf_sum(a##0), sums[1] = vf_sum(a##1), sums[2] = vf_sum(a##2);                                        \
        sums[3] = vf_sum(a##3), sums[4] = vf_sum(a##4), sums[5] = vf_sum(a##5);                                        \
        sums[6] = sums[7] = 0;                                                                                         \
    } while (0)
#endif
#define STORE_SUMS_2(to, a, b)                                                                                         \
    do {                                                                                                               \
        STORE_SUMS_1(to, a);                                                                                           \
        STORE_SUMS_1((to) + STRIDE, b);                                                                                \
    } while (0)
#endif

#endif
