// Word2vec (Mikolov et al., "Efficient estimation of word representations in vector space", 2013; "Distributed
// representations of words and phrases", 2013): skip-gram and CBOW with negative sampling and hierarchical softmax.
// Every context (input row) of a centre word is trained against the same outputs: the centre and its negatives, drawn
// once for the whole window (Ji et al., "Parallelizing word2vec in shared and distributed memory", 2016), and its
// Huffman path.
#include "seqnn.h"
#include "words/trainer.h"

// A block is BLOCK tokens, a step of training; it sees MARGIN tokens beyond its ends. The rows of the matrices have
// whole vectors of LANES numbers. A block of MOST_NEGATIVE negatives takes seconds, and a call does not end within a
// block.
//= BLOCK 8192
//= MARGIN 1024
//= LANES 16
//= MOST_NEGATIVE 1000
//= MOST_WINDOW 2147483647

// Trains on the blocks of the corpus in the given order; alpha + slope * k is the learning rate of the k-th of them.
//: word2vec_train(ids:i[N], offsets:l[S+1], order:i[K], input+f[V,P], output+?f[V,P], nodes+?f[M,P],
//:     keep?u32[V], alias_threshold?u32[V], alias_other?i[V], path_offsets?l[V+1], path_nodes?i[L],
//:     path_codes?u[L], window:n>=1, negative:n>=0, cbow:p, mean:p, shrink:p, alpha:d, slope:d, seed:n, epoch:n>=0,
//:     deterministic:p)
//:     -> loss:f64[1], examples:l[1]
//:     where 0 <= order < (N + BLOCK - 1) / BLOCK; K <= (N + BLOCK - 1) / BLOCK; P % LANES == 0;
//:     output needs alias_threshold alias_other; nodes needs path_offsets path_nodes path_codes;
//:     window <= MOST_WINDOW; negative <= MOST_NEGATIVE
KERNEL(word2vec_train)
{
    const struct training t = {TRAINING_OF(a), .R = a->V, .Q = a->P};
    return SQ_SHARED(train_words)(&t);
}
