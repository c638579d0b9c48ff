// The training examples of one block of tokens: which tokens are kept, how far each window reaches, which negatives.
// Every draw is keyed by the token's or the block's place in the corpus, so the examples do not depend on threads or
// calls. The file that includes this says what `arguments` are: the kernel's own struct.
#ifndef SEQNN_WORDS_WORD2VEC_SAMPLE_H
#define SEQNN_WORDS_WORD2VEC_SAMPLE_H

#include "random/rng.h"
#include "vec/math.h"

// Blocks lie at multiples of BLOCK tokens; contexts of a block come from at most MARGIN tokens beyond its ends.
enum { BLOCK = 8192, MARGIN = 1024 };
enum { COPY = 8 }; // row pointers are copied so many at a time
enum { DRAW_KEEP, DRAW_WINDOW, DRAW_NEGATIVE, DRAWS };

// Where fastText has the input rows of the tokens that windows reach just now; word2vec leaves it empty.
struct slots {
    int64_t mask;       // slots - 1: token i has the slot i & mask
    real *now, *before; // [slots][P] the row, and as it was at first
    void *memory;
};

struct block {
    int64_t centres;      // kept tokens of the block
    int64_t first_centre; // where they begin in ids
    int64_t kept;         // tokens in ids
    bool resolved;        // negatives are words, no longer draws
    int64_t examples;     // (context, centre) pairs for skip-gram, centres with a context for CBOW
    double alpha;
    struct slots slots;
    real **rows;           // input rows of ids   [BLOCK + 2 MARGIN + COPY]
    int32_t *ids;          // kept tokens of the block and its margins   [BLOCK + 2 MARGIN]
    int32_t *begin, *end;  // window of centre c: ids[begin[c] .. end[c]) without the centre itself   [BLOCK]
    int32_t *negatives;    // [BLOCK][negative]; only the draws until resolve_negatives
    int32_t *sentence_end; // scratch: where each sentence ends in ids   [BLOCK + 2 MARGIN]
    uint32_t *draws;       // scratch   [BLOCK + 2 MARGIN + 64]
};

// What word2vec_inputs.h and fasttext_inputs.h answer differently: where the input row of token i lies.
static bool slots_allocate(struct slots *s, const arguments *a);
static real *input_row(const struct block *b, const arguments *a, int64_t i);

static bool block_allocate(struct block *b, const arguments *a)
{
    const int64_t span = BLOCK + 2 * MARGIN, numbers = 3 * span + 2 * BLOCK + BLOCK * a->negative + 4 + 64;
    b->rows = malloc((size_t)(span + COPY) * sizeof *b->rows + (size_t)numbers * sizeof(int32_t));
    if (!slots_allocate(&b->slots, a) || !b->rows) return false;
    b->ids = (int32_t *)(b->rows + span + COPY);
    b->sentence_end = b->ids + span;
    b->begin = b->sentence_end + span;
    b->end = b->begin + BLOCK;
    b->negatives = b->end + BLOCK;
    b->draws = (uint32_t *)(b->negatives + BLOCK * a->negative + 4);
    return true;
}

static void block_free(struct block *b)
{
    free(b->rows);
    free(b->slots.memory);
}

static uint64_t draw_stream(const arguments *a, int purpose) { return (uint64_t)a->epoch * DRAWS + (uint64_t)purpose; }

// The sub-sampling draws of the tokens at [from, to): draws[0] belongs to position from & ~3.
static void draw_keeps(const arguments *a, struct block *b, int64_t from, int64_t to)
{
    if (a->keep)
        sq_philox(b->draws, (to + 3) / 4 - from / 4, (uint64_t)a->seed, draw_stream(a, DRAW_KEEP), (uint64_t)from / 4);
}

// Appends the kept ones of the tokens at absolute positions [from, to) to ids; draws[0] belongs to position `base`.
static int64_t keep_tokens(const arguments *a, struct block *b, int64_t count, int64_t from, int64_t to, int64_t base)
{
    const int32_t *restrict token = a->ids;
    int32_t *restrict kept = b->ids;
    if (!a->keep) {
        for (int64_t t = from; t < to; t++) kept[count++] = token[t];
        return count;
    }
    const uint32_t *restrict threshold = a->keep, *restrict draw = b->draws - base;
    for (int64_t t = from; t < to; t++) {
        kept[count] = token[t];
        count += draw[t] <= threshold[token[t]];
    }
    return count;
}

