"""seqnn: the fast, small, NumPy-native toolbox for sequence models on the CPU.

>>> import seqnn
>>> sentences = [["the", "cat", "sat"], ["the", "dog", "sat"]] * 50
>>> model = seqnn.Word2Vec(sentences, vector_size=16, epochs=2, verbose=0)
>>> model.wv["cat"].shape
(16,)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import _openmp  # noqa: F401  # isort: skip: it sets how the kernels' threads wait, before they are loaded
from . import data, embed, random, text
from ._config import __version__, available_isas, get_isa, set_isa, show_config
from ._kept_memory import clear_cache, set_cache_limit
from ._threads import get_num_threads, set_num_threads, threads
from .embed import Callback, Cooccurrence, EarlyStopping, FastText, GloVe, KeyedVectors, Word2Vec
from .text import Phrases

if TYPE_CHECKING:
    from . import autograd, diagnose, lm, models, nn, ops, optim, plot, train
    from .autograd import Tensor

__all__ = [
    "Callback",
    "Cooccurrence",
    "EarlyStopping",
    "FastText",
    "GloVe",
    "KeyedVectors",
    "Phrases",
    "Tensor",
    "Word2Vec",
    "__version__",
    "autograd",
    "available_isas",
    "clear_cache",
    "data",
    "diagnose",
    "embed",
    "get_isa",
    "get_num_threads",
    "lm",
    "models",
    "nn",
    "ops",
    "optim",
    "plot",
    "random",
    "set_cache_limit",
    "set_isa",
    "set_num_threads",
    "show_config",
    "text",
    "threads",
    "train",
]


def __getattr__(name: str) -> Any:
    """What networks need is loaded when it is first asked for: who trains word vectors does not wait for it."""
    if name == "Tensor":
        return import_module(".autograd", __name__).Tensor
    if name in __all__:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
