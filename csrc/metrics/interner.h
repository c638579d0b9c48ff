// Byte strings to small numbers: an open-addressing hash table that one thread fills again for each group of texts.
#ifndef SEQNN_METRICS_INTERNER_H
#define SEQNN_METRICS_INTERNER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Slot = {first eight bytes of the word, zero-padded; its number + 1, 0 = free; its size}. Word w = pool[ends[w] ..
// ends[w + 1]), with eight bytes of room after the last one.
typedef struct {
    uint64_t head;
    int32_t number, size;
} sq_word_slot;

typedef struct {
    sq_word_slot *slots;
    uint64_t *hashes; // [capacity / 2], as `ends`
    int64_t *ends;
    uint8_t *pool;
    int64_t capacity, allocated, pool_size, words;
    int32_t bytes[256]; // numbers of the words of one byte, + 1
} sq_interner;

static void sq_interner_close(sq_interner *t)
{
    free(t->slots);
    free(t->hashes);
    free(t->ends);
    free(t->pool);
}

// Makes room for `capacity` slots, a power of two, and for half as many words.
static bool sq_interner_allocate(sq_interner *t, int64_t capacity)
{
    if (capacity <= t->allocated) return true;
    const size_t words = (size_t)capacity / 2;
    void *slots = realloc(t->slots, (size_t)capacity * sizeof *t->slots);
    if (slots) t->slots = slots;
    void *hashes = realloc(t->hashes, words * sizeof *t->hashes);
    if (hashes) t->hashes = hashes;
    void *ends = realloc(t->ends, (words + 1) * sizeof *t->ends);
    if (ends) t->ends = ends;
    if (!slots || !hashes || !ends) return false;
    t->allocated = capacity;
    return true;
}

// Forgets all words; `bytes` of text are about to come.
static bool sq_interner_clear(sq_interner *t, int64_t bytes)
{
    int64_t capacity = 64;
    while (capacity < bytes / 2 && capacity < 4096) capacity *= 2;
    if (!sq_interner_allocate(t, capacity)) return false;
    memset(t->slots, 0, (size_t)capacity * sizeof *t->slots);
    memset(t->bytes, 0, sizeof t->bytes);
    t->capacity = capacity;
    t->words = 0;
    t->ends[0] = 0;
    return true;
}

static bool sq_interner_double(sq_interner *t)
{
    if (t->capacity > INT32_MAX / 2 || !sq_interner_allocate(t, 2 * t->capacity)) return false;
    t->capacity *= 2;
    memset(t->slots, 0, (size_t)t->capacity * sizeof *t->slots);
    const uint64_t mask = (uint64_t)t->capacity - 1;
    for (int64_t w = 0; w < t->words; w++) {
        uint64_t slot = t->hashes[w] & mask, head = 0;
        const int64_t size = t->ends[w + 1] - t->ends[w];
        while (t->slots[slot].number) slot = (slot + 1) & mask;
        memcpy(&head, t->pool + t->ends[w], size < 8 ? (size_t)size : 8);
        t->slots[slot] = (sq_word_slot){head, (int32_t)w + 1, (int32_t)size};
    }
    return true;
}

static inline uint64_t sq_mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ h >> 32;
}

static inline uint64_t sq_load8(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, 8);
    return x;
}

static bool sq_interner_append(sq_interner *t, const uint8_t *word, int64_t size, uint64_t head)
{
    const int64_t start = t->ends[t->words];
    if (start + size + 8 > t->pool_size) {
        const int64_t larger = 2 * (start + size) + 256;
        uint8_t *pool = realloc(t->pool, (size_t)larger);
        if (!pool) return false;
        t->pool = pool;
        t->pool_size = larger;
    }
    memcpy(t->pool + start, &head, 8);
    if (size > 8) memcpy(t->pool + start, word, (size_t)size);
    t->ends[++t->words] = start + size;
    return true;
}

// The number of a word of size >= 1: words are numbered in the order of their first occurrence; -1 = no memory, or 2^31
// words or bytes. `readable` bytes may be read from the word's beginning on.
static inline int64_t sq_intern(sq_interner *t, const uint8_t *word, int64_t size, int64_t readable)
{
    if (size > INT32_MAX) return -1;
    if (size == 1 && t->bytes[*word]) return t->bytes[*word] - 1;
    uint64_t head = 0;
    if (size >= 8)
        head = sq_load8(word);
    else if (readable >= 8)
        head = sq_load8(word) & (UINT64_MAX >> (64 - 8 * size));
    else
        for (int64_t i = 0; i < size; i++) head |= (uint64_t)word[i] << 8 * i;
    uint64_t hash = sq_mix((uint64_t)size, head);
    for (int64_t at = 8; at < size; at += 8) hash = sq_mix(hash, sq_load8(word + (at + 8 <= size ? at : size - 8)));
    hash ^= hash >> 17;
    const uint64_t mask = (uint64_t)t->capacity - 1;
    uint64_t at = hash & mask;
    for (const sq_word_slot *slot = t->slots + at; slot->number; slot = t->slots + (at = (at + 1) & mask)) {
        if (slot->head != head || slot->size != size) continue;
        if (size <= 8 || !memcmp(t->pool + t->ends[slot->number - 1], word, (size_t)size)) return slot->number - 1;
    }
    if (!sq_interner_append(t, word, size, head)) return -1;
    t->slots[at] = (sq_word_slot){head, (int32_t)t->words, (int32_t)size};
    t->hashes[t->words - 1] = hash;
    if (size == 1) t->bytes[*word] = (int32_t)t->words;
    if (t->words >= t->capacity / 2 && !sq_interner_double(t)) return -1;
    return t->words - 1;
}

#endif
