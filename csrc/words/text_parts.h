// What a text is made of for the classifier of the original fastText: its words, their character n-grams, its n-grams
// of words; and its labels. Each part has a row of the input matrix: words first, then the n-grams that have one.
#ifndef SEQNN_WORDS_TEXT_PARTS_H
#define SEQNN_WORDS_TEXT_PARTS_H

#include "base/arith.h"
#include "base/once.h"
#include "words/subwords.h"

#define ZERO_ROW (-1)

// The dictionary: E entries, of which the first `words` are words and the others labels, and how n-grams get rows.
struct dictionary {
    const uint8_t *pool; // entry e is pool[entries[e] .. entries[e + 1])
    const int64_t *entries;
    int64_t E, D, words;
    const int32_t *table; // [C] entries by their hash, -1 where there is none; C is a power of two
    int64_t C;
    const uint8_t *prefix; // [X] of labels
    int64_t X;
    const int64_t *part_offsets; // the rows of word w are parts[part_offsets[w] .. part_offsets[w + 1]); or NULL: row w
    const int32_t *parts;
    int64_t T;
    const uint64_t *bits; // which n-grams have a row, [Q]; NULL: all
    const int32_t *ranks; // how many have one before bit 64 q
    int64_t Q;
    int64_t word_ngrams, min_n, max_n, bucket;
    bool zeros; // whether n-grams without a row count as rows of zeros, ZERO_ROW; else they are left out
};
#define DICTIONARY_OF(a)                                                                                               \
    {(a)->pool,        (a)->entries, (a)->E,      (a)->D,      (a)->words,                                             \
     (a)->table,       (a)->C,       (a)->prefix, (a)->X,      (a)->part_offsets,                                      \
     (a)->parts,       (a)->T,       (a)->bits,   (a)->ranks,  (a)->bits ? (a)->Q : 0,                                 \
     (a)->word_ngrams, (a)->min_n,   (a)->max_n,  (a)->bucket, (a)->zeros}

// Numbers that grow as they are listed, one thread's.
struct list {
    int32_t *at;
    int64_t size, room;
    bool failed;
};

static bool list_reserve(struct list *l, int64_t more)
{
    if (l->size + more <= l->room) return true;
    const int64_t room = most(2 * l->room, l->size + more + 256);
    int32_t *const at = realloc(l->at, (size_t)room * sizeof *at);
    if (!at) {
        l->failed = true;
        return false;
    }
    l->at = at;
    l->room = room;
    return true;
}

static inline void list_add(struct list *l, int32_t number)
{
    if (l->size < l->room || list_reserve(l, 1)) l->at[l->size++] = number;
}

// Copies the list to a place with room for `room` numbers, the rest of them zeros; false where it has another size.
static bool list_copy(const struct list *l, int32_t *to, int64_t room)
{
    const int64_t count = least(room, l->size);
    for (int64_t k = 0; k < room; k++) to[k] = k < count ? l->at[k] : 0;
    return l->size == room;
}

static inline bool is_space(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == 0; }

// Returns the entry of a word, -1 where there is none.
static int64_t find_entry(const struct dictionary *d, const uint8_t *word, int64_t size, uint32_t hash)
{
    for (int64_t step = 0; step < d->C; step++) {
        const int32_t entry = READ_ONCE(d->table[(hash + step) & (d->C - 1)]);
        int64_t start;
        if ((uint32_t)entry >= d->E) return -1;
        if (read_part(d->entries, entry, d->D, &start) == size && !memcmp(d->pool + start, word, (size_t)size))
            return entry;
    }
    return -1;
}

// Adds the row of an n-gram, if it has one.
static inline void add_ngram(const struct dictionary *d, struct list *l, int64_t ngram)
{
    if (!d->bits) {
        list_add(l, (int32_t)(d->words + ngram));
        return;
    }
    const uint64_t bits = READ_ONCE(d->bits[ngram >> 6]), mask = UINT64_C(1) << (ngram & 63);
    if (bits & mask)
        list_add(l, (int32_t)(d->words + READ_ONCE(d->ranks[ngram >> 6]) + __builtin_popcountll(bits & (mask - 1))));
    else if (d->zeros)
        list_add(l, ZERO_ROW);
}

// Adds the rows of a word: those of its entry, or of an unknown one's character n-grams.
static void add_word(const struct dictionary *d, struct list *l, const uint8_t *word, int64_t size, int64_t entry)
{
    int64_t start;
    if (entry >= 0 && !d->part_offsets) {
        list_add(l, (int32_t)entry);
    } else if (entry >= 0) {
        const int64_t count = read_part(d->part_offsets, entry, d->T, &start);
        if (count <= 0 || !list_reserve(l, count)) return;
        memcpy(l->at + l->size, d->parts + start, (size_t)count * sizeof *l->at);
        l->size += count;
    } else if (d->bucket > 0 && d->max_n > 0) {
        const struct bordered b = {word, size + 2};
        if (!list_reserve(l, b.size * (d->max_n - least(d->min_n, d->max_n) + 1))) return;
        int32_t *const ngrams = l->at + l->size;
        const int64_t count = list_ngrams(b, d->min_n, d->max_n, (uint32_t)d->bucket, ngrams, l->room - l->size);
        for (int64_t k = 0; k < count; k++) add_ngram(d, l, ngrams[k]); // never before what it reads
    }
}

// Adds the rows of the n-grams of two words or more; a hash is that of the words' hashes, as signed numbers.
static void add_word_ngrams(const struct dictionary *d, struct list *l, const struct list *hashes)
{
    for (int64_t i = 0; i < hashes->size; i++) {
        uint64_t hash = (uint64_t)(int64_t)hashes->at[i];
        for (int64_t j = i + 1; j < hashes->size && j < i + d->word_ngrams; j++) {
            hash = hash * 116049371 + (uint64_t)(int64_t)hashes->at[j];
            add_ngram(d, l, (int64_t)(hash % (uint64_t)d->bucket));
        }
    }
}

// Lists the rows of a text, or the numbers of its labels. A text ends with the word "</s>", also where it has none.
static void list_parts(const struct dictionary *d, const uint8_t *text, int64_t size, bool labels, struct list *l,
                       struct list *hashes)
{
    static const uint8_t end[] = "</s>";
    const bool ngrams = d->word_ngrams > 1 && d->bucket > 0 && !labels;
    l->size = hashes->size = 0;
    for (int64_t at = 0;;) {
        while (at < size && is_space(text[at])) at++;
        const bool last = at >= size;
        const uint8_t *const word = last ? end : text + at;
        int64_t length = 0;
        uint32_t hash = SUBWORD_HASH;
        for (; last ? length < 4 : at + length < size && !is_space(word[length]); length++)
            hash = hash_byte(hash, word[length]);
        const bool label = length >= d->X && !memcmp(word, d->prefix, (size_t)d->X);
        if (label == labels) {
            const int64_t entry = find_entry(d, word, length, hash);
            if (labels && entry >= d->words) list_add(l, (int32_t)(entry - d->words));
            if (!labels && entry < d->words) add_word(d, l, word, length, entry);
            if (ngrams) list_add(hashes, (int32_t)hash);
        }
        if (last || (length == 4 && !memcmp(word, end, 4))) break;
        at += length;
    }
    if (ngrams) add_word_ngrams(d, l, hashes);
    l->failed |= hashes->failed;
}

#endif
