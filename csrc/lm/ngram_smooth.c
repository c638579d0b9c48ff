// From counts to probabilities. A trie comes with the count of each n-gram and leaves with log10 p(last word | the
// words before it) and log10 of the weight of backing off from the n-gram as a context.
#include "base/arith.h"
#include "lm/trie.h"
#include "ngram_smooth_args.h"
#include "seqnn.h"

#define PRUNED (UINT32_C(1) << 31) // set in the count of an n-gram that the model will not keep
#define COUNT(count) ((count) & ~PRUNED)

//= SPECIAL 3
//= BOS 1

enum { AHEAD = 32 }; // n-grams whose suffixes are fetched before they are read

// An n-gram's count, or its probability, wherever it lies.
typedef struct {
    ngram_node *nodes;
    ngram_leaf *leaves;
    int64_t M;
} values;

static inline uint32_t *count_at(const values *v, int64_t slot)
{
    return slot < v->M ? &v->nodes[slot].count : &v->leaves[slot - v->M].count;
}

#define OPEN_TRIE()                                                                                                    \
    trie t = {(const ngram_node *)a->nodes, (const ngram_leaf *)a->leaves, a->order, a->M, a->L, {0}};                 \
    if (!trie_open(&t)) return trie_damaged

// Finds the slots of the n-grams of 1 .. order - 1 words that end the text's last one, where n-grams are sorted by
// their last word, then by the word before it ..., as KenLM sorts them; 0 where there is none.
//: ngram_smooth_last(nodes:u32[M+1,4], leaves:u32[L,2], order:n) -> slots:l[order]
KERNEL(ngram_smooth_last)
{
    OPEN_TRIE();
    uint32_t words[TRIE_MOST_ORDER]; // from the last word to the first
    memset(a->slots, 0, sizeof *a->slots * (size_t)a->order);
    for (int64_t n = 1; n < a->order; n++) {
        int64_t slot = 0;
        for (int64_t word = t.level[2] - 2; word >= 0 && !slot; word--) {
            slot = 1 + word;
            for (int64_t k = 2; k <= n && slot; k++) slot = trie_find(&t, k, slot, words[n - k]);
            if (n == 1 && t.nodes[slot].count == 0) slot = 0;
            words[n - 1] = (uint32_t)word;
        }
        a->slots[n - 1] = slot;
        if (!slot || words[n - 1] == NGRAM_SMOOTH_BOS) break;
    }
    return NULL;
}

// Makes Kneser and Ney's counts: for n-grams shorter than the order, how many different words stand before them; those
// that begin a sentence keep their counts. N-grams of n words with counts up to prune[n - 1] are marked as pruned.
//: ngram_smooth_adjust(nodes+u32[M+1,4], leaves+u32[L,2], order:n, suffixes:u32[M+L], prune:l[order])
KERNEL(ngram_smooth_adjust)
{
    OPEN_TRIE();
    const values v = {(ngram_node *)a->nodes, (ngram_leaf *)a->leaves, a->M};
    int64_t begin = 1 + NGRAM_SMOOTH_BOS, end = begin + 1; // slots of n-grams that begin a sentence
    for (int64_t n = 1; n <= t.order; n++) {
        const int64_t first = n == 1 ? 1 + NGRAM_SMOOTH_SPECIAL : t.level[n], last = t.level[n + 1];
        const int64_t limit = a->prune[n - 1];
        for (int64_t i = first; limit > 0 && i < last; i++)
            if (*count_at(&v, i) <= limit) *count_at(&v, i) |= PRUNED;
        if (n == 1 && begin < last) *count_at(&v, begin) = 0; // nothing precedes BOS, and it follows nothing
        if (n == t.order) break;
        for (int64_t i = t.level[n]; i < last; i++)
            if (i < begin || i >= end) v.nodes[i].count &= PRUNED;
        if (begin < t.level[n] || begin > end || end > t.level[n + 1]) return trie_damaged;
        begin = READ_ONCE(v.nodes[begin].child);
        end = READ_ONCE(v.nodes[end].child);
    }
    bool good = true;
#pragma omp parallel for num_threads(sq_team(8 * (a->M + a->L))) schedule(static) reduction(&& : good)
    for (int64_t i = t.level[2]; i < a->M + a->L; i++) {
        const uint32_t suffix = READ_ONCE(a->suffixes[i]);
        if (i + AHEAD < a->M + a->L) __builtin_prefetch(v.nodes + least(a->suffixes[i + AHEAD], a->M), 1);
        if (trie_word(&t, i) == TRIE_FREE) continue;
        if (suffix == 0 || suffix >= a->M) {
            good = false;
            continue;
        }
#pragma omp atomic
        v.nodes[suffix].count++;
    }
    return good ? NULL : "suffixes: expected a node for each n-gram of two words and more";
}

