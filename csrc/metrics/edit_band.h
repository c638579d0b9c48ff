// Edit distance in a band around the diagonal, with the operations of one best path, as Tercom and sacrebleu compute
// it.
#ifndef SEQNN_METRICS_EDIT_BAND_H
#define SEQNN_METRICS_EDIT_BAND_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BEAM = 25, FAR = 1 << 29 };
enum { SAME, SUBSTITUTED, DELETED, INSERTED };

// Row i, for the first i of n words, holds the columns [low, high) of m + 1. It is stored with one cell before the
// first that is FAR, and FAR after the last.
typedef struct {
    int64_t n, m, beam, pitch;
    double ratio;
    int32_t *first, *rows; // [m + 2] row 0 and a cell before it; [n + 1, pitch]
    uint8_t *operations;   // [n + 1, pitch]
} edit_band;

static inline int64_t band_beam(int64_t n, int64_t m)
{
    const double ratio = n ? (double)m / (double)n : 1;
    return BEAM < ratio / 2 ? (int64_t)ceil(ratio / 2 + BEAM) : BEAM;
}

static inline int64_t band_pitch(int64_t n, int64_t m) { return 2 * band_beam(n, m) + (n ? m / n : 0) + 5; }

static inline int64_t band_low(const edit_band *e, int64_t i)
{
    const int64_t low = (int64_t)floor((double)i * e->ratio) - e->beam;
    return low > 0 ? low : 0;
}

static inline int64_t band_high(const edit_band *e, int64_t i)
{
    const int64_t high = (int64_t)floor((double)i * e->ratio) + e->beam;
    return i == e->n || high > e->m + 1 ? e->m + 1 : high;
}

static void band_begin(edit_band *e, int64_t n, int64_t m)
{
    e->n = n;
    e->m = m;
    e->ratio = n ? (double)m / (double)n : 1;
    e->beam = band_beam(n, m);
    e->pitch = band_pitch(n, m);
    e->first[0] = FAR;
    for (int64_t j = 0; j <= m; j++) e->first[j + 1] = (int32_t)j;
}

// Where column j of row i lies.
static inline int64_t band_place(const edit_band *e, int64_t i, int64_t j)
{
    return i * e->pitch + j - band_low(e, i) + 1;
}

// Rows from i on; `rows` holds row i - 1, if that is not row 0. Without `operations` only distances are computed.
static int32_t band_run(const edit_band *e, int32_t *rows, uint8_t *operations, int64_t i, const int32_t *words,
                        const int32_t *reference)
{
    for (; i <= e->n; i++) {
        const int64_t low = band_low(e, i), high = band_high(e, i);
        const int32_t *above = i == 1 ? e->first + 1 + low : rows + band_place(e, i - 1, low);
        int32_t *row = rows + i * e->pitch + 1;
        uint8_t *operation = operations ? operations + i * e->pitch + 1 : NULL;
        row[-1] = FAR;
        for (int64_t k = 0; k < high - low; k++) {
            int32_t best = FAR;
            uint8_t how = DELETED;
            if (low + k > 0) {
                const bool differs = words[i - 1] != reference[low + k - 1];
                if (above[k - 1] + differs < best) {
                    best = above[k - 1] + differs;
                    how = differs ? SUBSTITUTED : SAME;
                }
            }
            if (above[k] + 1 < best) {
                best = above[k] + 1;
                how = DELETED;
            }
            if (row[k - 1] + 1 < best) {
                best = row[k - 1] + 1;
                how = INSERTED;
            }
            row[k] = best;
            if (operation) operation[k] = how;
        }
        for (int64_t k = high - low; k < e->pitch - 1; k++) row[k] = FAR;
    }
    return e->n ? rows[band_place(e, e->n, e->m)] : (int32_t)e->m;
}

// Follows the best path back: which word stands at each place of the reference (-1 before the first), and which words
// of both are in error.
static void band_align(const edit_band *e, int32_t *align, uint8_t *word_errs, uint8_t *reference_errs)
{
    for (int64_t i = e->n, j = e->m; i > 0 || j > 0;) {
        const int how = i == 0 ? INSERTED : e->operations[band_place(e, i, j)];
        if (how != DELETED) align[j - 1] = (int32_t)(i - 1);
        if (how != INSERTED) word_errs[i - 1] = how != SAME;
        if (how != DELETED) reference_errs[j - 1] = how != SAME;
        i -= how != INSERTED;
        j -= how != DELETED;
    }
}

#endif
