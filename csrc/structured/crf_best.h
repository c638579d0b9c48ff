// The best sequences of tags (Viterbi 1967; for several: lists, Schwartz and Chow, ICASSP 1990).
#ifndef SEQNN_STRUCTURED_CRF_BEST_H
#define SEQNN_STRUCTURED_CRF_BEST_H

#include "structured/crf.h"

typedef struct {
    const real *emissions, *transitions, *start, *end;
    int64_t row, step; // strides of the emissions
    int64_t K, T, best;
    int64_t width; // of the rows of `padded`: whole registers
    real *padded;  // [K, width]: the transitions with padding -inf, where one sequence is looked for
    int64_t *tags; // [B, best, T]
    real *score;   // [B, best]
} crf_search;

// Bytes of what crf_search_prepare fills.
static int64_t crf_search_prepared(crf_search *s)
{
    s->width = crf_width(s->K);
    return s->best == 1 ? round_up(times(times(s->K, s->width), sizeof(real)), 64) : 0;
}

static void crf_search_prepare(crf_search *s, void *room)
{
    s->padded = room;
    for (int64_t i = 0; i < s->K && s->best == 1; i++)
        for (int64_t j = 0; j < s->width; j += LANES)
            vf_store(s->padded + i * s->width + j, row_load(s->transitions + i * s->K, NULL, j, s->K, -(real)INFINITY));
}

// Bytes that a sequence needs: scores of two steps, and where each best score came from.
static int64_t crf_search_size(const crf_search *s)
{
    if (s->best == 1) return round_up(times(times(s->T + 2, s->width), sizeof(real)), 64);
    const int64_t each = times(s->K, s->best), numbers = times(each, s->T) + s->best + times(3, s->K);
    return round_up(times(numbers, sizeof(int64_t)) + times(times(2, each), sizeof(real)), 64);
}

// to[j] = max_i (from[i] + A_ij) + emission[j], and the first i that gives it.
static void best_step(const crf_search *s, const real *from, const real *emission, real *to, lane_bits *came)
{
    for (int64_t j = 0; j < s->width; j += LANES) {
        vf best = vf_set(from[0]) + vf_load(s->padded + j);
        vi at = {0};
        for (int64_t i = 1; i < s->K; i++) {
            const vf other = vf_set(from[i]) + vf_load(s->padded + i * s->width + j);
            const vi more = other > best;
            best = vf_select(more, other, best);
            at = (more & (lane_bits)i) | (~more & at);
        }
        vf_store(to + j, best + row_load(emission, NULL, j, s->K, 0));
        memcpy(came + j, &at, sizeof at);
    }
}

// The best sequence alone.
static real crf_search_one(const crf_search *s, const real *emissions, int64_t length, int64_t *tags, void *room)
{
    real *from = room, *to = from + s->width;
    lane_bits *came = (lane_bits *)(to + s->width);
    for (int64_t j = 0; j < s->K; j++) from[j] = s->start[j] + emissions[j];
    for (int64_t t = 1; t < length; t++) {
        best_step(s, from, emissions + t * s->step, to, came + t * s->width);
        real *old = from;
        from = to, to = old;
    }
    int64_t tag = 0;
    for (int64_t j = 0; j < s->K; j++) {
        from[j] += s->end[j];
        if (from[j] > from[tag]) tag = j;
    }
    const real score = from[tag];
    for (int64_t t = length - 1; t >= 0; t--) {
        tags[t] = tag;
        if (t > 0) tag = came[t * s->width + tag];
    }
    return score;
}

// Falling lists of scores, one for each tag: `best` numbers wide, `count` of them filled.
typedef struct {
    real *score;    // [K, best]
    int64_t *count; // [K]
} tag_lists;

// Merges the lists, each with `more[i * stride]` added, into one of at most n scores; of equal ones the lower tag comes
// first. came[k] = tag * best + place of each. Returns how many there are: those of -inf are none.
static int64_t merge(const crf_search *s, const tag_lists *from, const real *more, int64_t stride, int64_t *place,
                     real *score, int64_t *came)
{
    for (int64_t i = 0; i < s->K; i++) place[i] = 0;
    for (int64_t k = 0; k < s->best; k++) {
        int64_t tag = -1;
        real largest = -(real)INFINITY;
        for (int64_t i = 0; i < s->K; i++) {
            if (place[i] == from->count[i]) continue;
            const real value = from->score[i * s->best + place[i]] + more[i * stride];
            if (value > largest) largest = value, tag = i;
        }
        if (tag < 0) return k;
        score[k] = largest, came[k] = tag * s->best + place[tag]++;
    }
    return s->best;
}

// Several: a list for each tag and step.
static inline void crf_search_lists(const crf_search *s, const real *emissions, int64_t length, int64_t *tags,
                                    real *score, void *room)
{
    const int64_t n = s->best, K = s->K, each = K * n;
    int64_t *place = room, *came = place + 3 * K, *last = came + each * s->T;
    real *scores = (real *)(last + n);
    tag_lists from = {scores, place + K}, to = {scores + each, place + 2 * K};
    for (int64_t j = 0; j < K; j++) from.score[j * n] = s->start[j] + emissions[j], from.count[j] = 1;
    for (int64_t t = 1; t < length; t++) {
        for (int64_t j = 0; j < K; j++) {
            real *list = to.score + j * n;
            to.count[j] = merge(s, &from, s->transitions + j, K, place, list, came + t * each + j * n);
            for (int64_t k = 0; k < to.count[j]; k++) list[k] += emissions[t * s->step + j];
        }
        const tag_lists old = from;
        from = to, to = old;
    }
    const int64_t found = merge(s, &from, s->end, 1, place, score, last);
    for (int64_t k = 0; k < found; k++) {
        int64_t entry = last[k];
        for (int64_t t = length - 1; t >= 0; t--) {
            tags[k * s->T + t] = entry / n;
            if (t > 0) entry = came[t * each + entry];
        }
    }
}

#endif
