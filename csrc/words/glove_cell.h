// One cell of GloVe's counts: its entries in the order of training, and AdaGrad on them. words/glove.c says what cells
// are.
#ifndef SEQNN_WORDS_GLOVE_CELL_H
#define SEQNN_WORDS_GLOVE_CELL_H

#include "glove_args.h"
#include "random/rng.h"
#include "vec/math.h"

enum { STREAMS = 2, AHEAD = 6 }; // segments that take turns; segments whose row is prefetched before they begin
#define NO_ROW UINT32_MAX

// An entry is row * GLOVE_COLUMNS + column, within its cell.
static inline uint32_t row_of(uint32_t entry) { return entry / GLOVE_COLUMNS; }
static inline uint32_t column_of(uint32_t entry) { return entry % GLOVE_COLUMNS; }

static inline vf inverse_root(vf x)
{
#if defined(__AVX512F__) && !SQ_DOUBLE
    return (vf)_mm512_rsqrt14_ps((__m512)x);
#elif defined(__AVX__) && !SQ_DOUBLE
    return (vf)_mm256_rsqrt_ps((__m256)x);
#elif defined(__SSE__) && !SQ_DOUBLE
    return (vf)_mm_rsqrt_ps((__m128)x);
#else
    for (int i = 0; i < LANES; i++) x[i] = 1 / (SQ_DOUBLE ? (real)sqrt((double)x[i]) : (real)sqrtf((float)x[i]));
    return x;
#endif
}

