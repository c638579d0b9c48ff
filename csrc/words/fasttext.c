// FastText (Bojanowski et al., "Enriching word vectors with subword information", 2017): word2vec whose input rows are
// made of the rows of a word and of its character n-grams; and the numbers of these n-grams.
#include "base/arith.h"
#include "base/once.h"
#include "fasttext_args.h"
#include "words/subwords.h"
#include "words/trainer.h"

// Words of any length have n-grams of up to ANY_LENGTH characters. Longer ones grow with the square of the word: then a
// word has at most MOST_WORK bytes times characters of its longest n-gram, about 0.05 s and 32 MiB of numbers.
//= ANY_LENGTH 100
//= MOST_WORK 16777216
//= MOST_BUCKET 2147483647

static bool is_too_long(int64_t size, int64_t max_n)
{
    return max_n > FASTTEXT_ANY_LENGTH && size > FASTTEXT_MOST_WORK / least(max_n, size);
}

static const char too_long[] =
    "a word is too long for n-grams of max_n characters: expected max_n <= 100, or at most 2^24 "
    "bytes of a word times characters of its longest n-gram";

// Counts the n-grams of each word.
//: fasttext_ngram_counts(text:u[B], offsets:l[N+1], min_n:n, max_n:n) -> counts:l[N]
//:     where offsets ascends to B
KERNEL(fasttext_ngram_counts)
{
    bool good = true;
    const int team = sq_team(a->B * 20);
#pragma omp parallel for num_threads(team) schedule(static) reduction(&& : good)
    for (int64_t i = 0; i < a->N; i++) {
        const struct bordered word = {a->text + a->offsets[i], a->offsets[i + 1] - a->offsets[i] + 2};
        if (is_too_long(word.size, a->max_n))
            good = false;
        else
            a->counts[i] = list_ngrams(word, a->min_n, a->max_n, 1, NULL, 0);
    }
    return good ? NULL : too_long;
}

// Lists their numbers: ids[starts[i] .. starts[i + 1]) are those of word i.
//: fasttext_ngram_ids(text:u[B], offsets:l[N+1], starts:l[N+1], count:n>=0, min_n:n, max_n:n, bucket:n>=1)
//:     -> ids:i[count]
//:     where offsets ascends to B; starts covers count; bucket <= MOST_BUCKET
KERNEL(fasttext_ngram_ids)
{
    bool good = true, same = true;
    const int team = sq_team(a->count * 20);
#pragma omp parallel for num_threads(team) schedule(static) reduction(&& : good, same)
    for (int64_t i = 0; i < a->N; i++) {
        const struct bordered word = {a->text + a->offsets[i], a->offsets[i + 1] - a->offsets[i] + 2};
        const int64_t room = a->starts[i + 1] - a->starts[i];
        if (is_too_long(word.size, a->max_n))
            good = false;
        else if (list_ngrams(word, a->min_n, a->max_n, (uint32_t)a->bucket, a->ids + a->starts[i], room) != room)
            same = false;
    }
    if (!good) return too_long;
    return same ? NULL : "starts: expected room for as many n-grams as fasttext_ngram_counts says";
}

// Adds up rows of a matrix: out[i] = the sum of rows ids[offsets[i] .. offsets[i + 1]), in this order. The matrix is
// given as bytes, a row every `stride` bytes, because in a file it may lie at any byte.
//: fasttext_sums(data:u[B], stride:n>=1, offsets:l[N+1], ids:i[K], size:n>=1) -> out:f32[N,size]
//:     where offsets ascends to K
KERNEL(fasttext_sums)
{
    const int64_t row_size = a->size * (int64_t)sizeof(float),
                  rows = a->B < row_size ? 0 : (a->B - row_size) / a->stride + 1;
    bool good = true;
    const int team = sq_team(a->K * a->size);
#pragma omp parallel for num_threads(team) schedule(static) reduction(&& : good)
    for (int64_t i = 0; i < a->N; i++) {
        float *restrict const out = a->out + i * a->size;
        for (int64_t d = 0; d < a->size; d++) out[d] = 0;
        for (int64_t k = a->offsets[i]; k < a->offsets[i + 1]; k++) {
            const int32_t id = READ_ONCE(a->ids[k]);
            if (id < 0 || id >= rows) {
                good = false;
                continue;
            }
            const uint8_t *restrict const row = a->data + id * a->stride;
            for (int64_t d = 0; d < a->size; d++) {
                float x;
                memcpy(&x, row + d * (int64_t)sizeof x, sizeof x);
                out[d] += x;
            }
        }
    }
    return good ? NULL : "ids: a row lies outside the data";
}

// Trains as word2vec_train; rows[row_offsets[v] .. row_offsets[v + 1]) are the rows of input that word v is made of,
// and row r takes the share factors[r] of its changes, all of them without factors.
//: fasttext_train(ids:i[N], offsets:l[S+1], order:i[K], input+f[R,P], output+?f[V,P], nodes+?f[M,P],
//:     keep?u32[V], alias_threshold?u32[V], alias_other?i[V], path_offsets?l[V+1], path_nodes?i[L],
//:     path_codes?u[L], row_offsets:l[V+1], rows:i[T], factors?f[R], window:n>=1, negative:n>=0, cbow:p, mean:p,
//:     shrink:p, alpha:d, slope:d, seed:n, epoch:n>=0, deterministic:p)
//:     -> loss:f64[1], examples:l[1]
//:     where 0 <= order < (N + word2vec.BLOCK - 1) / word2vec.BLOCK;
//:     K <= (N + word2vec.BLOCK - 1) / word2vec.BLOCK; P % word2vec.LANES == 0;
//:     output needs alias_threshold alias_other; nodes needs path_offsets path_nodes path_codes;
//:     window <= word2vec.MOST_WINDOW; negative <= word2vec.MOST_NEGATIVE
KERNEL(fasttext_train)
{
    const struct training t = {
        TRAINING_OF(a),        .R = a->R, .Q = a->P, .row_offsets = a->row_offsets, .rows = a->rows,
        .factors = a->factors, .T = a->T};
    return SQ_SHARED(train_words)(&t);
}
