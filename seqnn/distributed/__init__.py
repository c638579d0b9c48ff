"""Work beyond one machine, on engines that exist: `dask` (a Client) and `mpi` (mpiexec).

* `seqnn.distributed.dask`: counting over sharded corpora, word vectors by averaging parameters
* `seqnn.distributed.mpi`: data-parallel training of any Module

They need more libraries: pip install 'seqnn-cpu[distributed]'.
"""

from ._engines import load as __getattr__  # noqa: F401 - an engine is loaded when it is first asked for

__all__ = []
