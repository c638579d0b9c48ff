"""How many threads the kernels use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import _core
from ._openmp import CPUS

MAX_THREADS = 1024
"""Of one call, as the kernels check it."""


def _cgroup_limit() -> float:
    """CPUs that the container's quota allows (cgroup v2, then v1); infinity where there is none."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").read_text()
            period = Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us").read_text()
        except OSError:
            return float("inf")
    if quota.strip() in ("max", "-1"):
        return float("inf")
    return int(quota) / int(period)


def _default_threads() -> int:
    """Return the smaller of the CPUs that this process may run on and its container's quota; SEQNN_NUM_THREADS goes first."""
    if wanted := os.environ.get("SEQNN_NUM_THREADS"):
        if not (wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= MAX_THREADS):
            raise ValueError(f"SEQNN_NUM_THREADS is {wanted!r}, expected a positive integer, at most {MAX_THREADS}")
        return int(wanted)
    return max(1, min(CPUS, round(_cgroup_limit() + 0.49) if _cgroup_limit() < CPUS else CPUS))


def set_num_threads(n: int) -> None:
    """Limit the threads of every later call in this process.

    A call never uses more than OpenMP itself allows at that moment (``OMP_NUM_THREADS``, ``threadpoolctl``), and small work
    stays on one thread.

    Args:
        n: the limit, >= 1.

    Raises:
        ValueError: for a number below 1, or one that is too large.

    >>> import seqnn
    >>> before = seqnn.get_num_threads()
    >>> seqnn.set_num_threads(1)
    >>> seqnn.get_num_threads()
    1
    >>> seqnn.set_num_threads(before)
    """
    _core.set_threads(n)


def get_num_threads() -> int:
    """Return the most threads that a call from here uses.

    >>> import seqnn
    >>> seqnn.get_num_threads() >= 1
    True
    """
    return _core.get_threads()


@contextmanager
def threads(n: int | None) -> Iterator[None]:
    """Limit the threads of calls inside the block, from this Python thread only.

    Args:
        n: the limit, >= 1; None changes nothing.

    Returns:
        A context manager.

    Raises:
        ValueError: for a number below 1.

    >>> import seqnn
    >>> with seqnn.threads(1):
    ...     seqnn.get_num_threads()
    1
    """
    if n is None:
        yield
        return
    if n < 1:
        raise ValueError(f"threads: n is {n}, expected at least 1")
    before = _core.set_local_threads(n)
    try:
        yield
    finally:
        _core.set_local_threads(before)


_core.set_threads(_default_threads())
