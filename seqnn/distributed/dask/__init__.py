"""Counting and word vectors over the shards of a corpus, by the workers of a Dask cluster.

* `count_words`, `count_cooccurrence`, `count_ngrams`: what one machine counts, bit for bit
* `fit_ngrams`: a language model of n-grams
* `fit_word2vec`, `fit_glove`: word vectors by averaging the parameters of the shards

A shard is the path of a file that every worker sees, a list of paths, or a list of sentences. Every task is a function of its
shard and of nothing else: what a lost worker had done is done again, and nothing is counted twice.
"""

from ._averaging import fit_glove, fit_word2vec
from ._counting import count_cooccurrence, count_ngrams, count_words, fit_ngrams

__all__ = ["count_cooccurrence", "count_ngrams", "count_words", "fit_glove", "fit_ngrams", "fit_word2vec"]
