"""What this build is and how it runs: instruction set, threads, versions."""

from __future__ import annotations

import os
import platform
import sys

import numpy as np

from . import _core
from ._threads import get_num_threads

__version__ = "0.1.0"


def set_isa(name: str) -> None:
    """Use the kernels compiled for one instruction set; the variable SEQNN_ISA of the environment does the same.

    Args:
        name: "base", "avx2" or "avx512".

    Raises:
        ValueError: where this build or CPU does not have it.

    >>> import seqnn
    >>> slowest, *_, fastest = [seqnn.available_isas()[0], *seqnn.available_isas()]
    >>> seqnn.set_isa(slowest)
    >>> seqnn.get_isa() == slowest
    True
    >>> seqnn.set_isa(fastest)
    """
    _core.set_isa(name)


def get_isa() -> str:
    """Return the instruction set in use.

    >>> import seqnn
    >>> seqnn.get_isa() in seqnn.available_isas()
    True
    """
    return _core.get_isa()


def available_isas() -> tuple[str, ...]:
    """Return the instruction sets that this build has and this CPU runs, slowest first.

    >>> import seqnn
    >>> seqnn.available_isas()
    (...)
    """
    return _core.available_isas()


def config() -> dict[str, str]:
    """The facts that `show_config` prints."""
    build = _core.build_info()
    return {
        "seqnn": __version__,
        "Python": sys.version.split()[0],
        "NumPy": np.__version__,
        "platform": platform.platform(),
        "instruction set": f"{get_isa()} (available: {', '.join(available_isas())})",
        "threads": str(get_num_threads()),
        "OpenMP": str(build["openmp"] or "no: built for one thread"),
        "compiler": build["compiler"],
    }


def show_config() -> None:
    """Print versions, instruction set, threads and OpenMP, one a line.

    >>> import seqnn
    >>> seqnn.show_config()
    seqnn ...
    """
    for name, value in config().items():
        print(f"{name:16} {value}")


if os.environ.get("SEQNN_ISA"):
    try:
        set_isa(os.environ["SEQNN_ISA"])
    except ValueError as error:
        raise ValueError(f"the variable SEQNN_ISA of the environment: {error}") from None
