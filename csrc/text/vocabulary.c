// Counting under a limit, and what training needs of counts: the alias table for drawing negatives, the Huffman tree.
#include "base/arith.h"
#include "base/once.h"
#include "seqnn.h"
#include "vocabulary_args.h"

//= state token sentence words

// Counts on from `state`, at least one sentence, until a sentence ends with more than `limit` words that have a count,
// or `most` tokens are done. state = {next token, next sentence, living words}; living = the words that have a count,
// in the order in which they came.
//: vocabulary_replay(ids:i[N], offsets:l[S+1], state+l[3], counts+l[W], living+i[W], limit:n, most:n>=1)
KERNEL(vocabulary_replay)
{
    int64_t token = a->state[VOCABULARY_TOKEN], sentence = a->state[VOCABULARY_SENTENCE];
    int64_t words = a->state[VOCABULARY_WORDS];
    if (token < 0 || token > a->N || sentence < 0 || sentence > a->S || words < 0 || words > a->W)
        return "state: expected what the last call left, or {0, 0, 0}";
    const int64_t stop = token + least(a->most, INT64_MAX - token);
    while (sentence < a->S && token < stop) {
        const int64_t end = least(READ_ONCE(a->offsets[++sentence]), a->N);
        for (; token < end; token++) {
            const int32_t id = READ_ONCE(a->ids[token]);
            if (id < 0 || id >= a->W) return "ids lie outside the words";
            if (a->counts[id]++ != 0) continue;
            if (words == a->W) return "living: it does not hold all words that have a count";
            a->living[words++] = id;
        }
        if (words > a->limit) break;
    }
    a->state[VOCABULARY_TOKEN] = token;
    a->state[VOCABULARY_SENTENCE] = sentence;
    a->state[VOCABULARY_WORDS] = words;
    return NULL;
}

// Makes an alias table (Walker; Vose's method) of integer weights that sum to V * 2^32. To draw a word, draw a cell c
// and 32 random bits r: the word is c if r < threshold[c], else other[c]. A full cell is its own other.
//: vocabulary_alias(weights:u64[V]) -> threshold:u32[V], other:i[V] where V <= 2147483647
KERNEL(vocabulary_alias)
{
    const uint64_t full = UINT64_C(1) << 32;
    uint64_t *left = malloc(sizeof *left * (size_t)(a->V + 1));
    int32_t *stack = malloc(sizeof *stack * (size_t)(a->V + 1));
    if (!left || !stack) {
        free(left);
        free(stack);
        return sq_no_memory;
    }
    // Cells with too little weight are stacked from the bottom, those with enough from the top.
    int64_t small = 0, large = a->V;
    for (int64_t w = 0; w < a->V; w++) {
        left[w] = a->weights[w];
        stack[left[w] < full ? small++ : --large] = (int32_t)w;
        a->threshold[w] = UINT32_MAX;
        a->other[w] = (int32_t)w;
    }
    while (small > 0 && large < a->V) {
        int32_t poor = stack[--small], rich = stack[large];
        a->threshold[poor] = (uint32_t)left[poor];
        a->other[poor] = rich;
        left[rich] -= full - left[poor];
        if (left[rich] < full) {
            large++;
            stack[small++] = rich;
        }
    }
    free(left);
    free(stack);
    return NULL;
}

// Makes the Huffman tree of ascending counts. Nodes 0 .. V-1 are the leaves in that order, V .. 2V-2 the inner nodes in
// the order in which they are made; the last one is the root. bit = 1 for the heavier child, of equal ones for the
// leaf; depth = the number of edges to the root.
//: vocabulary_huffman(counts:l[V]) -> parent:i[2*V-1], bit:u[2*V-1], depth:i[2*V-1] where 1 <= V <= 1073741824
KERNEL(vocabulary_huffman)
{
    int64_t nodes = a->parent_size, leaf = 0, inner = a->V;
    int64_t *sum = malloc(sizeof *sum * (size_t)(nodes + 1));
    if (!sum) return sq_no_memory;
    for (int64_t node = a->V; node < nodes; node++) {
        sum[node] = 0;
        for (uint8_t bit = 0; bit < 2; bit++) {
            bool take_leaf = leaf < a->V && (inner == node || a->counts[leaf] < sum[inner]);
            int64_t child = take_leaf ? leaf++ : inner++;
            sum[node] += take_leaf ? a->counts[child] : sum[child];
            a->parent[child] = (int32_t)node;
            a->bit[child] = bit;
        }
    }
    a->parent[nodes - 1] = -1;
    a->bit[nodes - 1] = 0;
    a->depth[nodes - 1] = 0;
    for (int64_t node = nodes - 2; node >= 0; node--) a->depth[node] = a->depth[a->parent[node]] + 1;
    free(sum);
    return NULL;
}

// Lists the path from the root to each word, at offsets[word]: inner nodes, numbered from 0, and the branch taken at
// each. word[leaf] = the word of a leaf.
//: vocabulary_huffman_paths(offsets:l[V+1], word:i[V]<V, parent:i[2*V-1], bit:u[2*V-1], size:n>=0)
//:     -> nodes:i[size], codes:u[size]
//:     where offsets covers size; -1 <= parent < 2*V - 1
KERNEL(vocabulary_huffman_paths)
{
    memset(a->nodes, 0, (size_t)a->size * sizeof *a->nodes); // where `word` leaves one out
    memset(a->codes, 0, (size_t)a->size);
    for (int64_t leaf = 0; leaf < a->V; leaf++) {
        int64_t node = leaf, start = a->offsets[a->word[leaf]];
        for (int64_t i = a->offsets[a->word[leaf] + 1] - 1; i >= start; i--) {
            if (a->parent[node] < a->V) return "offsets do not match the tree";
            a->codes[i] = a->bit[node];
            node = a->parent[node];
            a->nodes[i] = (int32_t)(node - a->V);
        }
        if (a->parent[node] >= 0) return "offsets do not match the tree";
    }
    return NULL;
}
