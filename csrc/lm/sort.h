// The rows of a text, at most `order` words from each of its positions on, sorted: the body of ngram_count_sort.
#ifndef SEQNN_LM_SORT_H
#define SEQNN_LM_SORT_H

#include "base/arith.h"
#include "base/once.h"
#include "ngram_count_args.h"
#include "seqnn.h"

enum {
    FEW = 12,      // rows up to this number are compared word by word
    MERGED = 64,   // keys up to this number are merged, more are counted by their digits
    DIGIT = 11,    // most bits of a digit: its counters stay in the first-level cache
    PREFETCH = 16, // rows that are fetched before they are read
};

typedef struct {
    const int32_t *stream;
    int64_t T;
    int order, bits; // bits of the largest word
    uint64_t *keys, *spare;
} sorter;

// A sentence that does not end ends with the text.
static inline uint32_t word_at(const int32_t *stream, int64_t T, int64_t i)
{
    return i < T ? (uint32_t)READ_ONCE(stream[i]) : NGRAM_COUNT_EOS;
}

// Compares two rows from `depth` on; `*same` = the words that both begin with, `order` where all are.
static int compare_rows(const sorter *s, uint32_t a, uint32_t b, int depth, uint8_t *same)
{
    for (int d = depth; d < s->order; d++) {
        const uint32_t x = word_at(s->stream, s->T, (int64_t)a + d), y = word_at(s->stream, s->T, (int64_t)b + d);
        *same = (uint8_t)d;
        if (x != y) return x < y ? -1 : 1;
        if (x == NGRAM_COUNT_EOS) break;
    }
    *same = (uint8_t)s->order;
    return 0;
}

static void sort_few(const sorter *s, uint32_t *rows, uint8_t *shared, int64_t n, int depth)
{
    uint8_t same;
    for (int64_t i = 0; i < n; i++) __builtin_prefetch(s->stream + rows[i] + depth);
    for (int64_t i = 1; i < n; i++) {
        const uint32_t row = rows[i];
        int64_t j = i;
        for (; j > 0 && compare_rows(s, rows[j - 1], row, depth, &same) > 0; j--) rows[j] = rows[j - 1];
        rows[j] = row;
    }
    for (int64_t i = 1; i < n; i++) compare_rows(s, rows[i - 1], rows[i], depth, shared + i);
}

// Sorts by merging, from runs of eight that insertion sorts. The result is in s->keys.
static void merge_keys(sorter *s, int64_t n)
{
    for (int64_t begin = 0; begin < n; begin += 8) {
        const int64_t end = least(begin + 8, n);
        for (int64_t i = begin + 1; i < end; i++) {
            const uint64_t key = s->keys[i];
            int64_t j = i;
            for (; j > begin && s->keys[j - 1] > key; j--) s->keys[j] = s->keys[j - 1];
            s->keys[j] = key;
        }
    }
    for (int64_t width = 8; width < n; width *= 2) {
        for (int64_t begin = 0; begin < n; begin += 2 * width) {
            const int64_t middle = least(begin + width, n);
            const int64_t end = least(begin + 2 * width, n);
            int64_t i = begin, j = middle;
            for (int64_t k = begin; k < end; k++)
                s->spare[k] = j >= end || (i < middle && s->keys[i] < s->keys[j]) ? s->keys[i++] : s->keys[j++];
        }
        uint64_t *sorted = s->spare;
        s->spare = s->keys;
        s->keys = sorted;
    }
}

// Sorts by the words, digit by digit from the lowest one; the rows of a word stay in their order.
static void count_keys(sorter *s, int64_t n)
{
    const int passes = (s->bits + DIGIT - 1) / DIGIT, width = (s->bits + passes - 1) / passes;
    const uint64_t mask = (UINT64_C(1) << width) - 1;
    for (int pass = 0; pass < passes; pass++) {
        const int shift = 32 + pass * width;
        uint32_t next[1 << DIGIT], total = 0;
        memset(next, 0, sizeof *next << width);
        for (int64_t i = 0; i < n; i++) next[s->keys[i] >> shift & mask]++;
        for (uint64_t digit = 0; digit <= mask; digit++) {
            const uint32_t count = next[digit];
            next[digit] = total;
            total += count;
        }
        for (int64_t i = 0; i < n; i++) s->spare[next[s->keys[i] >> shift & mask]++] = s->keys[i];
        uint64_t *sorted = s->spare;
        s->spare = s->keys;
        s->keys = sorted;
    }
}

