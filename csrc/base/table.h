// Open-addressing hash tables in arrays that the caller holds, so that Python can keep, grow and read them.
//
// A slot is two 64-bit words or more: the first is the key or its beginning, the last is the value, 0 while the slot is
// free. What else belongs to a key lies between the two, or in an array beside the table; `same` compares it. A search
// begins at the slot that the hash names and looks at one slot after the other. A table may be cut into parts by the
// upper half of the hash: each part is filled by one thread in the order of the input, so the table is the same for any
// number of threads.
//
// Nothing that a table holds is trusted: a search ends after one round, and a value may be anything.
#ifndef SEQNN_BASE_TABLE_H
#define SEQNN_BASE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#define TABLE_INLINE static inline __attribute__((always_inline))

typedef struct {
    const uint64_t *slots;   // [parts][capacity][words]
    int64_t parts, capacity; // capacity is a power of two
} table;

// What a kernel says when a search has found neither the key nor a free slot.
#define TABLE_IS_FULL "the table has no free slot: expected one that is filled to 3/4 at most"

static inline bool is_power_of_two(int64_t x) { return x > 0 && (x & (x - 1)) == 0; }

// Hashes. The multipliers are odd and have about as many ones as zeros; the shift brings the well mixed upper bits
// down.
#define TABLE_GOLDEN UINT64_C(0x9E3779B97F4A7C15)
#define TABLE_SILVER UINT64_C(0xD6E8FEB86659FD93)

static inline uint64_t table_mix(uint64_t x, uint64_t multiplier)
{
    x *= multiplier;
    return x ^ x >> 32;
}

// The hash of a key of two words; of one word where `second` is 0.
static inline uint64_t table_hash(uint64_t first, uint64_t second)
{
    return table_mix(table_mix(first ^ second * TABLE_SILVER, TABLE_GOLDEN), TABLE_SILVER);
}

static inline int64_t table_part(const table *t, uint64_t hash)
{
    return (int64_t)((hash >> 32) * (uint64_t)t->parts >> 32);
}

// The slot at which the search for a hash begins.
static inline int64_t table_home(const table *t, uint64_t hash)
{
    return table_part(t, hash) * t->capacity + (int64_t)(hash & (uint64_t)(t->capacity - 1));
}

// Returns the slot that holds a key, or the free one where it belongs; -1 where there is neither. `first` is the key's
// first word; of a slot that has the same, same(key, slot) says whether it holds the key. With constants for `words`
// and `same` this becomes a loop of its own.
TABLE_INLINE int64_t table_find(const table *t, const int words, uint64_t hash, uint64_t first,
                                bool (*const same)(const void *key, int64_t slot), const void *key)
{
    const int64_t mask = t->capacity - 1, home = (int64_t)hash & mask, part = table_part(t, hash) * t->capacity;
    int64_t at = home;
    do {
        const uint64_t *slot = t->slots + words * (part + at);
        if (slot[words - 1] == 0) return part + at;
        if (slot[0] == first && same(key, part + at)) return part + at;
        at = (at + 1) & mask;
    } while (at != home);
    return -1;
}

#endif
