// Word2vec (Mikolov et al., "Efficient estimation of word representations in vector space", 2013; "Distributed
// representations of words and phrases", 2013): skip-gram and CBOW with negative sampling and hierarchical softmax.
// Every context (input row) of a centre word is trained against the same outputs: the centre and its negatives, drawn
// once for the whole window (Ji et al., "Parallelizing word2vec in shared and distributed memory", 2016), and its
// Huffman path.
#include "seqnn.h"
#include "word2vec_args.h"

typedef struct word2vec_train arguments;

#include "words/word2vec_inputs.h"

#include "words/word2vec_blocks.h"

//: word2vec_train(ids:i[N], offsets:l[S], order:i[K], input+f[V,P], output+?f[V,P], nodes+?f[M,P],
//:     keep?u32[V], alias_threshold?u32[V], alias_other?i[V]<V, path_offsets?l[V+1], path_nodes?i[L]<M,
//:     path_codes?u[L], window:n>=1, negative:n>=0, cbow:p, mean:p, shrink:p, alpha:d, slope:d, seed:n, epoch:n>=0,
//:     deterministic:p)
//:     -> loss:f64[1], examples:l[1]
// Trains on the blocks of the corpus in the given order; alpha + slope * k is the learning rate of the k-th of them.
KERNEL(word2vec_train) { return train(a); }