// Sorts rows that agree in their first `depth` words, in the order of the text where they are equal. shared[i] = the
// words that row i has in common with the one before it; shared[0] is left as it is.
static void sort_rows(sorter *s, uint32_t *rows, uint8_t *shared, int64_t n, int depth)
{
    if (depth == s->order || n <= FEW) {
        if (depth == s->order)
            memset(shared + 1, depth, (size_t)(n - 1));
        else
            sort_few(s, rows, shared, n, depth);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        if (i + PREFETCH < n) __builtin_prefetch(s->stream + rows[i + PREFETCH] + depth);
        s->keys[i] = (uint64_t)word_at(s->stream, s->T, (int64_t)rows[i] + depth) << 32 | rows[i];
    }
    (n <= MERGED ? merge_keys : count_keys)(s, n);
    rows[0] = (uint32_t)s->keys[0];
    for (int64_t i = 1; i < n; i++) {
        rows[i] = (uint32_t)s->keys[i];
        shared[i] = (uint8_t)(depth + (s->keys[i] >> 32 == s->keys[i - 1] >> 32));
    }
    for (int64_t begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && shared[end] > depth;) end++;
        if (end == begin + 1) continue;
        if (word_at(s->stream, s->T, (int64_t)rows[begin] + depth) == NGRAM_COUNT_EOS)
            memset(shared + begin + 1, s->order, (size_t)(end - begin - 1));
        else
            sort_rows(s, rows + begin, shared + begin, end - begin, depth + 1);
    }
}

// Rows by their first words, 2^shift words in a bucket: one, unless there are many more words than rows. Bucket b has
// the rows [starts[b], starts[b + 1]); next[b] is where its next one belongs.
typedef struct {
    int64_t count, longest;
    int64_t *starts, *next;
    int shift;
} buckets;

static inline bool is_one_word(const buckets *b) { return b->shift == 0; }

// Counts the rows of each bucket.
static const char *open_buckets(buckets *b, const struct ngram_count_sort *a)
{
    *b = (buckets){.shift = 0};
    while ((a->words - 1) >> b->shift > most(a->T, 1024)) b->shift++;
    b->count = ((a->words - 1) >> b->shift) + 1;
    b->starts = calloc((size_t)b->count + 1, sizeof *b->starts);
    b->next = malloc((size_t)b->count * sizeof *b->next);
    if (!b->starts || !b->next) return sq_no_memory;
    for (int64_t i = 0; i < a->T; i++) {
        const int32_t word = READ_ONCE(a->stream[i]);
        if (word < 0 || word >= a->words) return "stream: expected numbers below words";
        b->starts[(word >> b->shift) + 1]++;
    }
    for (int64_t k = 0; k < b->count; k++) {
        const bool sorted = is_one_word(b) && k == NGRAM_COUNT_EOS;
        if (!sorted && b->starts[k + 1] > b->longest) b->longest = b->starts[k + 1];
        b->next[k] = b->starts[k];
        b->starts[k + 1] += b->starts[k];
    }
    return NULL;
}

// Places the rows of a thread's share of the buckets, in the order of the text.
static void fill_buckets(buckets *b, const struct ngram_count_sort *a, int64_t part, int64_t parts)
{
    const int64_t low = cut(a->T, parts, part), high = cut(a->T, parts, part + 1);
    for (int64_t i = 0; i < a->T; i++) {
        const int32_t word = READ_ONCE(a->stream[i]);
        if (word < 0 || word >= a->words) continue; // changed during the call
        const int64_t k = word >> b->shift;
        if (b->starts[k] < low || b->starts[k] >= high) continue;
        if (b->next[k] < b->starts[k + 1]) a->positions[b->next[k]++] = (uint32_t)i;
    }
}

static void sort_bucket(const buckets *b, const struct ngram_count_sort *a, sorter *s, int64_t k)
{
    const int64_t begin = b->starts[k], n = b->starts[k + 1] - begin;
    if (n == 0) return;
    while (b->next[k] < begin + n) a->positions[b->next[k]++] = 0; // the text has been changed during the call
    a->shared[begin] = 0;
    if (is_one_word(b) && k == NGRAM_COUNT_EOS)
        memset(a->shared + begin + 1, s->order, (size_t)(n - 1));
    else
        sort_rows(s, a->positions + begin, a->shared + begin, n, is_one_word(b));
}

#endif
