// Pairs of words with the connector words between them: counted, looked up, and joined in a text.
//
// A pair is left << 32 | right, two word ids. Its gap is the sequence of connector words between them: a node of a
// trie, 0 where there are none. Pairs and trie are hash tables (base/table.h) with slots {key, value}; the gaps of
// pairs lie in an array beside their table.
#include "base/arith.h"
#include "base/once.h"
#include "base/table.h"
#include "phrases_args.h"
#include "seqnn.h"

//= PARTS 64
//= state token sentence left gap nodes

enum { GROUP = 128 }; // pairs whose slots are prefetched before they are looked up

static const char odd_table[] = "a table's size must be a power of two";

typedef struct {
    table table;
    const int32_t *gaps; // NULL: all gaps are 0
} pair_table;

// A pair that is searched for.
typedef struct {
    const int32_t *gaps;
    int32_t gap;
} wanted;

static inline bool is_wanted(const void *key, int64_t slot)
{
    const wanted *k = key;
    return !k->gaps || k->gaps[slot] == k->gap;
}

static inline uint64_t hash_of(uint64_t pair, int32_t gap) { return table_hash(pair, (uint32_t)gap); }

static inline int64_t find_slot(const pair_table *t, uint64_t pair, int32_t gap, uint64_t hash)
{
    const wanted key = {t->gaps, gap};
    return table_find(&t->table, 2, hash, pair, is_wanted, &key);
}

static inline uint64_t pair_of(int64_t left, int64_t right) { return (uint64_t)left << 32 | (uint64_t)right; }

// Where a text stands between two of its tokens: the last word that is no connector, or -1, and the node of the
// connectors since then.
typedef struct {
    int64_t left, gap;
} context;

// Finds the pairs of a piece of text, in its order. starts = where sentences begin in it; connector[w] = 1 for
// connector words, none without a trie. state = {next token, next of starts, word on the left or -1, its gap so far,
// nodes of the trie}. New sequences of connectors get the next node; comes back early, with state[token] < N, when the
// trie must grow. The first made[0] of `pairs` and `gaps` are filled.
//: phrases_pairs(ids:i[N], starts:l[S], state+l[5], connector:u[V], trie+?u64[C,2]) -> pairs:u64[N], gaps?i[N],
//:     made:l[1]
KERNEL(phrases_pairs)
{
    if (a->trie && !is_power_of_two(a->C)) return odd_table;
    const pair_table trie = {{a->trie, 1, a->C}, NULL};
    int64_t t = a->state[PHRASES_TOKEN], s = a->state[PHRASES_SENTENCE], made = 0;
    int64_t nodes = a->state[PHRASES_NODES];
    context now = {a->state[PHRASES_LEFT], a->state[PHRASES_GAP]};
    if (t < 0 || t > a->N || s < 0 || s > a->S || now.left < -1 || now.left >= a->V || nodes < 0 || nodes > INT32_MAX ||
        now.gap < 0 || now.gap > nodes)
        return "state: expected what the last call left, or {0, 0, -1, 0, nodes}";
    for (; t < a->N; t++) {
        for (; s < a->S && a->starts[s] <= t; s++) now = (context){-1, 0};
        const int32_t id = READ_ONCE(a->ids[t]);
        if ((uint32_t)id >= a->V) return "ids: a value lies outside of the words";
        if (!a->trie || !a->connector[id]) {
            if (now.left >= 0) {
                if (a->gaps) a->gaps[made] = (int32_t)now.gap;
                a->pairs[made++] = pair_of(now.left, id);
            }
            now = (context){id, 0};
        } else if (now.left >= 0) {
            const uint64_t key = pair_of(now.gap, id);
            const int64_t slot = find_slot(&trie, key, 0, hash_of(key, 0));
            if (slot < 0) return TABLE_IS_FULL;
            uint64_t *const value = a->trie + 2 * slot + 1;
            uint64_t node = READ_ONCE(*value);
            if (node == 0) {
                if (nodes >= a->C / 2) break;
                a->trie[2 * slot] = key;
                *value = node = (uint64_t)++nodes;
            }
            if (node > (uint64_t)nodes) return "trie: it has more nodes than state says";
            now.gap = (int64_t)node;
        }
    }
    a->state[PHRASES_TOKEN] = t;
    a->state[PHRASES_SENTENCE] = s;
    a->state[PHRASES_LEFT] = now.left;
    a->state[PHRASES_GAP] = now.gap;
    a->state[PHRASES_NODES] = nodes;
    a->made[0] = made;
    memset(a->pairs + made, 0, (size_t)(a->N - made) * sizeof *a->pairs);
    if (a->gaps) memset(a->gaps + made, 0, (size_t)(a->N - made) * sizeof *a->gaps);
    return NULL;
}

