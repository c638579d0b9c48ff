// The training examples of one block of tokens: which tokens are kept, how far each window reaches, which negatives.
// Every draw is keyed by the token's or the block's place in the corpus, so the examples do not depend on threads or
// calls.
//
// The corpus is too large to be checked or copied in every call: tokens and sentences are checked when a block is made,
// and the block keeps copies.
#ifndef SEQNN_WORDS_TRAINER_SAMPLE_H
#define SEQNN_WORDS_TRAINER_SAMPLE_H

#include "base/arith.h"
#include "base/once.h"
#include "random/rng.h"
#include "words/trainer_rows.h"

enum { BLOCK = WORD2VEC_BLOCK, MARGIN = WORD2VEC_MARGIN, MOST_KEPT = BLOCK + 2 * MARGIN };
enum { COPY = 8 }; // row pointers that are copied at a time
enum { DRAW_KEEP, DRAW_WINDOW, DRAW_NEGATIVE, DRAWS };

struct block {
    int64_t centres;      // kept tokens of the block
    int64_t first_centre; // where they begin in ids
    int64_t kept;         // tokens in ids
    bool resolved;        // negatives are words, no longer draws
    int64_t examples;     // (context, centre) pairs for skip-gram, centres with a context for CBOW
    double alpha;
    const char *problem; // what is wrong with this part of the corpus, or NULL
    struct slots slots;
    real **rows;           // input rows of ids   [MOST_KEPT + COPY]
    int32_t *ids;          // kept tokens of the block and its margins   [MOST_KEPT]
    int32_t *begin, *end;  // window of centre c: ids[begin[c] .. end[c]) without the centre itself   [BLOCK]
    int32_t *negatives;    // [BLOCK][negative]; only the draws until resolve_negatives
    int32_t *sentence_end; // scratch: where each sentence ends in ids   [MOST_KEPT]
    int64_t *sentence;     // scratch, with tags: the number of each of these sentences   [MOST_KEPT]
    int64_t *tag, *tags;   // with tags: where those of centre c begin, and how many they are   [BLOCK]
    uint32_t *draws;       // scratch   [MOST_KEPT + 64]
};

static bool block_allocate(struct block *b, const struct training *a, int64_t most_rows)
{
    const int64_t numbers = 3 * MOST_KEPT + 2 * BLOCK + BLOCK * a->negative + 4 + 64;
    const int64_t span = least(2 * a->window + 1, MOST_KEPT);
    b->rows = malloc((size_t)(MOST_KEPT + COPY) * sizeof *b->rows + (size_t)numbers * sizeof(int32_t));
    if (!slots_allocate(&b->slots, a, span, most_rows) || !b->rows) return false;
    b->ids = (int32_t *)(b->rows + MOST_KEPT + COPY);
    b->sentence_end = b->ids + MOST_KEPT;
    b->begin = b->sentence_end + MOST_KEPT;
    b->end = b->begin + BLOCK;
    b->negatives = b->end + BLOCK;
    b->draws = (uint32_t *)(b->negatives + BLOCK * a->negative + 4);
    b->sentence = a->tags ? malloc((MOST_KEPT + 2 * BLOCK) * sizeof *b->sentence) : NULL;
    b->tag = b->sentence + MOST_KEPT;
    b->tags = b->tag + BLOCK;
    return b->sentence || !a->tags;
}

static void block_free(struct block *b)
{
    free(b->rows);
    free(b->sentence);
    free(b->slots.memory);
}

static uint64_t draw_stream(const struct training *a, int purpose)
{
    return (uint64_t)a->epoch * DRAWS + (uint64_t)purpose;
}

// Draws the sub-sampling numbers of the tokens at [from, to): draws[0] belongs to position from & ~3.
static void draw_keeps(const struct training *a, struct block *b, int64_t from, int64_t to)
{
    if (a->keep)
        sq_philox(b->draws, (to + 3) / 4 - from / 4, (uint64_t)a->seed, draw_stream(a, DRAW_KEEP), (uint64_t)from / 4);
}

// Appends the kept ones of the tokens at absolute positions [from, to) to ids, `count` so far; draws[0] belongs to
// position `base`. Returns how many ids there are then.
static int64_t keep_tokens(const struct training *a, struct block *b, int64_t count, int64_t from, int64_t to,
                           int64_t base)
{
    const uint32_t *restrict threshold = a->keep, *restrict draw = b->draws - base;
    int32_t *restrict kept = b->ids;
    for (int64_t t = from; t < to; t++) {
        const int32_t id = READ_ONCE(a->ids[t]);
        if ((uint32_t)id >= a->V) {
            b->problem = "ids: a value lies outside of the words";
            return count;
        }
        kept[count] = id;
        count += !threshold || draw[t] <= threshold[id];
    }
    return count;
}

// Joins both entries of a slot of the alias table: the threshold in the high word. Returns NULL where memory ran out,
// or where an entry is no word: then `problem` says so.
static uint64_t *join_alias(const struct training *a, const char **problem)
{
    uint64_t *alias = malloc((size_t)(a->V + 1) * sizeof *alias);
    for (int64_t v = 0; alias && v < a->V; v++) {
        const uint32_t other = (uint32_t)READ_ONCE(a->alias_other[v]);
        if (other >= a->V) *problem = "alias_other: a value lies outside of the words";
        alias[v] = (uint64_t)a->alias_threshold[v] << 32 | other;
    }
    return alias;
}

