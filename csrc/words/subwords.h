// The character n-grams of a word, and the hash of the original fastText.
#ifndef SEQNN_WORDS_SUBWORDS_H
#define SEQNN_WORDS_SUBWORDS_H

#include "seqnn.h"

// FNV-1a, which takes bytes as signed numbers here.
enum { SUBWORD_PRIME = 16777619 };
#define SUBWORD_HASH 2166136261u

static inline uint32_t hash_byte(uint32_t hash, uint8_t byte)
{
    return (hash ^ (uint32_t)(int8_t)byte) * (uint32_t)SUBWORD_PRIME;
}

// A word between its borders, "<word>", as UTF-8.
struct bordered {
    const uint8_t *word;
    int64_t size; // bytes with the borders
};

static uint8_t byte_at(struct bordered b, int64_t i) { return i == 0 ? '<' : i == b.size - 1 ? '>' : b.word[i - 1]; }

static bool inside_character(struct bordered b, int64_t i) { return i < b.size && (byte_at(b, i) & 0xC0) == 0x80; }

static bool sentence_end(struct bordered b) { return b.size == 6 && memcmp(b.word, "</s>", 4) == 0; }

// Lists the n-grams of a word, in the original's order: from each character, with min_n to max_n characters, without
// the borders alone. The number of an n-gram is the FNV-1a hash of its bytes, taken as signed ones, modulo `bucket`.
// "</s>", the original's end of a sentence, has none. Returns their count; writes the numbers of the first `room`.
static int64_t list_ngrams(struct bordered b, int64_t min_n, int64_t max_n, uint32_t bucket, int32_t *ids, int64_t room)
{
    int64_t count = 0;
    if (sentence_end(b)) return 0;
    for (int64_t start = 0; start < b.size; start++) {
        if (inside_character(b, start)) continue;
        uint32_t hash = SUBWORD_HASH;
        for (int64_t at = start, n = 1; at < b.size && n <= max_n; n++) {
            do {
                hash = hash_byte(hash, byte_at(b, at++));
            } while (inside_character(b, at));
            if (n < min_n || (n == 1 && (start == 0 || at == b.size))) continue;
            if (count < room) ids[count] = (int32_t)(hash % bucket);
            count++;
        }
    }
    return count;
}

#endif
