// The input rows of fastText: a token's is the mean of the rows of its word and of its word's character n-grams. The
// gradient of the mean is added to each of these rows, so the mean itself moves by just that gradient. Hence a token
// gets a row of its own, the mean, when it comes into the window; the windows train that row; and when the token goes
// out, what has become of it is added to the rows that it was made of. These are many and lie far apart, and each is
// read once and written once, not once a window. Only tokens of the same window that share a row do not see each
// other's changes to it.
#ifndef SEQNN_WORDS_TRAINER_ROWS_H
#define SEQNN_WORDS_TRAINER_ROWS_H

#include "base/arith.h"
#include "base/once.h"
#include "words/mean_rows.h"
#include "words/trainer.h"

enum { TOKENS_AHEAD = 2 }; // the rows of a token are looked up and prefetched so many tokens before it comes

// The rows of the tokens that windows reach just now. Token i has the slot i & mask and the list i & list_mask.
struct slots {
    int64_t mask, list_mask;
    real *now, *before; // [mask + 1][P] the token's row, and as it was at first
    int64_t longest;    // most rows of a word
    int32_t *list;      // [list_mask + 1][longest] the rows that the token is made of, checked
    int32_t *count;     // [list_mask + 1] their number
    void *memory;
};

static int64_t power_of_two_from(int64_t least)
{
    int64_t size = 1;
    while (size < least) size *= 2;
    return size;
}

// Makes room for windows that reach `span` tokens. False where memory ran out.
static bool slots_allocate(struct slots *s, const struct training *a, int64_t span, int64_t longest)
{
    *s = (struct slots){.longest = longest};
    if (!a->rows) return true;
    const int64_t slots = power_of_two_from(span), lists = power_of_two_from(span + TOKENS_AHEAD);
    const int64_t rows = 2 * slots * a->P * (int64_t)sizeof(real);
    s->mask = slots - 1;
    s->list_mask = lists - 1;
    s->memory = malloc((size_t)(64 + rows + lists * (longest + 1) * (int64_t)sizeof(int32_t)));
    if (!s->memory) return false;
    s->now = (real *)(((uintptr_t)s->memory + 63) & ~(uintptr_t)63);
    s->before = s->now + slots * a->P;
    s->count = (int32_t *)(s->before + slots * a->P);
    s->list = s->count + lists;
    return true;
}

// Returns the most rows of any word.
static int64_t find_most_rows(const struct training *a)
{
    int64_t found = 0, start;
    for (int64_t v = 0; a->rows && v < a->V; v++) found = most(found, read_part(a->row_offsets, v, a->T, &start));
    return found;
}

// Looks up the rows that token i, a word, is made of, and asks for them, into the second level of the cache: those of a
// few tokens exceed the first. False where they are none of the matrix.
ALWAYS_INLINE bool slots_look_up(struct slots *s, const struct training *a, int64_t i, int32_t word)
{
    const int64_t at = i & s->list_mask;
    int64_t start, count = read_part(a->row_offsets, word, a->T, &start);
    const bool good = count >= 0 && count <= s->longest;
    if (!good) count = 0;
    int32_t *const list = s->list + at * s->longest;
    s->count[at] = 0;
    for (int64_t k = 0; k < count; k++) {
        const int32_t row = READ_ONCE(a->rows[start + k]);
        if ((uint32_t)row >= a->R) return false;
        list[k] = row;
        prefetch_row(a->input + row * a->P, a->P);
    }
    s->count[at] = (int32_t)count;
    return good;
}

// Adds now - before to `count` rows, of each the share that its factor says.
static void scatter_shares(const real *restrict now, const real *restrict before, real *restrict input, int64_t P,
                           const int32_t *restrict row, int64_t count, const real *restrict factor)
{
    for (int64_t k = 0; k < count; k++) {
        const real share = factor[row[k]];
        real *const x = input + row[k] * P;
        if (share == 0) continue; // it stays as it is, also where the change is not finite
        for (int64_t at = 0; at < P; at += LANES)
            vf_store(x + at, vf_load(x + at) + (vf_load(now + at) - vf_load(before + at)) * share);
    }
}

// Token i comes: its row becomes the mean of the rows that were looked up.
ALWAYS_INLINE void slots_enter(const struct slots *s, const struct training *a, int64_t i)
{
    const int64_t slot = (i & s->mask) * a->P, at = i & s->list_mask;
    mean_of_rows(s->now + slot, a->input, a->P, s->list + at * s->longest, s->count[at]);
    memcpy(s->before + slot, s->now + slot, (size_t)a->P * sizeof(real));
}

// Token i goes: what has become of its row is added to the rows that it was made of.
ALWAYS_INLINE void slots_leave(const struct slots *s, const struct training *a, int64_t i)
{
    const int64_t slot = (i & s->mask) * a->P, at = i & s->list_mask;
    const real *const now = s->now + slot;
    real *const before = s->before + slot;
    const int32_t *const list = s->list + at * s->longest;
    if (a->factors) {
        scatter_shares(now, before, a->input, a->P, list, s->count[at], a->factors);
        return;
    }
    for (int64_t d = 0; d < a->P; d += LANES) vf_store(before + d, vf_load(now + d) - vf_load(before + d));
    add_to_rows(before, a->input, a->P, list, s->count[at]);
}

#endif