// Counts for each length how many n-grams there are, how many are kept, and how many of all have the counts 1, 2, 3, 4.
//: ngram_smooth_tally(nodes:u32[M+1,4], leaves:u32[L,2], order:n) -> tally:l[order,6]
KERNEL(ngram_smooth_tally)
{
    OPEN_TRIE();
    const values v = {(ngram_node *)a->nodes, (ngram_leaf *)a->leaves, a->M};
    for (int64_t n = 1; n <= t.order; n++) {
        int64_t all = 0, kept = 0, one = 0, two = 0, three = 0, four = 0;
#pragma omp parallel for num_threads(sq_team(t.level[n + 1] - t.level[n]))                                             \
    reduction(+ : all, kept, one, two, three, four)
        for (int64_t i = t.level[n]; i < t.level[n + 1]; i++) {
            const uint32_t count = READ_ONCE(*count_at(&v, i));
            if (trie_word(&t, i) == TRIE_FREE) continue;
            all++;
            kept += !(count & PRUNED);
            one += COUNT(count) == 1;
            two += COUNT(count) == 2;
            three += COUNT(count) == 3;
            four += COUNT(count) == 4;
        }
        const int64_t found[] = {all, kept, one, two, three, four};
        memcpy(a->tally + (n - 1) * 6, found, sizeof found);
    }
    return NULL;
}

// The C library's log is three times as fast as its log10.
static inline float log_10(double x) { return (float)(log(x) * 0.43429448190325182765); }

// Writes an n-gram's probability; of one that longer n-grams still read, take_logarithms makes the logarithm later.
static inline void put_probability(const values *v, int64_t slot, double p)
{
    if (slot < v->M)
        v->nodes[slot].log_prob = (float)p;
    else
        v->leaves[slot - v->M].log_prob = log_10(p);
}

// Takes the logarithms of the nodes [first, last), whose children are done.
static void take_logarithms(ngram_node *nodes, int64_t first, int64_t last)
{
#pragma omp parallel for num_threads(sq_team(16 * (last - first)))
    for (int64_t i = first; i < last; i++) {
        if (nodes[i].word == TRIE_FREE) continue;
        nodes[i].log_prob = log_10(nodes[i].log_prob);
        nodes[i].log_backoff = log_10(nodes[i].log_backoff);
    }
}

