// A linear-chain conditional random field over features: the score of a label at an item is the sum of the weights that
// the item's attributes have for it, each times its value there.
//
// Item t of a corpus has the attributes ids[items[t] .. items[t + 1]); attribute a has weights for the labels
// labels[first[a] .. first[a + 1]). These arrays are too large to be checked in every call: what says where something
// lies is checked where it is read, so arrays that do not belong together give odd numbers, but nothing beyond them is
// read.
#ifndef SEQNN_STRUCTURED_TAGGER_H
#define SEQNN_STRUCTURED_TAGGER_H

#include "base/once.h"
#include "structured/crf_sums.h"

typedef struct {
    const int64_t *items;
    const int32_t *ids;
    const real *values; // or NULL, where all are 1
    int64_t N;          // ids
    const int64_t *first;
    const uint16_t *labels;
    const real *weights;
    int64_t A, K, L;     // attributes, weights, labels
    const int32_t *rows; // [A]: where in `dense` the weights of an attribute for all labels lie, or -1; or NULL
    const real *dense;   // [rows, width]
} tagger;

#define TAGGER(a)                                                                                                      \
    {(a)->items,   (a)->ids, (a)->values, (a)->N, (a)->first, (a)->labels,                                             \
     (a)->weights, (a)->A,   (a)->K,      (a)->L, NULL,       NULL}

