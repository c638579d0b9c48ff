"""seqnn: the fast, small, NumPy-native toolbox for sequence models on the CPU.

>>> import seqnn
>>> sentences = [["the", "cat", "sat"], ["the", "dog", "sat"]] * 50
>>> model = seqnn.Word2Vec(sentences, vector_size=16, epochs=2, verbose=0)
>>> model.wv["cat"].shape
(16,)
"""

from . import data, embed, random, text
from ._config import __version__, available_isas, get_isa, set_isa, show_config
from ._threads import get_num_threads, set_num_threads, threads
from .embed import Callback, Cooccurrence, EarlyStopping, GloVe, KeyedVectors, Word2Vec
from .text import Phrases

__all__ = [
    "Callback",
    "Cooccurrence",
    "EarlyStopping",
    "GloVe",
    "KeyedVectors",
    "Phrases",
    "Word2Vec",
    "__version__",
    "available_isas",
    "data",
    "embed",
    "get_isa",
    "get_num_threads",
    "random",
    "set_isa",
    "set_num_threads",
    "show_config",
    "text",
    "threads",
]
