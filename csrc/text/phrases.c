// Pairs of words with the connector words between them: counted, looked up, and joined in a text.
//
// A pair is left << 32 | right, two word ids; its gap is the sequence of connector words between them, a node of a trie
// (0 = none). The trie and the tables of pairs are open-addressing hash tables, slot = {key, value}, value 0 = free.
// A table is cut into P parts by the hash; each part is filled by one thread in the order of the input. So it is the
// same for any number of threads.
#include "phrases_args.h"
#include "seqnn.h"

enum { MAX_PARTS = 64, GROUP = 128 };

static inline uint64_t hash_of(uint64_t pair, int32_t gap)
{
    uint64_t h = (pair ^ (uint64_t)(uint32_t)gap * UINT64_C(0xD6E8FEB86659FD93)) * UINT64_C(0x9E3779B97F4A7C15);
    h = (h ^ h >> 32) * UINT64_C(0xD6E8FEB86659FD93);
    return h ^ h >> 32;
}

typedef struct {
    const uint64_t *slots;
    const int32_t *gaps; // NULL: all gaps are 0
    int64_t parts, capacity;
} table;

static inline int64_t part_of(const table *t, uint64_t hash)
{
    return (int64_t)((hash >> 32) * (uint64_t)t->parts >> 32);
}

static inline int64_t home_of(const table *t, uint64_t hash)
{
    return part_of(t, hash) * t->capacity + (int64_t)(hash & (uint64_t)(t->capacity - 1));
}

// The slot that holds the key, or the free one where it belongs.
static inline int64_t find_slot(const table *t, uint64_t pair, int32_t gap, uint64_t hash)
{
    const int64_t start = part_of(t, hash) * t->capacity, mask = t->capacity - 1;
    for (int64_t i = (int64_t)hash & mask;; i = (i + 1) & mask) {
        const int64_t slot = start + i;
        if (t->slots[2 * slot + 1] == 0) return slot;
        if (t->slots[2 * slot] == pair && (!t->gaps || t->gaps[slot] == gap)) return slot;
    }
}

static inline uint64_t pair_of(int64_t left, int64_t right) { return (uint64_t)left << 32 | (uint64_t)right; }

enum { TOKEN, SENTENCE, LEFT, GAP, NODES, STATE };

// The pairs of a piece of text, in its order. starts = where sentences begin in it; connector[w] = 1 for connector
// words. state = {next token, next of starts, word on the left or -1, its gap so far, nodes of the trie}. New connector
// sequences get the next node (without a trie no word is a connector); comes back early, with state[TOKEN] < N, when
// the trie must grow.
//: phrases_pairs(ids:i[N]<V, starts:l[S], state+l[5], connector:u[V], trie+?u64[C,2]) -> pairs:u64[N], gaps?i[N],
//: made:l[1]
KERNEL(phrases_pairs)
{
    if (a->trie && (a->C < 2 || a->C & (a->C - 1))) return "the trie's size must be a power of two";
    table trie = {a->trie, NULL, 1, a->C};
    int64_t t = a->state[TOKEN], s = a->state[SENTENCE], left = a->state[LEFT], gap = a->state[GAP], made = 0;
    for (; t < a->N; t++) {
        for (; s < a->S && a->starts[s] <= t; s++) {
            left = -1;
            gap = 0;
        }
        const int32_t id = a->ids[t];
        if (!a->trie || !a->connector[id]) {
            if (left >= 0) {
                if (a->gaps) a->gaps[made] = (int32_t)gap;
                a->pairs[made++] = pair_of(left, id);
            }
            left = id;
            gap = 0;
        } else if (left >= 0) {
            const uint64_t key = pair_of(gap, id);
            const int64_t slot = find_slot(&trie, key, 0, hash_of(key, 0));
            if (a->trie[2 * slot + 1] == 0) {
                if (a->state[NODES] >= a->C / 2) break;
                a->trie[2 * slot] = key;
                a->trie[2 * slot + 1] = (uint64_t)++a->state[NODES];
            }
            gap = (int64_t)a->trie[2 * slot + 1];
        }
    }
    a->state[TOKEN] = t;
    a->state[SENTENCE] = s;
    a->state[LEFT] = left;
    a->state[GAP] = gap;
    a->made[0] = made;
    return NULL;
}