// Computes the scores [width] of the labels at an item, padding -inf, in `registers` registers from label j on; sums:
// [2, width], which are made in turn: an addition to a number must wait for the one before it.
ALWAYS_INLINE void tagger_part(const tagger *m, int64_t item, real *sums, real *scores, int64_t width, int64_t j,
                               const int registers)
{
    vf sum[4] = {vf_set(0), vf_set(0), vf_set(0), vf_set(0)};
    int64_t start, from;
    const int64_t count = read_part(m->items, item, m->N, &start);
    for (int64_t o = start; o < start + count; o++) {
        const int64_t id = READ_ONCE(m->ids[o]);
        if ((uint64_t)id >= (uint64_t)m->A) continue;
        const real value = m->values ? m->values[o] : 1;
        if (m->rows && m->rows[id] >= 0) {
            const real *row = m->dense + m->rows[id] * width + j;
#pragma GCC unroll 4
            for (int r = 0; r < registers; r++) sum[r] += vf_load(row + r * LANES) * value;
        } else if (j == 0) { // those of all registers
            real *to = sums + (o & 1) * width;
            const int64_t weights = read_part(m->first, id, m->K, &from);
            for (int64_t k = from; k < from + weights; k++) {
                const uint16_t label = READ_ONCE(m->labels[k]);
                if (label < m->L) to[label] += value * m->weights[k];
            }
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < registers; r++) {
        const int64_t at = j + r * LANES;
        const vf all = sum[r] + (vf_load(sums + at) + vf_load(sums + width + at));
        vf_store(scores + at, vf_select(vf_first(m->L - at), all, vf_set(-(real)INFINITY)));
    }
}

static void tagger_scores(const tagger *m, int64_t item, real *sums, real *scores, int64_t width)
{
    for (int64_t j = 0; j < 2 * width; j += LANES) vf_store(sums + j, vf_set(0));
    for (int64_t j = 0; j < width; j += 4 * LANES) switch (least((width - j) / LANES, 4)) {
        case 1: tagger_part(m, item, sums, scores, width, j, 1); break;
        case 2: tagger_part(m, item, sums, scores, width, j, 2); break;
        case 3: tagger_part(m, item, sums, scores, width, j, 3); break;
        default: tagger_part(m, item, sums, scores, width, j, 4);
        }
}

// Attributes with this many weights get a row of all labels, where the corpus is as large as the model.
enum { TAGGER_DENSE = 3 };

// How many numbers those rows need, with the list of the attributes that have one.
static int64_t tagger_dense_size(const tagger *m, int64_t width)
{
    if (m->N < m->K) return 0;
    int64_t rows = 0;
    for (int64_t id = 0; id < m->A; id++) rows += READ_ONCE(m->first[id + 1]) - READ_ONCE(m->first[id]) >= TAGGER_DENSE;
    return times(rows, width) + m->A;
}

static void tagger_dense_fill(tagger *m, int64_t width, int64_t size, real *room)
{
    if (size == 0) return;
    int32_t *rows = (int32_t *)room;
    real *dense = room + m->A;
    int64_t count = 0;
    for (int64_t id = 0; id < m->A; id++) {
        int64_t from;
        const int64_t weights = read_part(m->first, id, m->K, &from);
        rows[id] = -1;
        if (weights < TAGGER_DENSE || (count + 1) * width > size - m->A) continue;
        real *row = dense + count * width;
        for (int64_t j = 0; j < width; j += LANES) vf_store(row + j, vf_set(0));
        for (int64_t k = from; k < from + weights; k++) {
            const uint16_t label = READ_ONCE(m->labels[k]);
            if (label < m->L) row[label] += m->weights[k];
        }
        rows[id] = (int32_t)count++;
    }
    m->rows = rows, m->dense = dense;
}

// Places in the memory of a thread, for sequences of up to `longest` items.
typedef struct {
    real *scores, *alpha; // [longest, width]; the scores become exponentials
    real *inverse;        // [longest]: 1 / the sum of alpha
    real *sums;           // [2, width]
    real *beta, *weight;  // [width]
    real *row;            // [5, width]
    real *zeros;          // [width]: the scores of starts and ends
} tagger_room;

static int64_t tagger_room_size(int64_t longest, int64_t width)
{
    return times(2 * longest + 2 + 2 + 5 + 1, width) + round_up(longest, LANES);
}

static tagger_room tagger_room_at(real *memory, int64_t longest, int64_t width)
{
    tagger_room r = {.scores = memory, .alpha = memory + longest * width};
    r.sums = r.alpha + longest * width, r.beta = r.sums + 2 * width, r.weight = r.beta + width;
    r.row = r.weight + width, r.zeros = r.row + 5 * width, r.inverse = r.zeros + width;
    for (int64_t j = 0; j < width; j++) r.zeros[j] = 0;
    return r;
}

// The transitions, and what the fast pass needs besides.
typedef struct {
    crf_table table;
    real *share;      // [width]: e^(top_i - top), padding 0
    real top, spread; // the largest of all, and how far below it the smallest lies
} tagger_chain;

static int64_t tagger_chain_size(int64_t L) { return crf_table_size(L) + crf_width(L); }

static void tagger_chain_fill(tagger_chain *c, const real *transitions, int64_t L, real *room)
{
    crf_fill_table(&c->table, transitions, L, room);
    c->share = room + crf_table_size(L);
    real low = INFINITY;
    c->top = row_largest(transitions, NULL, L * L);
    for (int64_t i = 0; i < L * L; i++) low = transitions[i] < low ? transitions[i] : low;
    c->spread = c->top - low;
    for (int64_t i = 0; i < c->table.width; i += LANES)
        vf_store(c->share + i, exp_or_zero(vf_load(c->table.top + i) - c->top));
}

// Scores that lie no further apart than this keep all sums of the fast pass within the range of numbers.
#define TAGGER_SPREAD (SQ_DOUBLE ? 200 : 20)

// Turns the scores of an item into e^(score - largest). Returns the largest; `spread` becomes at least how far below it
// the smallest lies.
static real tagger_exponentials(real *scores, int64_t L, int64_t width, real *spread)
{
    vf high = vf_set(-(real)INFINITY), low = vf_set(INFINITY);
    for (int64_t j = 0; j < width; j += LANES) {
        const vf score = vf_load(scores + j);
        high = vf_max(high, score);
        low = vf_min(low, vf_select(vf_first(L - j), score, vf_set(INFINITY)));
    }
    const real largest = vf_largest(high), own = largest + vf_largest(-low);
    *spread = own > *spread ? own : *spread;
    for (int64_t j = 0; j < width; j += LANES) vf_store(scores + j, exp_or_zero(vf_load(scores + j) - largest));
    return largest;
}

// The sums over the beginnings of a sequence that end with each label, alpha[t], over those of all sums before: a sum
// is taken off one item later than it could be, so that nothing waits for the division. Returns log Z without the
// largest scores and transitions.
static double tagger_forward(const tagger_chain *c, int64_t length, const tagger_room *r)
{
    const int64_t width = c->table.width;
    double log_mass = 0, mass = 1;
    for (int64_t t = 0; t < length; t++) {
        real *alpha = r->alpha + t * width;
        const real *score = r->scores + t * width;
        vf total = vf_set(0);
        if (t > 0) {
            for (int64_t i = 0; i < width; i += LANES)
                vf_store(r->weight + i, vf_load(alpha - width + i) * vf_load(c->share + i));
            crf_product(&c->table, r->weight, c->table.along, alpha);
        }
        for (int64_t j = 0; j < width; j += LANES) {
            vf sum = vf_load(score + j);
            if (t > 0) sum = vf_load(alpha + j) * (sum * r->inverse[t - 1]);
            vf_store(alpha + j, sum);
            total += sum;
        }
        const real sum = vf_sum(total);
        r->inverse[t] = 1 / sum;
        mass *= (double)sum;
        if (mass < 1e-200 || mass > 1e200) log_mass += log(mass), mass = 1;
    }
    return log_mass + log(mass);
}

// The marginals [length, L] and, where asked for, the counts of pairs over e^(A - top).
static void tagger_backward(const tagger_chain *c, int64_t length, const tagger_room *r, real *marginals, real *outer)
{
    const int64_t width = c->table.width, L = c->table.K;
    for (int64_t i = 0; i < width; i += LANES) vf_store(r->beta + i, vf_set(r->inverse[length - 1]));
    for (int64_t t = length - 1; t >= 0; t--) {
        const real *alpha = r->alpha + t * width, *score = r->scores + t * width;
        for (int64_t j = 0; j < width; j += LANES)
            row_store(marginals + t * L, j, L, vf_load(alpha + j) * vf_load(r->beta + j), false);
        if (t == 0) break;
        for (int64_t j = 0; j < width; j += LANES)
            vf_store(r->weight + j, vf_load(score + j) * r->inverse[t - 1] * vf_load(r->beta + j));
        for (int64_t i = 0; outer && i < L; i++) {
            real *row = outer + i * width;
            const vf from = vf_set((alpha - width)[i] * c->share[i]);
            for (int64_t j = 0; j < width; j += LANES)
                vf_store(row + j, vf_load(row + j) + from * vf_load(r->weight + j));
        }
        crf_product(&c->table, r->weight, c->table.against, r->beta);
        for (int64_t i = 0; i < width; i += LANES) vf_store(r->beta + i, vf_load(r->beta + i) * vf_load(c->share + i));
    }
}

// Does what the fast pass does with scores that lie far apart, in logarithms.
static double tagger_careful(const tagger_chain *c, int64_t length, const tagger_room *r, real *marginals,
                             crf_counts *counts)
{
    const int64_t width = c->table.width, L = c->table.K;
    crf_row row = crf_row_at(r->row, width);
    for (int64_t t = 0; t < length; t++) {
        if (t == 0)
            crf_first(&row, &c->table, r->zeros, r->scores);
        else
            crf_forward_step(&row, &c->table, r->scores + t * width);
        memcpy(r->alpha + t * width, row.log, (size_t)width * sizeof(real));
    }
    const double logz = row.offset + crf_log_sum(row.log, L);
    for (int64_t t = length - 1; t >= 0; t--)
        if (t == length - 1)
            crf_last_step(&row, &c->table, r->alpha + t * width, r->zeros, 1, marginals + t * L);
        else
            crf_backward_step(&row, &c->table, r->alpha + t * width, r->scores + (t + 1) * width, 1, marginals + t * L,
                              counts);
    return logz;
}

// Computes the marginals [length, L] of a sequence that begins at item `begin`. Returns log Z, and adds the score of
// the tags to `score`, unless they are NULL.
static double tagger_sums(const tagger *m, const tagger_chain *c, int64_t begin, int64_t length, const int32_t *tags,
                          const tagger_room *r, real *marginals, crf_counts *counts, double *score)
{
    const int64_t width = c->table.width;
    real spread = 0;
    double largest = 0;
    if (length == 0) return 0;
    for (int64_t t = 0; t < length; t++) {
        real *row = r->scores + t * width;
        tagger_scores(m, begin + t, r->sums, row, width);
        if (tags) *score += (double)row[tags[t]] + (t ? (double)c->table.transitions[tags[t - 1] * m->L + tags[t]] : 0);
        largest += (double)tagger_exponentials(row, m->L, width, &spread);
    }
    if (spread + c->spread <= TAGGER_SPREAD) {
        const double logz = tagger_forward(c, length, r);
        tagger_backward(c, length, r, marginals, counts->outer);
        return logz + largest + (double)c->top * (double)(length - 1);
    }
    for (int64_t t = 0; t < length; t++) tagger_scores(m, begin + t, r->sums, r->scores + t * width, width);
    return tagger_careful(c, length, r, marginals, counts);
}

#endif