// The alias table with both entries of a slot side by side: threshold in the high word. NULL if memory ran out.
static uint64_t *join_alias(const arguments *a)
{
    uint64_t *alias = malloc((size_t)(a->V + 1) * sizeof *alias);
    for (int64_t v = 0; alias && v < a->V; v++)
        alias[v] = (uint64_t)a->alias_threshold[v] << 32 | (uint64_t)(uint32_t)a->alias_other[v];
    return alias;
}

// The negatives of centre c, from their draws: slot = high word of draw * V, kept or swapped for its alias by the low
// word.
ALWAYS_INLINE void resolve_negatives(const arguments *a, const uint64_t *alias, struct block *b, int64_t c)
{
    int32_t *const negative = b->negatives + c * a->negative;
    for (int64_t i = 0; i < a->negative; i++) {
        const uint64_t product = (uint64_t)(uint32_t)negative[i] * (uint64_t)a->V, slot = product >> 32;
        const uint64_t entry = alias[slot];
        negative[i] = (uint32_t)product <= entry >> 32 ? (int32_t)slot : (int32_t)(uint32_t)entry;
    }
}

// Asks for what resolve_negatives will read.
ALWAYS_INLINE void prefetch_alias(const arguments *a, const uint64_t *alias, const struct block *b, int64_t c)
{
    const int32_t *const draw = b->negatives + c * a->negative;
    for (int64_t i = 0; i < a->negative; i++)
        __builtin_prefetch(alias + ((uint64_t)(uint32_t)draw[i] * (uint64_t)a->V >> 32));
}

// Fills b with the examples of the block that is visited as the turn-th.
static void block_sample(const arguments *a, struct block *b, int64_t turn)
{
    const int64_t index = a->order[turn], first = index * BLOCK;
    const int64_t last = first + BLOCK < a->N ? first + BLOCK : a->N;
    int64_t low = 0, high = a->S - 1; // the sentence of token `first`: offsets[low] <= first < offsets[low + 1]
    while (high - low > 1) {
        const int64_t middle = (low + high) / 2;
        if (a->offsets[middle] <= first)
            low = middle;
        else
            high = middle;
    }
    int64_t from = a->offsets[low], sentence = low;
    if (from < first - MARGIN) from = first - MARGIN;
    const int64_t reach = last + MARGIN < a->N ? last + MARGIN : a->N;
    const int64_t base = from & ~(int64_t)3;
    draw_keeps(a, b, from, last);
    int64_t kept = keep_tokens(a, b, 0, from, first, base), sentences = 0;
    b->first_centre = kept;
    for (int64_t t = first; t < last; sentence++) {
        const int64_t stop = a->offsets[sentence + 1], inside = stop < last ? stop : last;
        kept = keep_tokens(a, b, kept, t, inside, base);
        t = inside;
        if (t == last) {
            b->centres = kept - b->first_centre;
            const int64_t beyond = stop < reach ? stop : reach;
            draw_keeps(a, b, last, beyond);
            kept = keep_tokens(a, b, kept, last, beyond, last & ~(int64_t)3);
        }
        b->sentence_end[sentences] = (int32_t)kept;
        sentences += stop > a->offsets[sentence];
    }
    b->kept = kept;
    for (int64_t i = 0; i < kept; i++) b->rows[i] = input_row(b, a, i);

    if (a->shrink)
        sq_philox(b->draws, (b->centres + 3) / 4, (uint64_t)a->seed, draw_stream(a, DRAW_WINDOW),
                  (uint64_t)index << 32);
    int64_t start = 0, examples = 0, c = 0;
    for (int64_t s = 0; s < sentences; s++) {
        const int64_t stop = b->sentence_end[s];
        for (; c < b->centres && b->first_centre + c < stop; c++) {
            const int64_t i = b->first_centre + c;
            const int64_t cut = a->shrink ? (int64_t)((uint64_t)b->draws[c] * (uint64_t)a->window >> 32) : 0;
            const int64_t span = a->window - cut, begin = i - span, end = i + span + 1;
            b->begin[c] = (int32_t)(begin > start ? begin : start);
            b->end[c] = (int32_t)(end < stop ? end : stop);
            const int64_t contexts = b->end[c] - b->begin[c] - 1;
            examples += a->cbow ? contexts > 0 : contexts;
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
