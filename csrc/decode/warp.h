// A row of scores made ready to draw from: edits, temperature, and the tokens that top-k, top-p, min-p and typical
// sampling leave, in this order. What is left out becomes -inf.
#ifndef SEQNN_DECODE_WARP_H
#define SEQNN_DECODE_WARP_H

#include "base/scratch.h"
#include "decode/cut.h"
#include "decode/edits.h"
#include "decode/log_sum.h"

typedef struct {
    double temperature, top_p, min_p, typical_p; // 1, 1, 0, 1: off
    int64_t top_k, keep;                         // 0: off; the tokens that always stay
} warp_rules;

#define WARP_RULES(a) {a->temperature, a->top_p, a->min_p, a->typical_p, a->top_k, a->keep}

// The room of a thread, all [V] but `edits`.
typedef struct {
    real *scores, *terms;
    cut_room cut;
    edits edits;
} warp_room;

static size_t warp_room_bytes(const edit_rules *rules)
{
    const size_t width = (size_t)round_up(rules->vocabulary, 64);
    return (size_t)round_up((int64_t)(width * (4 * sizeof(real) + sizeof(int64_t)) + edit_bytes(rules)), 64);
}

static warp_room warp_room_in(const edit_rules *rules, void *memory)
{
    const int64_t width = round_up(rules->vocabulary, 64);
    real *at = memory;
    int64_t *ids = (int64_t *)(at + 4 * width);
    return (warp_room){at, at + width, {at + 2 * width, at + 3 * width, ids}, edit_room(rules, ids + width)};
}

// terms = e^(score - largest); returns the largest score and the sum of all terms.
static log_sum warp_terms(const real *scores, int64_t n, real *terms)
{
    log_sum s = log_sum_none();
    s.largest = row_largest(scores, NULL, n);
    if (s.largest == -(real)INFINITY) return s;
    for (int64_t at = 0; at < n; at += ROW_BLOCK)
        s.sum += (double)term_sum(scores + at, least(ROW_BLOCK, n - at), s.largest, terms + at);
    return s;
}

// The key that the `keep` largest of all keys reach; ties stay, too.
static real warp_floor(const real *keys, const real *ones, int64_t n, int64_t keep, const cut_room *room)
{
    return keep > 1 ? cut_at(keys, ones, n, (double)keep, room).key : row_largest(keys, NULL, n);
}

static void warp_drop_below(real *scores, int64_t n, real limit)
{
    for (int64_t i = 0; i < n; i++) scores[i] = scores[i] < limit ? -(real)INFINITY : scores[i];
}

static void fill(real *x, int64_t n, real value)
{
    for (int64_t i = 0; i < n; i++) x[i] = value;
}

static void keep_top_k(real *scores, int64_t n, int64_t k, const warp_room *room)
{
    if (k >= n) return;
    fill(room->terms, n, 1);
    warp_drop_below(scores, n, cut_at(scores, room->terms, n, (double)k, &room->cut).key);
}

static void keep_top_p(real *scores, int64_t n, double p, int64_t keep, const warp_room *room)
{
    const log_sum s = warp_terms(scores, n, room->terms);
    if (!(s.sum > 0)) return;
    const double rounding = 4 * (SQ_DOUBLE ? DBL_EPSILON : FLT_EPSILON); // 0.5 and 0.3 are enough for 0.8
    const cut_end end = cut_at(scores, room->terms, n, p * s.sum * (1 - rounding), &room->cut);
    fill(room->terms, n, 1);
    const real floor = warp_floor(scores, room->terms, n, keep, &room->cut);
    warp_drop_below(scores, n, end.key < floor ? end.key : floor);
    for (int64_t i = end.id + 1; end.key < floor && i < n; i++)
        scores[i] = scores[i] == end.key ? -(real)INFINITY : scores[i];
}

static void keep_min_p(real *scores, int64_t n, double p, int64_t keep, const warp_room *room)
{
    fill(room->terms, n, 1);
    const real floor = warp_floor(scores, room->terms, n, keep, &room->cut);
    const real limit = (real)((double)row_largest(scores, NULL, n) + log(p));
    warp_drop_below(scores, n, limit < floor ? limit : floor);
}