// Adds the pairs whose part lies in [low, high).
static void add_pairs(const struct phrases_add *a, int64_t low, int64_t high)
{
    const table t = {a->slots, a->slot_gaps, a->P, a->C};
    int64_t next[MAX_PARTS], mine[GROUP];
    uint64_t hashes[GROUP];
    memcpy(next, a->done, sizeof *next * (size_t)a->P);
    for (int64_t begin = 0; begin < a->M; begin += GROUP) {
        const int64_t end = begin + GROUP < a->M ? begin + GROUP : a->M;
        int64_t n = 0;
        for (int64_t i = begin; i < end; i++) {
            const uint64_t hash = hash_of(a->pairs[i], a->gaps ? a->gaps[i] : 0);
            const int64_t part = part_of(&t, hash);
            mine[n] = i;
            hashes[n] = hash;
            n += part >= low && part < high; // no branch: its outcome is random
        }
        for (int64_t k = 0; k < n; k++) {
            const int64_t home = home_of(&t, hashes[k]);
            __builtin_prefetch(a->slots + 2 * home, 1);
            if (a->slot_gaps) __builtin_prefetch(a->slot_gaps + home, 1);
        }
        for (int64_t k = 0; k < n; k++) {
            const int64_t i = mine[k], part = part_of(&t, hashes[k]);
            if (i < next[part]) continue;
            const int32_t gap = a->gaps ? a->gaps[i] : 0;
            const int64_t slot = find_slot(&t, a->pairs[i], gap, hashes[k]);
            if (a->slots[2 * slot + 1] == 0) {
                if (a->used[part] >= a->C / 4 * 3) {
                    a->done[part] = i;
                    next[part] = INT64_MAX;
                    continue;
                }
                a->used[part]++;
                a->slots[2 * slot] = a->pairs[i];
                if (a->slot_gaps) a->slot_gaps[slot] = gap;
            }
            a->slots[2 * slot + 1] += a->weights ? (uint64_t)a->weights[i] : 1;
        }
    }
    for (int64_t part = low; part < high; part++)
        if (next[part] != INT64_MAX) a->done[part] = a->M;
}

// value += weight (> 0; 1 without weights) for each pair. used = filled slots of each part. done = how many of the
// pairs each part has seen, 0 at first: a part that is full stops; grow the table and call again with the same `done`.
//: phrases_add(pairs:u64[M], gaps?i[M], weights?l[M], done+l[P], used+l[P], slots+u64[P,C,2], slot_gaps+?i[P,C])
KERNEL(phrases_add)
{
    if (a->P < 1 || a->P > MAX_PARTS || a->C < 4 || a->C & (a->C - 1)) return "a table has 1 to 64 parts of 2^n slots";
    if ((a->gaps != NULL) != (a->slot_gaps != NULL)) return "gaps and slot_gaps go together";
    for (int64_t i = 0; a->weights && i < a->M; i++)
        if (a->weights[i] <= 0) return "weights must be positive";
    const int team = sq_team(64 * a->M);
#pragma omp parallel num_threads(team)
    {
        const int64_t me = omp_get_thread_num(), threads = omp_get_num_threads();
        add_pairs(a, a->P * me / threads, a->P * (me + 1) / threads);
    }
    return NULL;
}

static void find_values(const struct phrases_find *a, int64_t begin, int64_t end)
{
    const table t = {a->slots, a->slot_gaps, a->P, a->C};
    for (int64_t i = begin; i < end; i++) {
        const int32_t gap = a->gaps ? a->gaps[i] : 0;
        a->values[i] = (int64_t)a->slots[2 * find_slot(&t, a->pairs[i], gap, hash_of(a->pairs[i], gap)) + 1];
    }
}

