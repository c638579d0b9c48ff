// Tries of n-grams are made level by level: room for the children of each n-gram, then the children in it.
#include "base/arith.h"
#include "lm/trie.h"
#include "ngram_trie_args.h"
#include "seqnn.h"

// Makes room for the children of the nodes [low, high), after `high`: parents[i] = the node of child i. `end` is where
// the room ends.
//: ngram_trie_room(nodes+u32[N,4], low:n, high:n, parents:u32[I]) -> end:l[1]
//:     where 0 <= low <= high < N
KERNEL(ngram_trie_room)
{
    ngram_node *nodes = (ngram_node *)a->nodes;
    for (int64_t i = a->low; i < a->high; i++) nodes[i].child = 0;
    bool known = true;
#pragma omp parallel num_threads(sq_team(4 * a->I)) reduction(&& : known)
    {
        // Each thread counts the children of its share of the nodes.
        const int64_t part = omp_get_thread_num(), parts = omp_get_num_threads(), size = a->high - a->low;
        const int64_t low = a->low + cut(size, parts, part), high = a->low + cut(size, parts, part + 1);
        for (int64_t i = 0; i < a->I; i++) {
            const int64_t node = READ_ONCE(a->parents[i]);
            if (node >= low && node < high)
                nodes[node].child++;
            else
                known &= node >= a->low && node < a->high;
        }
    }
    if (!known) return "parents: expected nodes from low to high - 1";
    int64_t end = a->high;
    for (int64_t i = a->low; i < a->high; i++) {
        const int64_t room = trie_room(nodes[i].child);
        if (end > UINT32_MAX - 1) break;
        nodes[i].child = (uint32_t)end;
        end += room;
    }
    if (end > UINT32_MAX - 1) return "the n-grams need more than 2^32 places";
    nodes[a->high].child = (uint32_t)end;
    a->end[0] = end;
    return NULL;
}

