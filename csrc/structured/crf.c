// A linear-chain conditional random field: the score of tags y of a sequence with emissions x [T, K] is
//
//     s(y) = start[y_1] + sum_t x_t[y_t] + sum_t A[y_t, y_t+1] + end[y_T],    p(y) = e^s(y) / Z,    Z = sum_y e^s(y)
//
// Lafferty, McCallum, Pereira, "Conditional random fields", ICML 2001.
#include "crf_args.h"
#include "structured/crf_best.h"
#include "structured/crf_sums.h"

enum { MOST_PARTS = 32, PART_NUMBERS = 1 << 24 }; // the parts in which transitions are counted, and their size together

// The score of a sequence of tags.
static double path_score(const real *emissions, int64_t stride, const real *transitions, const real *start,
                         const real *end, const int32_t *tags, int64_t length, int64_t K)
{
    if (length == 0) return 0;
    double score = (double)start[tags[0]] + (double)end[tags[length - 1]];
    for (int64_t t = 0; t < length; t++) {
        score += (double)emissions[t * stride + tags[t]];
        if (t > 0) score += (double)transitions[tags[t - 1] * K + tags[t]];
    }
    return score;
}

static void forward_rows(const struct crf_forward *a, const crf_table *t, int64_t first, int64_t last, real *room)
{
    crf_row row[CRF_GROUP];
    int64_t longest = 0;
    for (int64_t b = first; b < last; b++) {
        row[b - first] = crf_row_at(room + (b - first) * 5 * t->width, t->width);
        longest = most(longest, a->lengths[b]);
    }
    for (int64_t step = 0; step < longest; step++)
        for (int64_t b = first; b < last; b++) {
            if (step >= a->lengths[b]) continue;
            crf_row *r = &row[b - first];
            const real *emission = a->emissions + b * a->emissions_stride[0] + step * a->emissions_stride[1];
            if (step == 0)
                crf_first(r, t, a->start, emission);
            else
                crf_forward_step(r, t, emission);
            if (!a->alpha) continue;
            real *alpha = a->alpha + (b * a->T + step) * t->K;
            for (int64_t j = 0; j < t->K; j += LANES) row_store(alpha, j, t->K, vf_load(r->log + j), false);
        }
    for (int64_t b = first; b < last; b++) {
        crf_row *r = &row[b - first];
        const int64_t length = a->lengths[b];
        if (length > 0)
            for (int64_t j = 0; j < t->K; j++) r->log[j] += a->end[j];
        a->logz[b] = length > 0 ? r->offset + crf_log_sum(r->log, t->K) : 0;
        if (a->score)
            a->score[b] = path_score(a->emissions + b * a->emissions_stride[0], a->emissions_stride[1], a->transitions,
                                     a->start, a->end, a->tags + b * a->T, length, t->K);
    }
}

// logz = log Z, score = that of the tags, alpha[t, j] = the logarithm of the sum over all beginnings that end with tag
// j at t, up to a number for each t. Tags of the padding may be any.
//: crf_forward(emissions~f[B,T,K], transitions:f[K,K], start:f[K], end:f[K], lengths:i[B], tags?i[B,T]<K)
//:     -> logz:f64[B], score?f64[B], alpha?f[B,T,K]
//:     where 0 <= lengths <= T; score needs tags
KERNEL(crf_forward)
{
    const int64_t width = crf_width(a->K), groups = blocks(a->B, CRF_GROUP), one = 5 * CRF_GROUP * width;
    const int team = (int)most(1, least(groups, sq_team(times(times(a->B, a->T), times(a->K, a->K)))));
    real *room = sq_scratch_take((size_t)times(crf_table_size(a->K) + team * one, sizeof(real)));
    if (!room) return sq_no_memory;
    crf_table table;
    crf_fill_table(&table, a->transitions, a->K, room);
    real *rows = room + crf_table_size(a->K);
#pragma omp parallel for num_threads(team) schedule(dynamic)
    for (int64_t g = 0; g < groups; g++)
        forward_rows(a, &table, g * CRF_GROUP, least(a->B, (g + 1) * CRF_GROUP), rows + omp_get_thread_num() * one);
    sq_scratch_give(room);
    return NULL;
}

// Takes what the tags have off the gradients.
static void subtract_tags(const int32_t *tags, int64_t length, int64_t K, int64_t width, real factor, real *grad,
                          crf_counts *counts)
{
    for (int64_t t = 0; t < length; t++) {
        grad[t * K + tags[t]] -= factor;
        if (t > 0 && counts->direct) counts->direct[tags[t - 1] * width + tags[t]] -= factor;
    }
}

static void backward_rows(const struct crf_backward *a, const crf_table *t, int64_t first, int64_t last, real *room,
                          crf_counts *counts)
{
    const int64_t K = t->K;
    crf_row row[CRF_GROUP];
    int64_t longest = 0;
    for (int64_t b = first; b < last; b++) {
        const int64_t length = a->lengths[b];
        row[b - first] = crf_row_at(room + (b - first) * 5 * t->width, t->width);
        longest = most(longest, length);
        memset(a->grad_emissions + (b * a->T + length) * K, 0, (size_t)((a->T - length) * K) * sizeof(real));
    }
    for (int64_t back = 0; back < longest; back++)
        for (int64_t b = first; b < last; b++) {
            const int64_t step = a->lengths[b] - 1 - back;
            if (step < 0) continue;
            crf_row *r = &row[b - first];
            real *marginal = a->grad_emissions + (b * a->T + step) * K;
            const real *alpha = a->alpha + (b * a->T + step) * K;
            if (back == 0)
                crf_last_step(r, t, alpha, a->end, a->factor[b], marginal);
            else
                crf_backward_step(r, t, alpha,
                                  a->emissions + b * a->emissions_stride[0] + (step + 1) * a->emissions_stride[1],
                                  a->factor[b], marginal, counts);
        }
    for (int64_t b = first; b < last && a->tags; b++)
        subtract_tags(a->tags + b * a->T, a->lengths[b], K, t->width, a->factor[b], a->grad_emissions + b * a->T * K,
                      counts);
}

