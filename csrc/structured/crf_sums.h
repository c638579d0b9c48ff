// The steps of the two passes over a sequence, forward (alpha) and backward (beta).
#ifndef SEQNN_STRUCTURED_CRF_SUMS_H
#define SEQNN_STRUCTURED_CRF_SUMS_H

#include "structured/crf.h"

// The memory of a row: five rows of `width`.
typedef struct {
    real *log, *next, *weight, *sums, *other;
    double offset; // what has been taken off `log`
} crf_row;

ALWAYS_INLINE crf_row crf_row_at(real *room, int64_t width)
{
    return (crf_row){room, room + width, room + 2 * width, room + 3 * width, room + 4 * width, 0};
}

static void crf_swap(crf_row *r)
{
    real *log = r->log;
    r->log = r->next, r->next = log;
}

// log[j] = start[j] + emission[j]
static void crf_first(crf_row *r, const crf_table *t, const real *start, const real *emission)
{
    for (int64_t j = 0; j < t->width; j += LANES)
        vf_store(r->log + j, row_load(start, NULL, j, t->K, 0) + row_load(emission, NULL, j, t->K, -(real)INFINITY));
    r->offset = 0;
}

// log[j] = log sum_i e^(log[i] + A_ij) + emission[j]
static void crf_forward_step(crf_row *r, const crf_table *t, const real *emission)
{
    const int64_t K = t->K;
    const real c = crf_weigh(r->log, t->top, t->width, r->weight, t->width);
    crf_product(t, r->weight, t->along, r->sums);
    if (crf_logs(r->sums, emission, K, r->next, t->width))
        for (int64_t j = 0; j < K; j++) {
            if (!(r->sums[j] < CRF_TINY)) continue;
            for (int64_t i = 0; i < K; i++) r->weight[i] = r->log[i] + t->transitions[i * K + j];
            r->next[j] = (real)(crf_log_sum(r->weight, K) - (double)c) + emission[j];
        }
    r->offset += (double)c;
    crf_swap(r);
}

// What all sequences of a part add up.
typedef struct {
    real *outer, *direct; // [K, width]: the transitions' counts over e^(A - top), and as they are; or NULL
} crf_counts;

// marginal[i] = factor sum_j p_ij, p_ij = e^(alpha[i] + A_ij + log[j]) over their sum: pair by pair, where the two
// passes hardly meet. `log` is that of step t with its emission.
static void exact_marginals(const crf_table *t, const real *alpha, const real *log, real factor, real *marginal,
                            crf_counts *counts)
{
    const int64_t K = t->K;
    real largest = -(real)INFINITY;
    for (int64_t i = 0; i < K; i++)
        for (int64_t j = 0; j < K; j++) {
            const real pair = alpha[i] + t->transitions[i * K + j] + log[j];
            largest = pair > largest ? pair : largest;
        }
    double sum = 0;
    const real c = largest == -(real)INFINITY ? 0 : largest;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i < K; i++) {
            double row = 0;
            for (int64_t j = 0; j < K; j++) {
                const double e = (double)row_exp_one(alpha[i] + t->transitions[i * K + j] + log[j] - c);
                row += e;
                if (pass && counts->direct) counts->direct[i * t->width + j] += (real)(e / sum * (double)factor);
            }
            if (pass)
                marginal[i] = (real)(row / sum * (double)factor);
            else
                sum += row;
        }
}

// The marginals of the last step, and where the pass begins.
static void crf_last_step(crf_row *r, const crf_table *t, const real *alpha, const real *end, real factor,
                          real *marginal)
{
    for (int64_t i = 0; i < t->width; i += LANES) {
        vf_store(r->log + i, row_load(end, NULL, i, t->K, -(real)INFINITY));
        vf_store(r->next + i, row_load(alpha, NULL, i, t->K, -(real)INFINITY));
    }
    crf_weigh(r->next, end, t->K, r->other, t->width);
    vf sum = vf_set(0);
    for (int64_t i = 0; i < t->width; i += LANES) sum += vf_load(r->other + i);
    const real share = factor / vf_sum(sum);
    for (int64_t i = 0; i < t->K; i += LANES) row_store(marginal, i, t->K, vf_load(r->other + i) * share, false);
}

// Goes from step t, whose emission is given, to t - 1, whose alpha is given: log becomes that of t - 1, marginal[K]
// factor times the probabilities of its tags.
static void crf_backward_step(crf_row *r, const crf_table *t, const real *alpha, const real *emission, real factor,
                              real *marginal, crf_counts *counts)
{
    const int64_t K = t->K, width = t->width;
    const real c = crf_weigh(r->log, emission, K, r->weight, width);
    crf_product(t, r->weight, t->against, r->sums);
    for (int64_t i = 0; i < width; i += LANES) vf_store(r->next + i, row_load(alpha, NULL, i, K, -(real)INFINITY));
    crf_weigh(r->next, t->top, width, r->other, width);
    vf meet = vf_set(0);
    for (int64_t i = 0; i < width; i += LANES) meet += vf_load(r->other + i) * vf_load(r->sums + i);
    const real total = vf_sum(meet);
    if (total < (SQ_DOUBLE ? (real)1e-200 : (real)1e-20)) {
        for (int64_t j = 0; j < K; j++) r->other[j] = r->log[j] + emission[j];
        exact_marginals(t, alpha, r->other, factor, marginal, counts);
    } else {
        const real share = factor / total;
        for (int64_t i = 0; i < width; i += LANES) {
            const vf weight = vf_load(r->other + i) * share;
            vf_store(r->other + i, weight);
            row_store(marginal, i, K, weight * vf_load(r->sums + i), false);
        }
        for (int64_t i = 0; counts->outer && i < K; i++) {
            real *row = counts->outer + i * width;
            const vf weight = vf_set(r->other[i]);
            for (int64_t j = 0; j < width; j += LANES)
                vf_store(row + j, vf_load(row + j) + weight * vf_load(r->weight + j));
        }
    }
    if (crf_logs(r->sums, t->top, K, r->next, width))
        for (int64_t i = 0; i < K; i++) {
            if (!(r->sums[i] < CRF_TINY)) continue;
            for (int64_t j = 0; j < K; j++) r->weight[j] = t->transitions[i * K + j] + r->log[j] + emission[j];
            r->next[i] = (real)(crf_log_sum(r->weight, K) - (double)c);
        }
    crf_swap(r);
}

#endif
