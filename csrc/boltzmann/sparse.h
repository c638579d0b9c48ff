// Products whose left side may be mostly zeros, as images of few pixels and states that are 0 or 1 are: then only the
// rows of B that count are added.
#ifndef SEQNN_BOLTZMANN_SPARSE_H
#define SEQNN_BOLTZMANN_SPARSE_H

#include "base/scratch.h"
#include "gemm/gemm.h"

// A share of 1 / DENSE of elements that are not zero is worth the full product.
enum { DENSE = 3, SUMS = 8 };

#define EACH_SUM(do)                                                                                                   \
    do (0) do(1) do(2) do(3) do(4) do(5) do(6) do(7)
#define SUM_START(v) vf sum##v = {0};
#define SUM_ADD(v) sum##v += factor * vf_load(row + v * LANES);
#define SUM_STORE(v) finish_sum(g, i, column + v * LANES, LANES, sum##v);

static inline void finish_sum(const gemm *g, int64_t i, int64_t column, int64_t n, vf sum)
{
    real *c = g->c + i * g->c_row + column;
    if (g->beta != 0) sum += vf_set(g->beta) * vf_load_part(c, n);
    if (g->bias) sum += vf_load_part(g->bias + column, n);
    vf_store_part(c, n, sum);
}

// Computes row i of C from the elements of A that count, `value` times alpha at `at`.
static void add_rows(const gemm *g, int64_t i, const int32_t *at, const real *value, int64_t count)
{
    int64_t column = 0;
    for (; column + SUMS * LANES <= g->n; column += SUMS * LANES) {
        EACH_SUM(SUM_START)
        for (int64_t k = 0; k < count; k++) {
            const real *row = g->b + at[k] * g->b_row + column;
            const vf factor = vf_set(value[k]);
            EACH_SUM(SUM_ADD)
        }
        EACH_SUM(SUM_STORE)
    }
    for (; column < g->n; column += LANES) {
        const int64_t n = least(LANES, g->n - column);
        vf sum = {0};
        for (int64_t k = 0; k < count; k++) sum += vf_set(value[k]) * vf_load_part(g->b + at[k] * g->b_row + column, n);
        finish_sum(g, i, column, n, sum);
    }
}

static int64_t count_nonzeros(const real *x, int64_t n)
{
    int64_t count = 0;
#pragma omp simd reduction(+ : count)
    for (int64_t i = 0; i < n; i++) count += x[i] != 0;
    return count;
}

// Computes C = alpha A B + beta C + bias for an A and a B that lie row by row, A without gaps. False: no memory.
static bool multiply(const gemm *g)
{
    const int64_t nonzeros = count_nonzeros(g->a, g->m * g->k);
    if (DENSE * nonzeros > g->m * g->k || g->k > INT32_MAX) return gemm_run(g, gemm_team(g));
    const int team = sq_team(nonzeros * g->n / 8 + g->m * g->k);
    const int64_t places = blocks(g->k * (int64_t)sizeof(int32_t), (int64_t)sizeof(real)), own = g->k + places + 1;
    real *memory = sq_scratch_take((size_t)times(team, own) * sizeof(real));
    if (!memory) return false;
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t i = 0; i < g->m; i++) {
        real *value = memory + omp_get_thread_num() * own;
        int32_t *at = (int32_t *)(value + g->k);
        const real *row = g->a + i * g->a_row;
        int64_t count = 0;
        for (int64_t k = 0; k < g->k; k++)
            if (row[k] != 0) at[count] = (int32_t)k, value[count++] = g->alpha * row[k];
        add_rows(g, i, at, value, count);
    }
    sq_scratch_give(memory);
    return true;
}

#endif