static void add_counts(const struct crf_backward *a, const crf_table *t, const real *counts, int64_t parts)
{
    const int64_t size = t->K * t->width;
    for (int64_t i = 0; i < t->K; i++)
        for (int64_t j = 0; j < t->K; j++) {
            const int64_t at = i * t->width + j;
            real outer = 0, direct = 0;
            for (int64_t p = 0; p < parts; p++)
                outer += counts[2 * p * size + at], direct += counts[(2 * p + 1) * size + at];
            a->grad_transitions[i * t->K + j] = outer * t->along[at] + direct;
        }
}

// The gradients of sum_b factor[b] (logz[b] - score[b]), without the scores where there are no tags: then
// grad_emissions are factor times the marginals p(y_t = j).
//: crf_backward(emissions~f[B,T,K], transitions:f[K,K], end:f[K], lengths:i[B], alpha:f[B,T,K], factor:f[B],
//:     tags?i[B,T]<K) -> grad_emissions:f[B,T,K], grad_transitions?f[K,K]
//:     where 0 <= lengths <= T
KERNEL(crf_backward)
{
    const int64_t width = crf_width(a->K), size = times(a->K, width), one = 5 * CRF_GROUP * width;
    // The parts do not depend on the team, so that the sums do not.
    const int64_t most_parts = most(1, least(MOST_PARTS, PART_NUMBERS / most(1, size))),
                  parts = least(blocks(a->B, CRF_GROUP), most_parts);
    const int team = (int)most(1, least(parts, sq_team(times(times(a->B, a->T), times(a->K, a->K)))));
    const int64_t head = crf_table_size(a->K), counted = a->grad_transitions ? times(2 * parts, size) : 0;
    real *room = sq_scratch_take((size_t)times(head + counted + team * one, sizeof(real)));
    if (!room) return sq_no_memory;
    crf_table table;
    crf_fill_table(&table, a->transitions, a->K, room);
    real *counts = room + head, *rows = counts + counted;
    memset(counts, 0, (size_t)counted * sizeof(real));
#pragma omp parallel for num_threads(team) schedule(dynamic)
    for (int64_t p = 0; p < parts; p++) {
        crf_counts own = {0};
        if (a->grad_transitions) own = (crf_counts){counts + 2 * p * size, counts + (2 * p + 1) * size};
        const int64_t end = cut(a->B, parts, p + 1);
        for (int64_t b = cut(a->B, parts, p); b < end; b += CRF_GROUP)
            backward_rows(a, &table, b, least(end, b + CRF_GROUP), rows + omp_get_thread_num() * one, &own);
    }
    if (a->grad_transitions) add_counts(a, &table, counts, parts);
    sq_scratch_give(room);
    return NULL;
}

static void search_row(const crf_search *s, int64_t b, int64_t length, void *room)
{
    int64_t *tags = s->tags + b * s->best * s->T;
    real *score = s->score + b * s->best;
    for (int64_t i = 0; i < s->best * s->T; i++) tags[i] = -1;
    for (int64_t k = 0; k < s->best; k++) score[k] = -(real)INFINITY;
    if (length == 0) {
        score[0] = 0;
        return;
    }
    if (s->K == 0) return;
    const real *emissions = s->emissions + b * s->row;
    if (s->best == 1)
        score[0] = crf_search_one(s, emissions, length, tags, room);
    else
        crf_search_lists(s, emissions, length, tags, score, room);
    for (int64_t t = 0; t < s->T && score[0] == -(real)INFINITY; t++) tags[t] = -1;
}

// The `best` best tags of each sequence and their scores, the best first; ties go to the lowest tags, looked at from
// the end. Where there are fewer, and in the padding, tags are -1, and scores -inf.
//: crf_decode(emissions~f[B,T,K], transitions:f[K,K], start:f[K], end:f[K], lengths:i[B], best:n>=1)
//:     -> tags:l[B,best,T], score:f[B,best]
//:     where 0 <= lengths <= T
KERNEL(crf_decode)
{
    crf_search s = {.emissions = a->emissions,
                    .row = a->emissions_stride[0],
                    .step = a->emissions_stride[1],
                    .transitions = a->transitions,
                    .start = a->start,
                    .end = a->end,
                    .K = a->K,
                    .T = a->T,
                    .best = a->best,
                    .tags = a->tags,
                    .score = a->score};
    const int64_t matrix = crf_search_prepared(&s), one = crf_search_size(&s);
    const int team = (int)most(1, least(a->B, sq_team(times(times(a->B, a->T), times(a->K, a->K)))));
    char *room = sq_scratch_take((size_t)(matrix + times(team, one)));
    if (!room) return sq_no_memory;
    crf_search_prepare(&s, room);
#pragma omp parallel for num_threads(team) schedule(dynamic)
    for (int64_t b = 0; b < a->B; b++) search_row(&s, b, a->lengths[b], room + matrix + omp_get_thread_num() * one);
    sq_scratch_give(room);
    return NULL;
}
