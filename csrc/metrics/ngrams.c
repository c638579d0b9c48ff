// Matching n-grams of pairs of sequences, for BLEU, chrF and ROUGE-N.
//
// An n-gram is known by its first n - 1 tokens, a slot of the hash table, and its last one: so the keys of all orders
// have 64 bits and nothing is ever confused. An n-gram whose beginning is unknown is unknown itself.
#include "base/arith.h"
#include "ngrams_args.h"

// Slot = key, 0 = free; the most occurrences in one reference; base + occurrences in the sequence that is counted now,
// or a lower number.
typedef struct {
    uint64_t key;
    uint32_t most, seen;
} ngram;

typedef struct {
    ngram *slots;
    int bits; // 2^bits slots
    uint32_t base;
    int64_t *parents; // for each place, the n-gram that begins there, its slot + 1; the empty one is 0
} ngram_table;

enum { UNKNOWN = -1 };

static inline uint64_t key_of(int64_t parent, int32_t token)
{
    return (uint64_t)parent << 33 | ((uint64_t)(uint32_t)token + 1);
}

// The slot that holds the key, or the free one where it belongs.
static inline int64_t find_slot(const ngram_table *t, uint64_t key)
{
    const uint64_t mask = (UINT64_C(1) << t->bits) - 1;
    uint64_t slot = key * UINT64_C(0x9E3779B97F4A7C15) >> (64 - t->bits);
    while (t->slots[slot].key && t->slots[slot].key != key) slot = (slot + 1) & mask;
    return (int64_t)slot;
}

// The occurrences of the n-gram in the present sequence, with this one.
static inline uint32_t count_once_more(const ngram_table *t, ngram *g)
{
    g->seen = (g->seen > t->base ? g->seen : t->base) + 1;
    return g->seen - t->base;
}

static void add_reference(ngram_table *t, const int32_t *tokens, int64_t size, int64_t order)
{
    memset(t->parents, 0, (size_t)size * sizeof *t->parents);
    for (int64_t n = 0; n < order && n < size; n++)
        for (int64_t i = 0; i < size - n; i++) {
            const uint64_t key = key_of(t->parents[i], tokens[i + n]);
            const int64_t slot = find_slot(t, key);
            ngram *g = t->slots + slot;
            g->key = key;
            const uint32_t seen = count_once_more(t, g);
            if (seen > g->most) g->most = seen;
            t->parents[i] = slot + 1;
        }
    t->base += (uint32_t)size;
}

// matches[n - 1] = sum over n-grams of min(occurrences here, most occurrences in one reference).
static void match_hypothesis(ngram_table *t, const int32_t *tokens, int64_t size, int64_t order, int32_t *matches)
{
    memset(matches, 0, (size_t)order * sizeof *matches);
    memset(t->parents, 0, (size_t)size * sizeof *t->parents);
    for (int64_t n = 0; n < order && n < size; n++)
        for (int64_t i = 0; i < size - n; i++) {
            if (t->parents[i] == UNKNOWN) continue;
            const int64_t slot = find_slot(t, key_of(t->parents[i], tokens[i + n]));
            ngram *g = t->slots + slot;
            t->parents[i] = g->key ? slot + 1 : UNKNOWN;
            if (g->key) matches[n] += count_once_more(t, g) <= g->most;
        }
    t->base += (uint32_t)size;
}

static inline int64_t size_of(const struct ngrams_match *a, int64_t s) { return a->offsets[s + 1] - a->offsets[s]; }

// log2 of the slots for a pair's references: half of them stay free.
static int bits_for(const struct ngrams_match *a, int64_t pair)
{
    uint64_t need = 0;
    int bits = 6;
    for (int64_t s = a->first[pair]; s < a->last[pair]; s++)
        need += 2 * (uint64_t)size_of(a, s) * (uint64_t)least(a->order, size_of(a, s));
    while (bits < 62 && UINT64_C(1) << bits < need) bits++;
    return bits;
}

// Pairs [begin, end). Pairs that follow one another with the same references use one filling of the table.
static void match_pairs(const struct ngrams_match *a, ngram_table *t, int64_t begin, int64_t end)
{
    for (int64_t p = begin; p < end; p++) {
        const int64_t left = a->left[p], size = size_of(a, left);
        const bool same = p > begin && a->first[p] == a->first[p - 1] && a->last[p] == a->last[p - 1];
        if (!same || t->base > UINT32_MAX - size) {
            t->bits = bits_for(a, p);
            t->base = 0;
            memset(t->slots, 0, sizeof *t->slots << t->bits);
            for (int64_t s = a->first[p]; s < a->last[p]; s++)
                add_reference(t, a->ids + a->offsets[s], size_of(a, s), a->order);
        }
        match_hypothesis(t, a->ids + a->offsets[left], size, a->order, a->matches + p * a->order);
    }
}

// matches[p, n - 1] = n-grams of sequence left[p] that occur in one of the sequences first[p] .. last[p] - 1, each as
// often as in that of them where it occurs most often. Sequence s is ids[offsets[s] .. offsets[s + 1]).
//: ngrams_match(ids:i[N], offsets:l[S+1], left:i[P]<S, first:i[P], last:i[P], order:n>=1) -> matches:i[P,order]
//:     where offsets covers N; 0 <= first <= S; 0 <= last <= S; order <= 1000; N < 2147483648
KERNEL(ngrams_match)
{
    int bits = 6;
    int64_t longest = 0, work = 0;
    for (int64_t s = 0; s < a->S; s++) longest = most(longest, size_of(a, s));
    for (int64_t p = 0; p < a->P; p++) {
        const int need = bits_for(a, p);
        if (need > bits) bits = need;
        work += size_of(a, a->left[p]);
        if (a->last[p] > a->first[p]) work += a->offsets[a->last[p]] - a->offsets[a->first[p]];
    }
    if (bits > 31) return "a pair has too many n-grams: fewer than 2^30 are expected";
    const int64_t parts = least(a->P, 256);
    bool failed = false;
#pragma omp parallel num_threads(sq_team(16 * work * least(a->order, 8)))
    {
        ngram_table t = {.slots = malloc(sizeof *t.slots << bits), .parents = malloc((size_t)(longest + 1) * 8)};
        const bool ready = t.slots && t.parents;
        if (!ready) {
#pragma omp atomic write
            failed = true;
        }
#pragma omp for schedule(dynamic)
        for (int64_t b = 0; b < parts; b++)
            if (ready) match_pairs(a, &t, cut(a->P, parts, b), cut(a->P, parts, b + 1));
        free(t.slots);
        free(t.parents);
    }
    return failed ? sq_no_memory : NULL;
}