// The sum of the lanes, by halves.
static inline real sum_lanes(vf x)
{
#if defined(__AVX512F__) && !SQ_DOUBLE
    return _mm512_reduce_add_ps((__m512)x);
#elif defined(__AVX__) && !SQ_DOUBLE
    __m128 four = _mm_add_ps(_mm256_castps256_ps128((__m256)x), _mm256_extractf128_ps((__m256)x, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
#else
    return vf_sum(x);
#endif
}

typedef struct {
    real log_x_max, alpha, rate;
    int64_t width;
    real word_rates[LANES], context_rates[LANES]; // of the last lanes
} objective;

// Which share of its changes each vector takes, of a cell's rows and columns; NULL: all. Biases take all of theirs.
typedef struct {
    const real *words, *contexts;
    int64_t stride; // from a row's factor to the next one's
} shares;

// A cell's entries in the order of training.
typedef struct {
    uint32_t *segments, *bounds, *entries;
    uint32_t *fetch; // where a segment begins: the row of a later one, NO_ROW elsewhere
    real *logs, *weights;
} scratch;

// Computes f(x) of `count` entries from log x.
static void weigh(const objective *o, const real *restrict logs, real *restrict weights, int64_t count)
{
    int64_t i = 0;
    const vf zero = {0}, low = vf_set(SQ_DOUBLE ? (real)-700 : (real)-87);
    for (; i + LANES <= count; i += LANES) {
        vf power = (vf_load(logs + i) - o->log_x_max) * o->alpha;
        vf_store(weights + i, vf_exp_bounded(vf_max(low, vf_min(zero, power))));
    }
    for (; i < count; i++) {
        real power = (logs[i] - o->log_x_max) * o->alpha;
        weights[i] = power < 0 ? (real)exp((double)power) : 1;
    }
}

// Finds the segments (runs of entries of one row) and puts them in a random order. Returns their number.
static int64_t shuffle_segments(const uint32_t *restrict entries, int64_t count, scratch *s, uint64_t seed,
                                uint64_t stream, uint64_t position)
{
    int64_t segments = 0;
    uint32_t row = NO_ROW;
    for (int64_t i = 0; i < count; i++) {
        const uint32_t this_row = row_of(entries[i]);
        s->bounds[segments] = (uint32_t)i;
        segments += this_row != row;
        row = this_row;
    }
    s->bounds[segments] = (uint32_t)count;
    enum { DRAWS = 4 * SQ_PHILOX_LANES };
    uint32_t draws[DRAWS];
    for (int64_t i = 0; i < segments; i++) { // each new one takes the place of a random earlier one
        if (i % DRAWS == 0) sq_philox_block(draws, seed, stream, position + (uint64_t)i / 4);
        uint64_t j = (uint64_t)draws[i % DRAWS] * (uint64_t)(i + 1) >> 32;
        s->segments[i] = s->segments[j];
        s->segments[j] = (uint32_t)i;
    }
    return segments;
}

// Copies the entries in the order in which they are trained: STREAMS segments take turns, entry by entry, so that
// neighbours in time have different rows and the processor can work on both, while each row stays in the cache for its
// whole segment.
static void interleave(const uint32_t *restrict entries, const real *restrict logs, int64_t count, int64_t segments,
                       scratch *s)
{
    uint32_t at[STREAMS] = {0}, end[STREAMS] = {0};
    int64_t taken = 0, written = 0;
    while (written < count) {
        for (int k = 0; k < STREAMS; k++) {
            uint32_t fetch = NO_ROW;
            if (at[k] == end[k]) {
                if (taken == segments) continue;
                if (taken + AHEAD < segments) fetch = row_of(entries[s->bounds[s->segments[taken + AHEAD]]]);
                at[k] = s->bounds[s->segments[taken]];
                end[k] = s->bounds[s->segments[taken++] + 1];
            }
            s->fetch[written] = fetch;
            s->entries[written] = entries[at[k]];
            s->logs[written++] = logs[at[k]++];
        }
    }
}

// Do all entries lie in a cell of that size?
static bool entries_fit(const uint32_t *restrict entries, int64_t count, int64_t rows, int64_t columns)
{
    uint32_t row = 0, column = 0;
    for (int64_t i = 0; i < count; i++) {
        row = row_of(entries[i]) > row ? row_of(entries[i]) : row;
        column = column_of(entries[i]) > column ? column_of(entries[i]) : column;
    }
    return row < rows && column < columns;
}

// Returns a factor for each of the last lanes: the share of the vector's, 1 of a bias.
ALWAYS_INLINE vf last_share(real share, int64_t bias)
{
    vf lanes = vf_set(share);
    lanes[bias] = 1;
    return lanes;
}

// Takes a step of AdaGrad on each entry of a cell, one after the other. Returns their loss, twice. With a constant for
// `chunks` this becomes a function of its own; `kept` is a constant too: whether vectors take shares.
ALWAYS_INLINE double train_entries(const objective *o, const scratch *s, int64_t count, real *words,
                                   int64_t word_stride, real *contexts, const int64_t chunks, const shares *h,
                                   const bool kept)
{
    const int64_t width = chunks * LANES;
    const vf last_word = vf_load(o->word_rates), last_context = vf_load(o->context_rates);
    double loss = 0;
    for (int64_t i = 0; i < count; i++) {
        if (s->fetch[i] != NO_ROW) {
            const char *row = (const char *)(words + s->fetch[i] * word_stride);
            for (size_t k = 0; k < (size_t)(2 * width) * sizeof(real); k += 64) prefetch_write(row + k);
        }
        real *restrict word = words + (row_of(s->entries[i])) * word_stride;
        real *restrict context = contexts + (column_of(s->entries[i])) * 2 * width;
        vf dot[2] = {vf_load(word) * vf_load(context), {0}};
        for (int64_t k = 1; k < chunks; k++) dot[k % 2] += vf_load(word + k * LANES) * vf_load(context + k * LANES);
        const real error = sum_lanes(dot[0] + dot[1]) - s->logs[i], weighted = s->weights[i] * error;
        loss += (double)weighted * (double)error;
        const vf rate = vf_set(weighted * o->rate);
        const real own_w = kept && h->words ? h->words[row_of(s->entries[i]) * h->stride] : 1;
        const real own_c = kept && h->contexts ? h->contexts[column_of(s->entries[i])] : 1;
        for (int64_t k = 0; k < chunks; k++) {
            real *w = word + k * LANES, *c = context + k * LANES;
            const vf old_w = vf_load(w), old_c = vf_load(c), square_w = vf_load(w + width),
                     square_c = vf_load(c + width);
            vf slope_w = old_c * rate, slope_c = old_w * rate;
            if (k + 1 == chunks) {
                slope_w = old_c * (weighted * last_word);
                slope_c = old_w * (weighted * last_context);
            }
            vf step_w = slope_w * inverse_root(square_w), step_c = slope_c * inverse_root(square_c);
            if (kept) {
                const bool last = k + 1 == chunks;
                step_w *= last ? last_share(own_w, LANES - 2) : vf_set(own_w);
                step_c *= last ? last_share(own_c, LANES - 1) : vf_set(own_c);
            }
            vf_store(w, old_w - step_w);
            vf_store(c, old_c - step_c);
            vf_store(w + width, square_w + slope_w * slope_w);
            vf_store(c + width, square_c + slope_c * slope_c);
        }
    }
    return loss;
}

#endif