// Replaces the draws of centre c's negatives by words: slot = high word of draw * V, kept or swapped for its alias by
// the low word.
ALWAYS_INLINE void resolve_negatives(const struct training *a, const uint64_t *alias, struct block *b, int64_t c)
{
    int32_t *const negative = b->negatives + c * a->negative;
    for (int64_t i = 0; i < a->negative; i++) {
        const uint64_t product = (uint64_t)(uint32_t)negative[i] * (uint64_t)a->V, slot = product >> 32;
        const uint64_t entry = alias[slot];
        negative[i] = (uint32_t)product <= entry >> 32 ? (int32_t)slot : (int32_t)(uint32_t)entry;
    }
}

// Asks for what resolve_negatives will read.
ALWAYS_INLINE void prefetch_alias(const struct training *a, const uint64_t *alias, const struct block *b, int64_t c)
{
    const int32_t *const draw = b->negatives + c * a->negative;
    for (int64_t i = 0; i < a->negative; i++)
        __builtin_prefetch(alias + ((uint64_t)(uint32_t)draw[i] * (uint64_t)a->V >> 32));
}

// The sentence of the token at `first`: offsets[sentence] <= first < offsets[sentence + 1], where the offsets ascend.
static int64_t find_sentence(const struct training *a, int64_t first)
{
    int64_t low = 0, high = a->S;
    while (high - low > 1) {
        const int64_t middle = (low + high) / 2;
        if (a->offsets[middle] <= first)
            low = middle;
        else
            high = middle;
    }
    return low;
}

// Collects the kept tokens of the block of tokens [first, last) and of its margins. Returns the number of sentences.
static int64_t keep_block(const struct training *a, struct block *b, int64_t first, int64_t last)
{
    int64_t sentence = find_sentence(a, first), before = READ_ONCE(a->offsets[sentence]), sentences = 0;
    if (before < 0 || before > first) {
        b->problem = "offsets: expected them to ascend from 0";
        return 0;
    }
    const int64_t from = most(before, first - MARGIN), reach = least(last + MARGIN, a->N), base = from & ~(int64_t)3;
    draw_keeps(a, b, from, last);
    b->kept = b->first_centre = keep_tokens(a, b, 0, from, first, base);
    for (int64_t t = first; t < last; sentence++) {
        const int64_t stop = sentence < a->S ? READ_ONCE(a->offsets[sentence + 1]) : -1;
        if (stop < t) {
            b->problem = "offsets: expected them to ascend to the number of ids";
            return 0;
        }
        const int64_t inside = least(stop, last);
        b->kept = keep_tokens(a, b, b->kept, t, inside, base);
        t = inside;
        if (t == last) {
            b->centres = b->kept - b->first_centre;
            const int64_t beyond = least(stop, reach);
            draw_keeps(a, b, last, beyond);
            b->kept = keep_tokens(a, b, b->kept, last, beyond, last & ~(int64_t)3);
        }
        b->sentence_end[sentences] = (int32_t)b->kept;
        if (a->tags) b->sentence[sentences] = sentence;
        sentences += stop > before;
        before = stop;
    }
    return sentences;
}

// Fills b with the examples of the block that is visited as the turn-th.
static void block_sample(const struct training *a, struct block *b, int64_t turn)
{
    const int64_t index = a->order[turn], first = index * BLOCK;
    b->problem = NULL;
    b->centres = 0;
    const int64_t sentences = keep_block(a, b, first, least(first + BLOCK, a->N));
    if (b->problem) b->centres = b->kept = 0;
    for (int64_t i = 0; i < b->kept; i++)
        b->rows[i] = a->rows ? b->slots.now + (i & b->slots.mask) * a->P : a->input + b->ids[i] * a->P;

    if (a->shrink)
        sq_philox(b->draws, (b->centres + 3) / 4, (uint64_t)a->seed, draw_stream(a, DRAW_WINDOW),
                  (uint64_t)index << 32);
    int64_t start = 0, examples = 0, c = 0, tag = 0, tags = 0;
    for (int64_t s = 0; s < sentences; s++) {
        const int64_t stop = b->sentence_end[s];
        if (a->tags) tags = read_part(a->tag_offsets, b->sentence[s], a->U, &tag);
        for (; c < b->centres && b->first_centre + c < stop; c++) {
            const int64_t i = b->first_centre + c;
            const int64_t less = a->shrink ? (int64_t)((uint64_t)b->draws[c] * (uint64_t)a->window >> 32) : 0;
            const int64_t span = a->window - less;
            b->begin[c] = (int32_t)most(i - span, start);
            b->end[c] = (int32_t)least(i + span + 1, stop);
            if (a->tags) b->tag[c] = tag, b->tags[c] = tags;
            const int64_t contexts = (a->no_words ? 0 : b->end[c] - b->begin[c] - 1) + tags;
            examples += a->null_word ? tags == a->tag_count : a->cbow ? contexts > 0 : contexts;
        }
        start = stop;
    }
    b->examples = examples;
    if (a->output)
        sq_philox((uint32_t *)b->negatives, (b->centres * a->negative + 3) / 4, (uint64_t)a->seed,
                  draw_stream(a, DRAW_NEGATIVE), (uint64_t)index << 32);
    b->resolved = !a->output;
    b->alpha = a->alpha + a->slope * (double)turn;
}

#endif
