"""Word vectors: trainers, vectors, their files, neighbours and evaluation."""

from ._callbacks import Callback, EarlyStopping
from ._keyed_vectors import KeyedVectors
from ._neighbors import nearest_neighbors
from ._word2vec import Word2Vec

__all__ = ["Callback", "EarlyStopping", "KeyedVectors", "Word2Vec", "nearest_neighbors"]
