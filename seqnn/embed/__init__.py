"""Word vectors: trainers, vectors, their files, neighbours and evaluation."""

from .._callbacks import Callback, EarlyStopping
from ._bias_direction import bias_direction
from ._bias_measures import BeforeAfter, WEATResult, compare_debiased, direct_bias, weat
from ._cooccurrence import Cooccurrence
from ._debias import HardDebias, SoftDebias
from ._fasttext import FastText
from ._fasttext_facebook import load_facebook_model, load_facebook_vectors, save_facebook_model
from ._fasttext_vectors import FastTextKeyedVectors
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
    "FastText",
    "FastTextKeyedVectors",
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
    "load_facebook_model",
    "load_facebook_vectors",
    "nearest_neighbors",
    "save_facebook_model",
    "weat",
]
