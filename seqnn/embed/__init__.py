"""Word vectors: trainers, vectors, their files, neighbours and evaluation."""

from ._bias_direction import bias_direction
from ._bias_measures import BeforeAfter, WEATResult, compare_debiased, direct_bias, weat
from ._callbacks import Callback, EarlyStopping
from ._cooccurrence import Cooccurrence
from ._debias import HardDebias, SoftDebias
from ._gender_words import GenderWords, gender_words
from ._glove import GloVe
from ._keyed_vectors import KeyedVectors
from ._neighbors import nearest_neighbors
from ._word2vec import Word2Vec

__all__ = [
    "BeforeAfter",
    "Callback",
    "Cooccurrence",
    "EarlyStopping",
    "GenderWords",
    "GloVe",
    "HardDebias",
    "KeyedVectors",
    "SoftDebias",
    "WEATResult",
    "Word2Vec",
    "bias_direction",
    "compare_debiased",
    "direct_bias",
    "gender_words",
    "nearest_neighbors",
    "weat",
]
