// Doc2vec (Le and Mikolov, "Distributed representations of sentences and documents", 2014): word2vec where the rows of
// a text's documents are contexts of all its words. PV-DBOW is skip-gram with these contexts alone, PV-DM is CBOW with
// the words' contexts besides; or the rows of documents and of all places of the window stand side by side.
#include "doc2vec_args.h"
#include "words/trainer.h"

//= MOST_EPOCHS 10000
//= MOST_TAGS 1024

// Trains as word2vec_train; tags[tag_offsets[s] .. tag_offsets[s + 1]) are the rows of documents that sentence s
// belongs to. Without `words`, words are no contexts. With null_word, the rows of a word's documents, if they are
// tag_count, and of the words around it are concatenated; null_word stands where the window reaches beyond the
// sentence.
//: doc2vec_train(ids:i[N], offsets:l[S+1], order:i[K], input+f[V,P], output+?f[V,Q], nodes+?f[M,Q], documents+f[G,P],
//:     null_word+?f[1,P], keep?u32[V], alias_threshold?u32[V], alias_other?i[V], path_offsets?l[V+1], path_nodes?i[L],
//:     path_codes?u[L], tag_offsets:l[S+1], tags:i[U], window:n>=1, negative:n>=0, cbow:p, mean:p, words:p,
//:     tag_count:n=1, shrink:p, alpha:d, slope:d, seed:n, epoch:n>=0, deterministic:p)
//:     -> loss:f64[1], examples:l[1]
//:     where 0 <= order < (N + word2vec.BLOCK - 1) / word2vec.BLOCK;
//:     K <= (N + word2vec.BLOCK - 1) / word2vec.BLOCK; P % word2vec.LANES == 0;
//:     output needs alias_threshold alias_other; nodes needs path_offsets path_nodes path_codes;
//:     window <= word2vec.MOST_WINDOW; negative <= word2vec.MOST_NEGATIVE; 1 <= tag_count <= MOST_TAGS;
//:     null_word or Q == P; not null_word or (window <= word2vec.MARGIN and Q == (tag_count + 2 * window) * P);
//:     not null_word or (cbow and words and not shrink)
KERNEL(doc2vec_train)
{
    const struct training t = {TRAINING_OF(a),
                               .R = a->V,
                               .Q = a->Q,
                               .tag_offsets = a->tag_offsets,
                               .tags = a->tags,
                               .U = a->U,
                               .G = a->G,
                               .documents = a->documents,
                               .null_word = a->null_word,
                               .tag_count = a->tag_count,
                               .no_words = !a->words};
    return SQ_SHARED(train_words)(&t);
}

// Trains row s of documents on sentence s alone, and nothing else: the learning rate of an epoch is alpha + slope *
// epoch. What becomes of a row depends on its sentence only.
//: doc2vec_infer(ids:i[N], offsets:l[S+1], input:f[V,P], output?f[V,Q], nodes?f[M,Q], documents+f[S,P],
//:     null_word?f[1,P], keep?u32[V], alias_threshold?u32[V], alias_other?i[V], path_offsets?l[V+1], path_nodes?i[L],
//:     path_codes?u[L], window:n>=1, negative:n>=0, cbow:p, mean:p, words:p, shrink:p, alpha:d, slope:d, seed:n,
//:     epochs:n>=0) -> done:l[1]
//:     where offsets covers N; P % word2vec.LANES == 0;
//:     output needs alias_threshold alias_other; nodes needs path_offsets path_nodes path_codes;
//:     window <= word2vec.MOST_WINDOW; negative <= word2vec.MOST_NEGATIVE; epochs <= MOST_EPOCHS;
//:     null_word or Q == P; not null_word or (window <= word2vec.MARGIN and Q == (1 + 2 * window) * P);
//:     not null_word or (cbow and words and not shrink)
KERNEL(doc2vec_infer)
{
    const struct training t = {.ids = a->ids,
                               .offsets = a->offsets,
                               .N = a->N,
                               .S = a->S,
                               .input = (real *)a->input, // frozen: never written
                               .output = (real *)a->output,
                               .nodes = (real *)a->nodes,
                               .V = a->V,
                               .M = a->M,
                               .R = a->V,
                               .P = a->P,
                               .Q = a->Q,
                               .keep = a->keep,
                               .alias_threshold = a->alias_threshold,
                               .alias_other = a->alias_other,
                               .path_offsets = a->path_offsets,
                               .path_nodes = a->path_nodes,
                               .path_codes = a->path_codes,
                               .L = a->L,
                               .documents = a->documents,
                               .null_word = (real *)a->null_word,
                               .tag_count = 1,
                               .window = a->window,
                               .negative = a->negative,
                               .seed = a->seed,
                               .cbow = a->cbow,
                               .mean = a->mean,
                               .shrink = a->shrink,
                               .no_words = !a->words || !a->cbow, // a document meets the outputs for itself
                               .frozen = true,
                               .alpha = a->alpha,
                               .slope = a->slope};
    a->done[0] = a->S;
    return SQ_SHARED(infer_documents)(&t, a->epochs);
}
