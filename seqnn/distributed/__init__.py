"""Work beyond one machine, on engines that exist: `dask` (a Client) and `mpi` (mpiexec).

* `seqnn.distributed.dask`: counting over sharded corpora, word vectors by averaging parameters
* `seqnn.distributed.mpi`: data-parallel training of any Module

They need more libraries: pip install 'seqnn-cpu[distributed]'.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import dask as dask
    from . import mpi as mpi

__all__: list[str] = []  # `import *` needs no engine

_ENGINES = ("dask", "mpi")


def __getattr__(name: str) -> Any:
    """Load an engine when it is first asked for: each needs libraries of its own."""
    if name in _ENGINES:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(_ENGINES)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ENGINES})
