// FastText (Bojanowski et al., "Enriching word vectors with subword information", 2017): word2vec whose input rows are
// made of the rows of a word and of its character n-grams; and the numbers of these n-grams.
#include "fasttext_args.h"
#include "seqnn.h"

typedef struct fasttext_train arguments;

#include "words/fasttext_inputs.h"

#include "words/word2vec_blocks.h"

// A word between its borders, "<word>", as UTF-8.
struct bordered {
    const uint8_t *word;
    int64_t size; // bytes with the borders
};

static uint8_t byte_at(struct bordered b, int64_t i) { return i == 0 ? '<' : i == b.size - 1 ? '>' : b.word[i - 1]; }

static bool inside_character(struct bordered b, int64_t i) { return i < b.size && (byte_at(b, i) & 0xC0) == 0x80; }

static bool sentence_end(struct bordered b) { return b.size == 6 && memcmp(b.word, "</s>", 4) == 0; }

// The n-grams of a word, in the original's order: from each character, with min_n to max_n characters, but for the
// borders alone. Their number is the FNV-1a hash of their bytes, taken as signed ones, modulo `bucket`. "</s>", the
// original's end of a sentence, has none. Returns their count; writes the numbers where `ids` is not NULL.
static int64_t word_ngrams(const uint8_t *word, int64_t length, int64_t min_n, int64_t max_n, uint32_t bucket,
                           int32_t *ids)
{
    const struct bordered b = {word, length + 2};
    int64_t count = 0;
    if (sentence_end(b)) return 0;
    for (int64_t start = 0; start < b.size; start++) {
        if (inside_character(b, start)) continue;
        uint32_t hash = 2166136261u;
        for (int64_t at = start, n = 1; at < b.size && n <= max_n; n++) {
            do {
                hash = (hash ^ (uint32_t)(int8_t)byte_at(b, at++)) * 16777619u;
            } while (inside_character(b, at));
            if (n < min_n || (n == 1 && (start == 0 || at == b.size))) continue;
            if (ids) ids[count] = (int32_t)(hash % bucket);
            count++;
        }
    }
    return count;
}

// How many n-grams each word has.
//: fasttext_ngram_counts(text:u[B], offsets:l[N+1], min_n:n, max_n:n) -> counts:l[N]
KERNEL(fasttext_ngram_counts)
{
    const int team = sq_team(a->B * 20);
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t i = 0; i < a->N; i++)
        a->counts[i] =
            word_ngrams(a->text + a->offsets[i], a->offsets[i + 1] - a->offsets[i], a->min_n, a->max_n, 1, NULL);
    return NULL;
}

// Their numbers: ids[starts[i] .. starts[i + 1]) are those of word i.
//: fasttext_ngram_ids(text:u[B], offsets:l[N+1], starts:l[N+1], count:n>=0, min_n:n, max_n:n, bucket:n>=1)
//:     -> ids:i[count]
KERNEL(fasttext_ngram_ids)
{
    const int team = sq_team(a->count * 20);
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t i = 0; i < a->N; i++)
        word_ngrams(a->text + a->offsets[i], a->offsets[i + 1] - a->offsets[i], a->min_n, a->max_n, (uint32_t)a->bucket,
                    a->ids + a->starts[i]);
    return NULL;
}

// out[i] = the sum of rows ids[offsets[i] .. offsets[i + 1]), added up in this order. The matrix is given as bytes, a
// row every `stride` bytes, because in a file it may lie at any byte.
//: fasttext_sums(data:u[B], stride:n>=0, offsets:l[N+1], ids:i[K], size:n>=1) -> out:f32[N,size]
KERNEL(fasttext_sums)
{
    for (int64_t k = 0; k < a->K; k++)
        if (a->ids[k] < 0 || a->ids[k] * a->stride + a->size * (int64_t)sizeof(float) > a->B)
            return "ids: a row lies outside the data";
    const int team = sq_team(a->K * a->size);
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t i = 0; i < a->N; i++) {
        float *restrict const out = a->out + i * a->size;
        for (int64_t d = 0; d < a->size; d++) out[d] = 0;
        for (int64_t k = a->offsets[i]; k < a->offsets[i + 1]; k++) {
            const uint8_t *restrict const row = a->data + a->ids[k] * a->stride;
            for (int64_t d = 0; d < a->size; d++) {
                float x;
                memcpy(&x, row + d * (int64_t)sizeof x, sizeof x);
                out[d] += x;
            }
        }
    }
    return NULL;
}

//: fasttext_train(ids:i[N], offsets:l[S], order:i[K], input+f[R,P], output+?f[V,P], nodes+?f[M,P],
//:     keep?u32[V], alias_threshold?u32[V], alias_other?i[V]<V, path_offsets?l[V+1], path_nodes?i[L]<M,
//:     path_codes?u[L], row_offsets:l[V+1], rows:i[T]<R, factors?f[R], window:n>=1, negative:n>=0, cbow:p, mean:p,
//:     shrink:p, alpha:d, slope:d, seed:n, epoch:n>=0, deterministic:p)
//:     -> loss:f64[1], examples:l[1]
// As word2vec_train; rows[row_offsets[v] .. row_offsets[v + 1]) are the rows of input that word v is made of, and row r
// takes the share factors[r] of its changes (all of them without factors).
KERNEL(fasttext_train) { return train(a); }
