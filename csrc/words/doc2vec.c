// Doc2vec (Le and Mikolov, "Distributed representations of sentences and documents", 2014): word2vec where the rows of
// a text's documents are contexts of all its words. PV-DBOW is skip-gram with these contexts alone, PV-DM is CBOW with
// the words' contexts besides.
#include "doc2vec_args.h"
#include "words/trainer.h"

//= MOST_EPOCHS 10000

// Trains as word2vec_train; tags[tag_offsets[s] .. tag_offsets[s + 1]) are the rows of documents that sentence s
// belongs to. Without `words`, words are no contexts.
//: doc2vec_train(ids:i[N], offsets:l[S+1], order:i[K], input+f[V,P], output+?f[V,P], nodes+?f[M,P], documents+f[G,P],
//:     keep?u32[V], alias_threshold?u32[V], alias_other?i[V], path_offsets?l[V+1], path_nodes?i[L],
//:     path_codes?u[L], tag_offsets:l[S+1], tags:i[U], window:n>=1, negative:n>=0, cbow:p, mean:p, words:p,
//:     shrink:p, alpha:d, slope:d, seed:n, epoch:n>=0, deterministic:p)
//:     -> loss:f64[1], examples:l[1]
//:     where 0 <= order < (N + word2vec.BLOCK - 1) / word2vec.BLOCK;
//:     K <= (N + word2vec.BLOCK - 1) / word2vec.BLOCK; P % word2vec.LANES == 0;
//:     output needs alias_threshold alias_other; nodes needs path_offsets path_nodes path_codes;
//:     window <= word2vec.MOST_WINDOW; negative <= word2vec.MOST_NEGATIVE
KERNEL(doc2vec_train)
{
    const struct training t = {TRAINING_OF(a), .R = a->V, .tag_offsets = a->tag_offsets, .tags = a->tags,
                               .U = a->U,      .G = a->G, .documents = a->documents,     .no_words = !a->words};
    return SQ_SHARED(train_words)(&t);
}

// Trains row s of documents on sentence s alone, and nothing else: the learning rate of an epoch is alpha + slope *
// epoch. What becomes of a row depends on its sentence only.
//: doc2vec_infer(ids:i[N], offsets:l[S+1], input:f[V,P], output?f[V,P], nodes?f[M,P], documents+f[S,P],
//:     keep?u32[V], alias_threshold?u32[V], alias_other?i[V], path_offsets?l[V+1], path_nodes?i[L],
//:     path_codes?u[L], window:n>=1, negative:n>=0, cbow:p, mean:p, words:p, shrink:p, alpha:d, slope:d, seed:n,
//:     epochs:n>=0) -> done:l[1]
//:     where offsets covers N; P % word2vec.LANES == 0;
//:     output needs alias_threshold alias_other; nodes needs path_offsets path_nodes path_codes;
//:     window <= word2vec.MOST_WINDOW; negative <= word2vec.MOST_NEGATIVE; epochs <= MOST_EPOCHS
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
                               .keep = a->keep,
                               .alias_threshold = a->alias_threshold,
                               .alias_other = a->alias_other,
                               .path_offsets = a->path_offsets,
                               .path_nodes = a->path_nodes,
                               .path_codes = a->path_codes,
                               .L = a->L,
                               .documents = a->documents,
                               .window = a->window,
                               .negative = a->negative,
                               .seed = a->seed,
                               .cbow = a->cbow,
                               .mean = a->mean,
                               .shrink = a->shrink,
                               .no_words = !a->words,
                               .frozen = true,
                               .alpha = a->alpha,
                               .slope = a->slope};
    a->done[0] = a->S;
    return SQ_SHARED(infer_documents)(&t, a->epochs);
}
