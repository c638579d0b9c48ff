"""seqnn: the fast, small, NumPy-native toolbox for sequence models on the CPU."""

from . import random
from ._config import __version__, available_isas, get_isa, set_isa, show_config
from ._threads import get_num_threads, set_num_threads, threads

__all__ = [
    "__version__",
    "available_isas",
    "get_isa",
    "get_num_threads",
    "random",
    "set_isa",
    "set_num_threads",
    "show_config",
    "threads",
]
