"""Memory of large arrays is kept when they go, for later ones of about that size: new memory costs a page fault per 4 KiB.

It serves the results of ops on Tensors, of backward, and of kernels; arrays that NumPy makes elsewhere are not concerned.
"""

from __future__ import annotations

from . import _core


def clear_cache() -> int:
    """Give the memory that is kept for the next arrays, and for the work of the next kernels, back to the system.

    Returns:
        How many bytes that were.

    >>> import seqnn
    >>> freed = seqnn.clear_cache()
    >>> seqnn.clear_cache()
    0
    """
    return _core.drop_memory()


def set_cache_limit(bytes: int) -> int:
    """Limit the memory that is kept for the next arrays.

    At the start the limit is an eighth of the machine's memory, at most 1 GiB. Arrays in use do not count. Where more would
    have to be kept, everything kept so far goes back to the system first.

    Args:
        bytes: the limit; 0 keeps nothing.

    Returns:
        The old limit.

    Raises:
        ValueError: for a negative number.

    >>> import seqnn
    >>> before = seqnn.set_cache_limit(0)
    >>> seqnn.set_cache_limit(before)
    0
    """
    return _core.limit_memory(bytes)
