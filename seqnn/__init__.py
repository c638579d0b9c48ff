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
from . import embed, random, text
from ._config import __version__, available_isas, get_isa, set_isa, show_config
from ._hints import refuse
from ._kept_memory import clear_cache, set_cache_limit
from ._threads import get_num_threads, set_num_threads, threads
from .embed import (
    Callback,
    Cooccurrence,
    Doc2Vec,
    EarlyStopping,
    FastText,
    GloVe,
    KeyedVectors,
    TaggedDocument,
    Word2Vec,
)
from .text import Phrases

if TYPE_CHECKING:
    from . import (
        autograd,
        data,
        decode,
        diagnose,
        distributed,
        evaluate,
        lm,
        metrics,
        models,
        nn,
        ops,
        optim,
        plot,
        pretrained,
        serve,
        train,
        tune,
    )
    from .autograd import Tensor
    from .models import FastTextClassifier
    from .pretrained import load_pretrained

__all__ = [
    "Callback",
    "Cooccurrence",
    "Doc2Vec",
    "EarlyStopping",
    "FastText",
    "FastTextClassifier",
    "GloVe",
    "KeyedVectors",
    "Phrases",
    "TaggedDocument",
    "Tensor",
    "Word2Vec",
    "__version__",
    "autograd",
    "available_isas",
    "clear_cache",
    "data",
    "decode",
    "diagnose",
    "distributed",
    "embed",
    "evaluate",
    "get_isa",
    "get_num_threads",
    "lm",
    "load_pretrained",
    "metrics",
    "models",
    "nn",
    "ops",
    "optim",
    "plot",
    "pretrained",
    "random",
    "serve",
    "set_cache_limit",
    "set_isa",
    "set_num_threads",
    "show_config",
    "text",
    "threads",
    "train",
    "tune",
]


_ELSEWHERE = {"FastTextClassifier": ".models", "Tensor": ".autograd", "load_pretrained": ".pretrained"}
"""Names from packages that are loaded when they are first asked for."""


def __getattr__(name: str) -> Any:
    """Load what word vectors do without when it is first asked for: who trains them does not wait for it."""
    if name in _ELSEWHERE:
        return getattr(import_module(_ELSEWHERE[name], __name__), name)
    if name in __all__:
        return import_module(f".{name}", __name__)
    refuse(__name__, name, _INSTEAD)


_INSTEAD = {
    "tensor": "seqnn.Tensor", "zeros": "np.zeros, which functions and layers take; seqnn.Tensor(...) to differentiate",
    "ones": "np.ones, which functions and layers take; seqnn.Tensor(...) to differentiate", "arange": "np.arange",
    "randn": "np.random.default_rng(seed).standard_normal, or seqnn.random", "from_numpy": "seqnn.Tensor(array)",
    "no_grad": "seqnn.autograd.no_grad", "enable_grad": "seqnn.autograd.enable_grad", "inference_mode": "seqnn.autograd.no_grad",
    "manual_seed": "seqnn.random.seed", "save": "model.save(path)", "load": "model.load(path)", "cat": "seqnn.ops.concatenate",
    "stack": "seqnn.ops.stack", "where": "seqnn.ops.where", "float32": "np.float32", "float64": "np.float64", "long": "np.int64",
    "device": "nothing: all is on the CPU", "cuda": "nothing: all is on the CPU", "utils": "seqnn.train.Batches for a DataLoader",
    "relu": "seqnn.ops.relu", "softmax": "seqnn.ops.softmax", "sigmoid": "seqnn.ops.sigmoid", "tanh": "seqnn.ops.tanh",
    "matmul": "a @ b", "set_grad_enabled": "seqnn.autograd.no_grad", "Module": "seqnn.nn.Module", "functional": "seqnn.ops",
}  # fmt: skip
"""What stands for names of PyTorch's."""


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