// Adds the pairs whose part lies in [low, high).
static const char *add_pairs(const struct phrases_add *a, int64_t low, int64_t high)
{
    const pair_table t = {{a->slots, a->P, a->C}, a->slot_gaps};
    int64_t next[PHRASES_PARTS], mine[GROUP];
    uint64_t hashes[GROUP];
    memcpy(next, a->done, sizeof *next * (size_t)a->P);
    for (int64_t begin = 0; begin < a->M; begin += GROUP) {
        const int64_t end = least(begin + GROUP, a->M);
        int64_t n = 0;
        for (int64_t i = begin; i < end; i++) {
            const uint64_t hash = hash_of(a->pairs[i], a->gaps ? a->gaps[i] : 0);
            const int64_t part = table_part(&t.table, hash);
            mine[n] = i;
            hashes[n] = hash;
            n += part >= low && part < high; // no branch: its outcome is random
        }
        for (int64_t k = 0; k < n; k++) {
            const int64_t home = table_home(&t.table, hashes[k]);
            __builtin_prefetch(a->slots + 2 * home, 1);
            if (a->slot_gaps) __builtin_prefetch(a->slot_gaps + home, 1);
        }
        for (int64_t k = 0; k < n; k++) {
            const int64_t i = mine[k], part = table_part(&t.table, hashes[k]);
            if (i < next[part]) continue;
            const int32_t gap = a->gaps ? a->gaps[i] : 0;
            const int64_t slot = find_slot(&t, a->pairs[i], gap, hashes[k]);
            if (slot < 0) return TABLE_IS_FULL;
            const int64_t weight = a->weights ? READ_ONCE(a->weights[i]) : 1;
            if (weight <= 0) return "weights must be positive";
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
            a->slots[2 * slot + 1] += (uint64_t)weight;
        }
    }
    for (int64_t part = low; part < high; part++)
        if (next[part] != INT64_MAX) a->done[part] = a->M;
    return NULL;
}

// Adds a weight (> 0; 1 without weights) to the value of each pair. used = filled slots of each part. done = how many
// of the pairs each part has seen, 0 at first: a part that is full stops; grow the table and call again with the same
// `done`.
//: phrases_add(pairs:u64[M], gaps?i[M], weights?l[M], done+l[P], used+l[P], slots+u64[P,C,2], slot_gaps+?i[P,C])
//:     where gaps needs slot_gaps; slot_gaps needs gaps; 1 <= P <= PARTS; C >= 4
KERNEL(phrases_add)
{
    if (!is_power_of_two(a->C)) return odd_table;
    const char *problem = NULL;
    const int team = sq_team(64 * a->M);
#pragma omp parallel num_threads(team)
    {
        const int64_t me = omp_get_thread_num(), threads = omp_get_num_threads();
        const char *mine = add_pairs(a, cut(a->P, threads, me), cut(a->P, threads, me + 1));
        if (mine) __atomic_store_n(&problem, mine, __ATOMIC_RELAXED);
    }
    return problem;
}