// The value of each pair, 0 where it is missing.
//: phrases_find(pairs:u64[M], gaps?i[M], slots:u64[P,C,2], slot_gaps?i[P,C]) -> values:l[M]
KERNEL(phrases_find)
{
    if (a->P < 1 || a->C < 4 || a->C & (a->C - 1)) return "a table has 1 to 64 parts of 2^n slots";
    if ((a->gaps != NULL) != (a->slot_gaps != NULL)) return "gaps and slot_gaps go together";
    const int team = sq_team(64 * a->M);
#pragma omp parallel num_threads(team)
    {
        const int64_t me = omp_get_thread_num(), threads = omp_get_num_threads();
        find_values(a, a->M * me / threads, a->M * (me + 1) / threads);
    }
    return NULL;
}

// One sentence, from left to right: a word starts a candidate, the next word that is no connector ends it; a candidate
// that is no phrase gives way to the one that its last word starts.
static void join_sentence(const struct phrases_join *a, const table *pairs, const table *trie, int64_t begin,
                          int64_t end)
{
    int64_t left = -1, gap = 0;
    for (int64_t t = begin; t < end; t++) {
        const int32_t id = a->ids[t];
        a->phrase[t] = -1;
        if (id < 0) {
            left = -1;
        } else if (a->connector && a->connector[id]) {
            if (left < 0) continue;
            const uint64_t key = pair_of(gap, id);
            gap = (int64_t)trie->slots[2 * find_slot(trie, key, 0, hash_of(key, 0)) + 1];
            if (gap == 0) left = -1; // a sequence of connectors that no phrase has
        } else {
            if (left >= 0) {
                const uint64_t pair = pair_of(left, id);
                const int64_t slot = find_slot(pairs, pair, (int32_t)gap, hash_of(pair, (int32_t)gap));
                a->phrase[t] = (int32_t)pairs->slots[2 * slot + 1] - 1;
            }
            left = a->phrase[t] < 0 ? id : -1;
            gap = 0;
        }
    }
}

// phrase[t] = number of the phrase that ends at token t, else -1. The pairs' values are 1 + that number. ids -1 are
// words that no phrase has.
//: phrases_join(ids:i[N], offsets:l[S+1], connector?u[V], trie?u64[D,2], slots:u64[P,C,2], slot_gaps?i[P,C]) ->
//: phrase:i[N]
KERNEL(phrases_join)
{
    if ((a->connector != NULL) != (a->trie != NULL) || (a->connector != NULL) != (a->slot_gaps != NULL))
        return "connector, trie and slot_gaps go together";
    if (a->P < 1 || a->C < 4 || a->C & (a->C - 1)) return "a table has 1 to 64 parts of 2^n slots";
    if (a->trie && (a->D < 2 || a->D & (a->D - 1))) return "the trie's size must be a power of two";
    if (a->offsets[0] != 0 || a->offsets[a->S] != a->N) return "offsets must go from 0 to the number of ids";
    for (int64_t s = 0; s < a->S; s++)
        if (a->offsets[s] > a->offsets[s + 1]) return "offsets must ascend";
    for (int64_t i = 0; i < a->N; i++)
        if (a->ids[i] < -1 || (a->connector && a->ids[i] >= a->V)) return "ids lie outside the words";
    const table pairs = {a->slots, a->slot_gaps, a->P, a->C}, trie = {a->trie, NULL, 1, a->D};
    const int team = sq_team(2 * a->N);
#pragma omp parallel for num_threads(team) schedule(dynamic, 256)
    for (int64_t s = 0; s < a->S; s++) join_sentence(a, &pairs, &trie, a->offsets[s], a->offsets[s + 1]);
    return NULL;
}
