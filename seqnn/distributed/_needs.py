"""What to install for an engine."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def needed(engine: str, library: str, also: str = "") -> Any:
    """Import a library that an engine needs; an ImportError says what to install."""
    try:
        return import_module(library)
    except (ImportError, RuntimeError) as error:  # mpi4py says so where it finds no MPI library
        raise ImportError(
            f"seqnn.distributed.{engine} needs {library.partition('.')[0]}: pip install 'seqnn-cpu[distributed]'{also} "
            f"({error})"
        ) from error