static const char *find_values(const struct phrases_find *a, int64_t begin, int64_t end)
{
    const pair_table t = {{a->slots, a->P, a->C}, a->slot_gaps};
    for (int64_t i = begin; i < end; i++) {
        const uint64_t pair = a->pairs[i];
        const int32_t gap = a->gaps ? a->gaps[i] : 0;
        const int64_t slot = find_slot(&t, pair, gap, hash_of(pair, gap));
        if (slot < 0) return TABLE_IS_FULL;
        a->values[i] = (int64_t)a->slots[2 * slot + 1];
    }
    return NULL;
}

// Finds the value of each pair, 0 where it is missing.
//: phrases_find(pairs:u64[M], gaps?i[M], slots:u64[P,C,2], slot_gaps?i[P,C]) -> values:l[M]
//:     where gaps needs slot_gaps; slot_gaps needs gaps; 1 <= P <= PARTS; C >= 4
KERNEL(phrases_find)
{
    if (!is_power_of_two(a->C)) return odd_table;
    const char *problem = NULL;
    const int team = sq_team(64 * a->M);
#pragma omp parallel num_threads(team)
    {
        const int64_t me = omp_get_thread_num(), threads = omp_get_num_threads();
        const char *mine = find_values(a, cut(a->M, threads, me), cut(a->M, threads, me + 1));
        if (mine) __atomic_store_n(&problem, mine, __ATOMIC_RELAXED);
    }
    return problem;
}

// Joins one sentence, from left to right: a word starts a candidate, the next word that is no connector ends it; a
// candidate that is no phrase gives way to the one that its last word starts.
static const char *join_sentence(const struct phrases_join *a, const pair_table *pairs, const pair_table *trie,
                                 int64_t begin, int64_t end)
{
    context now = {-1, 0};
    for (int64_t t = begin; t < end; t++) {
        const int32_t id = READ_ONCE(a->ids[t]);
        a->phrase[t] = -1;
        if (id < 0) {
            now.left = -1;
            continue;
        }
        if (a->connector && id >= a->V) return "ids: a value lies outside of the words";
        if (a->connector && a->connector[id]) {
            if (now.left < 0) continue;
            const uint64_t key = pair_of(now.gap, id);
            const int64_t slot = find_slot(trie, key, 0, hash_of(key, 0));
            if (slot < 0) return TABLE_IS_FULL;
            now.gap = (int64_t)trie->table.slots[2 * slot + 1];
            if (now.gap == 0) now.left = -1; // a sequence of connectors that no phrase has
            continue;
        }
        if (now.left >= 0) {
            const uint64_t pair = pair_of(now.left, id);
            const int32_t gap = (int32_t)now.gap;
            const int64_t slot = find_slot(pairs, pair, gap, hash_of(pair, gap));
            if (slot < 0) return TABLE_IS_FULL;
            a->phrase[t] = (int32_t)pairs->table.slots[2 * slot + 1] - 1;
        }
        now = (context){a->phrase[t] < 0 ? id : -1, 0};
    }
    return NULL;
}

// Says of each token which phrase ends at it: phrase[t] = its number, else -1. The pairs' values are 1 + that number.
// ids -1 are words that no phrase has.
//: phrases_join(ids:i[N], offsets:l[S+1], connector?u[V], trie?u64[D,2], slots:u64[P,C,2], slot_gaps?i[P,C])
//:     -> phrase:i[N]
//:     where offsets covers N; connector needs trie slot_gaps; trie needs connector; slot_gaps needs connector;
//:     1 <= P <= PARTS; C >= 4
KERNEL(phrases_join)
{
    if (!is_power_of_two(a->C) || (a->trie && !is_power_of_two(a->D))) return odd_table;
    const pair_table pairs = {{a->slots, a->P, a->C}, a->slot_gaps}, trie = {{a->trie, 1, a->D}, NULL};
    const char *problem = NULL;
    const int team = sq_team(2 * a->N);
#pragma omp parallel for num_threads(team) schedule(dynamic, 256)
    for (int64_t s = 0; s < a->S; s++) {
        const char *mine = join_sentence(a, &pairs, &trie, a->offsets[s], a->offsets[s + 1]);
        if (mine) __atomic_store_n(&problem, mine, __ATOMIC_RELAXED);
    }
    return problem;
}