// Returns where the share of a thread begins: nodes whose children take about the same room.
static int64_t cut_by_room(const ngram_node *nodes, int64_t low, int64_t high, int64_t part, int64_t parts)
{
    const int64_t base = nodes[low].child, wanted = base + ((int64_t)nodes[high].child - base) * part / parts;
    if (part == parts) return high;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (nodes[middle].child < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// Returns the free slot of a region where a new child belongs; -1: the word is there, or the region is full.
static inline int64_t free_slot(const uint32_t *slots, int64_t width, trie_region r, uint32_t word)
{
    int64_t i = trie_home(r, word);
    for (int64_t steps = r.end - r.begin; steps > 0; steps--) {
        if (slots[i * width] == TRIE_FREE) return i;
        if (slots[i * width] == word) return -1;
        i = i + 1 < r.end ? i + 1 : r.begin;
    }
    return -1;
}

// Places the children of the nodes [low, high) in the room that ngram_trie_room has made, in the nodes or in leaves.
// first, second: what is kept with them (log-probability or count; the weight of backing off or count). slots[i] = the
// slot of child i, 0 where its parent has another child with that word.
//: ngram_trie_place(nodes+u32[N,4], leaves+?u32[L,2], low:n, high:n, parents:u32[I], words:u32[I], first:u32[I],
//:     second?u32[I]) -> slots:u32[I]
//:     where 0 <= low <= high < N
KERNEL(ngram_trie_place)
{
    ngram_node *nodes = (ngram_node *)a->nodes;
    uint32_t *slots = a->leaves ? a->leaves : a->nodes;
    const int64_t width = a->leaves ? 2 : 4, offset = a->leaves ? a->high : 0;
    const trie_region room = {a->high - offset, a->leaves ? a->L : a->N};
    const uint32_t last = nodes[a->high].child; // also kept in the slot `high`, which is cleared
    bool good = true;
    memset(a->slots, 0, sizeof *a->slots * (size_t)a->I);
#pragma omp parallel num_threads(sq_team(8 * a->I)) reduction(&& : good)
    {
        const int64_t part = omp_get_thread_num(), parts = omp_get_num_threads();
        const int64_t low = cut_by_room(nodes, a->low, a->high, part, parts);
        const int64_t high = cut_by_room(nodes, a->low, a->high, part + 1, parts);
        trie_region r = {(int64_t)nodes[low].child - offset, (int64_t)nodes[high].child - offset};
        good = r.begin >= room.begin && r.end <= room.end;
        for (int64_t i = r.begin; good && i < r.end; i++) {
            slots[i * width] = TRIE_FREE;
            slots[i * width + 1] = 0;
            if (width == 4) slots[i * width + 2] = 0, slots[i * width + 3] = last;
        }
        for (int64_t i = 0; good && i < a->I; i++) {
            const int64_t node = READ_ONCE(a->parents[i]);
            if (node < low || node >= high) continue;
            r.begin = (int64_t)READ_ONCE(nodes[node].child) - offset;
            r.end = (int64_t)READ_ONCE(nodes[node + 1].child) - offset;
            if (r.begin < room.begin || r.end > room.end || r.begin > r.end) {
                good = false;
                break;
            }
            const int64_t slot = free_slot(slots, width, r, a->words[i]);
            if (slot < 0) continue;
            a->slots[i] = (uint32_t)(slot + offset);
            slots[slot * width] = a->words[i];
            slots[slot * width + 1] = a->first[i];
            if (width == 4) slots[slot * width + 2] = a->second ? a->second[i] : 0;
        }
    }
    return good ? NULL : "nodes: no room for these children";
}

enum { GROUP = 64 }; // rows that are looked up together, so that the memory works on many at a time

// Finds the slot of each row of words, 0 where the trie lacks it.
//: ngram_trie_find(nodes:u32[M+1,4], leaves:u32[L,2], order:n, rows:i[R,N]) -> slots:u32[R]
//:     where N <= order
KERNEL(ngram_trie_find)
{
    trie t = {(const ngram_node *)a->nodes, (const ngram_leaf *)a->leaves, a->order, a->M, a->L, {0}};
    if (!trie_open(&t)) return trie_damaged;
    memset(a->slots, 0, sizeof *a->slots * (size_t)a->R);
#pragma omp parallel for num_threads(sq_team(64 * a->R * a->N)) schedule(static)
    for (int64_t first = 0; first < a->R; first += GROUP) {
        const int64_t last = least(first + GROUP, a->R);
        for (int64_t n = 1; n <= a->N; n++) {
            for (int64_t r = first; n > 1 && r < last; r++)
                if (a->slots[r])
                    trie_fetch(&t, n, trie_children(&t, n, a->slots[r]), (uint32_t)a->rows[r * a->N + n - 1]);
            for (int64_t r = first; r < last; r++)
                if (n == 1 || a->slots[r])
                    a->slots[r] = (uint32_t)trie_find(&t, n, a->slots[r], (uint32_t)a->rows[r * a->N + n - 1]);
        }
    }
    return NULL;
}

enum { AHEAD = 6, FIRST = 4 }; // parents that are looked at early, and how many of their children

// Finds the slot of each n-gram without its first word: 0 for a unigram, a free slot, and where there is none (missing
// counts these).
//: ngram_trie_suffixes(nodes:u32[M+1,4], leaves:u32[L,2], order:n) -> suffixes:u32[M+L], missing:l[1]
KERNEL(ngram_trie_suffixes)
{
    trie t = {(const ngram_node *)a->nodes, (const ngram_leaf *)a->leaves, a->order, a->M, a->L, {0}};
    if (!trie_open(&t)) return trie_damaged;
    int64_t missing = 0;
    memset(a->suffixes, 0, sizeof *a->suffixes * (size_t)(a->M + a->L));
    for (int64_t n = 2; n <= t.order; n++) {
        const int64_t low = t.level[n - 1], high = t.level[n];
#pragma omp parallel for num_threads(sq_team(16 * (t.level[n + 1] - high))) schedule(dynamic, 256)                     \
    reduction(+ : missing)
        for (int64_t node = low; node < high; node++) {
            if (node + 2 * AHEAD < high) __builtin_prefetch(t.nodes + a->suffixes[node + 2 * AHEAD]);
            if (n > 2 && node + AHEAD < high) {
                const trie_region next = trie_children(&t, n, node + AHEAD);
                const trie_region among = trie_children(&t, n - 1, a->suffixes[node + AHEAD]);
                for (int64_t i = next.begin; i < next.end && i < next.begin + FIRST; i++)
                    trie_fetch(&t, n - 1, among, trie_word(&t, i));
            }
            const trie_region r = trie_children(&t, n, node);
            const int64_t suffix = a->suffixes[node]; // of the context
            for (int64_t i = r.begin; i < r.end; i++) {
                const uint32_t word = trie_word(&t, i);
                int64_t found = 0;
                if (word != TRIE_FREE && (n == 2 || suffix)) found = trie_find(&t, n - 1, suffix, word);
                missing += word != TRIE_FREE && !found;
                a->suffixes[i] = (uint32_t)found;
            }
        }
    }
    a->missing[0] = missing;
    return NULL;
}
