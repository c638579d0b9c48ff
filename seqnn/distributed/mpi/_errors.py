"""What happens to the other ranks when one fails: they end, too, with its message, instead of waiting for it for ever."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._needs import needed

MPI: Any = needed("mpi", "mpi4py.MPI", "; and an MPI library, such as that of pip install mpich")


@contextmanager
def abort_on_error(comm: Any = None) -> Iterator[None]:
    """Run a block; an error in it ends all ranks, after its traceback and the number of its rank were written.

    With one rank the error is raised as ever. `Trainer` runs its methods in such a block; put your own reading of data, or
    the whole script, into one as well. A `sys.exit()` in it counts as an error, too: the other ranks may wait for this one.

    Args:
        comm: the communicator; by default that of all ranks.

    Returns:
        A context manager.

    Raises:
        TypeError: for what is no communicator.

    >>> from seqnn.distributed.mpi import abort_on_error
    >>> with abort_on_error():
    ...     total = 1 + 1
    """
    comm = communicator(comm)
    try:
        yield
    except BaseException as error:
        if comm.size == 1:
            raise
        lines = "".join(traceback.format_exception(error))
        sys.stdout.flush()
        sys.stderr.write(f"{lines}seqnn: rank {comm.rank} of {comm.size} failed with this error; all ranks end.\n")
        sys.stderr.flush()
        comm.Abort(1)


def communicator(comm: Any) -> Any:
    """Return a communicator; that of all ranks for None."""
    if comm is None:
        return MPI.COMM_WORLD
    if not hasattr(comm, "Iallreduce") or comm == MPI.COMM_NULL:
        found = "COMM_NULL, to which this rank does not belong" if hasattr(comm, "Iallreduce") else type(comm).__name__
        raise TypeError(f"comm: expected a communicator of mpi4py, got {found}")
    return comm
