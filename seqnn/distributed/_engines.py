"""The engines, each loaded when it is first asked for: it needs libraries of its own."""

from __future__ import annotations

from importlib import import_module
from typing import Any

ENGINES = ("dask", "mpi")


def load(name: str) -> Any:
    """Load an engine by its name."""
    if name in ENGINES:
        return import_module(f".{name}", __package__)
    raise AttributeError(f"module {__package__!r} has no attribute {name!r}; it has {', '.join(ENGINES)}")