// Typical sampling (Meister et al., 2023): the tokens whose surprise is nearest to the entropy H = sum p (-log p).
static void keep_typical(real *scores, int64_t n, double mass, int64_t keep, const warp_room *room)
{
    real *terms = room->terms;
    const log_sum s = warp_terms(scores, n, terms);
    if (!(s.sum > 0)) return;
    const double total = log_sum_value(s);
    double entropy = 0;
    for (int64_t i = 0; i < n; i++)
        if (terms[i] > 0) entropy += (double)terms[i] / s.sum * (total - (double)scores[i]);
    real *keys = room->cut.keys; // the cut takes its keys into its room, each from where it stands already
    for (int64_t i = 0; i < n; i++)
        keys[i] = scores[i] > -(real)INFINITY ? -(real)fabs(total - (double)scores[i] - entropy) : -(real)INFINITY;
    real limit = cut_at(keys, terms, n, mass * s.sum, &room->cut).key;
    if (keep > 1) {
        for (int64_t i = 0; i < n; i++)
            keys[i] = scores[i] > -(real)INFINITY ? -(real)fabs(total - (double)scores[i] - entropy) : -(real)INFINITY;
        fill(terms, n, 1);
        const real floor = cut_at(keys, terms, n, (double)keep, &room->cut).key;
        limit = floor < limit ? floor : limit;
    }
    for (int64_t i = 0; i < n; i++)
        if (-(real)fabs(total - (double)scores[i] - entropy) < limit) scores[i] = -(real)INFINITY;
}

// Whether the largest number of a row is finite and none is NaN.
static bool has_finite(const real *x, int64_t n)
{
    int odd = 0;
#pragma omp simd reduction(| : odd)
    for (int64_t i = 0; i < n; i++) odd |= !(x[i] < (real)INFINITY);
    return !odd && row_largest(x, NULL, n) > -(real)INFINITY;
}

// Makes room->scores of a row; returns what is wrong with the row.
static uint8_t warp_row(const warp_room *room, const real *x, int64_t n, const bool *allowed, const edit_rules *edit,
                        const warp_rules *warp, bool normalise)
{
    real *scores = room->scores, shift = 0;
    if (normalise) {
        const log_sum s = warp_terms(x, n, room->terms);
        if (!is_finite_row(s)) return ROW_NOT_FINITE;
        shift = (real)log_sum_value(s);
    } else if (!has_finite(x, n)) {
        return ROW_NOT_FINITE;
    }
    for (int64_t i = 0; i < n; i++) scores[i] = x[i] - shift;
    for (int64_t k = 0; k < room->edits.count; k++) {
        const int64_t token = room->edits.list[k].token;
        scores[token] = edit_score(edit, room->edits.list + k, scores[token]);
    }
    for (int64_t i = 0; allowed && i < n; i++)
        if (!allowed[i]) scores[i] = -(real)INFINITY;
    if (warp->temperature != 1)
        for (int64_t i = 0; i < n; i++) scores[i] /= (real)warp->temperature;
    if (warp->top_k) keep_top_k(scores, n, most(warp->top_k, warp->keep), room);
    if (warp->top_p < 1) keep_top_p(scores, n, warp->top_p, warp->keep, room);
    if (warp->min_p > 0) keep_min_p(scores, n, warp->min_p, warp->keep, room);
    if (warp->typical_p < 1) keep_typical(scores, n, warp->typical_p, warp->keep, room);
    return row_largest(scores, NULL, n) > -(real)INFINITY ? ROW_FINE : ROW_NOTHING_ALLOWED;
}

// Cuts the rows among threads; each calls `part` on its rows, first to last, with room of its own.
static const char *warp_in_parts(int64_t rows, int64_t vocabulary, const edit_rules *rules,
                                 void (*part)(const void *arguments, int64_t first, int64_t last, void *memory),
                                 const void *arguments)
{
    const size_t bytes = warp_room_bytes(rules);
    const int team = (int)most(1, least(sq_team(rows * vocabulary * 8), rows));
    char *memory = sq_scratch_take((size_t)team * bytes);
    if (!memory) return sq_no_memory;
#pragma omp parallel for num_threads(team) schedule(static)
    for (int t = 0; t < team; t++)
        part(arguments, cut(rows, team, t), cut(rows, team, t + 1), memory + (size_t)t * bytes);
    sq_scratch_give(memory);
    return NULL;
}

#endif