// Makes interpolated Kneser-Ney probabilities of adjusted counts c:
//     p(w | h) = (c(hw) - D(c(hw))) / c(h) + b(h) p(w | h without its first word),  c(h) = sum of c(hw) over w,
// where b(h), the weight of backing off, is what the discounts and the pruned n-grams leave, over c(h). discounts[n -
// 1] has D for counts 0, 1, 2, and 3 or more of n-grams of n words; `uniform` is the probability below the unigrams. A
// pruned n-gram gets the log-probability +inf.
//: ngram_smooth_kneser_ney(nodes+u32[M+1,4], leaves+u32[L,2], order:n, suffixes:u32[M+L], discounts:f64[order,4],
//:     uniform:d)
KERNEL(ngram_smooth_kneser_ney)
{
    OPEN_TRIE();
    const values v = {(ngram_node *)a->nodes, (ngram_leaf *)a->leaves, a->M};
    for (int64_t n = 1; n <= t.order; n++) {
        const double *discount = a->discounts + (n - 1) * 4;
#pragma omp parallel for num_threads(sq_team(16 * (t.level[n + 1] - t.level[n]))) schedule(dynamic, 256)
        for (int64_t node = t.level[n - 1]; node < t.level[n]; node++) {
            const trie_region r = trie_children(&t, n, node);
            int64_t sum = 0, pruned = 0, kept[4] = {0};
            for (int64_t i = r.begin; i < r.end; i++) {
                const uint32_t count = READ_ONCE(*count_at(&v, i));
                if (i + AHEAD < a->M + a->L) __builtin_prefetch(v.nodes + least(a->suffixes[i + AHEAD], a->M));
                if (trie_word(&t, i) == TRIE_FREE) continue;
                sum += COUNT(count);
                if (count & PRUNED)
                    pruned += COUNT(count);
                else
                    kept[count < 3 ? count : 3]++;
            }
            const double left = discount[1] * kept[1] + discount[2] * kept[2] + discount[3] * kept[3] + pruned;
            const double backoff = sum ? left / (double)sum : 1;
            v.nodes[node].log_backoff = (float)backoff;
            for (int64_t i = r.begin; i < r.end; i++) {
                const uint32_t count = READ_ONCE(*count_at(&v, i)), suffix = READ_ONCE(a->suffixes[i]);
                if (trie_word(&t, i) == TRIE_FREE) continue;
                const double lower = n == 1 ? a->uniform : suffix < a->M ? t.nodes[suffix].log_prob : 0;
                double p = backoff * lower;
                if (sum) p += (count - discount[count < 3 ? count : 3]) / (double)sum;
                if (count & PRUNED) p = INFINITY;
                if (n == 1 && i == 1 + NGRAM_SMOOTH_BOS) p = 1;
                put_probability(&v, i, p);
            }
        }
        if (n > 1) take_logarithms(v.nodes, t.level[n - 1], t.level[n]);
    }
    return NULL;
}

// Makes relative frequencies: p(w | h) = (c(hw) + added) / (c(h) + added * words). The weight of backing off is `alpha`
// where that is given, else the probability of a word that never followed h, (added / (c(h) + added * words)).
//: ngram_smooth_relative(nodes+u32[M+1,4], leaves+u32[L,2], order:n, added:d, words:n, alpha:d)
KERNEL(ngram_smooth_relative)
{
    OPEN_TRIE();
    const values v = {(ngram_node *)a->nodes, (ngram_leaf *)a->leaves, a->M};
    for (int64_t n = 1; n <= t.order; n++) {
#pragma omp parallel for num_threads(sq_team(16 * (t.level[n + 1] - t.level[n]))) schedule(dynamic, 256)
        for (int64_t node = t.level[n - 1]; node < t.level[n]; node++) {
            const trie_region r = trie_children(&t, n, node);
            int64_t sum = 0;
            for (int64_t i = r.begin; i < r.end; i++)
                if (trie_word(&t, i) != TRIE_FREE && (n > 1 || i != 1 + NGRAM_SMOOTH_BOS)) sum += *count_at(&v, i);
            const double whole = (double)sum + a->added * (double)a->words;
            v.nodes[node].log_backoff = (float)(a->alpha > 0 ? a->alpha : whole > 0 ? a->added / whole : 0);
            for (int64_t i = r.begin; i < r.end; i++) {
                if (trie_word(&t, i) == TRIE_FREE) continue;
                double p = whole > 0 ? (*count_at(&v, i) + a->added) / whole : 0;
                if (n == 1 && i == 1 + NGRAM_SMOOTH_BOS) p = 1;
                put_probability(&v, i, p);
            }
        }
        if (n > 1) take_logarithms(v.nodes, t.level[n - 1], t.level[n]);
    }
    return NULL;
}
