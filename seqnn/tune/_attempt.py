"""Adapters that are taken out again where what was tried with them fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["attempt"]


@contextmanager
def attempt(
    adapters: Any, name: str, failures: type[BaseException] | tuple[type[BaseException], ...]
) -> Iterator[None]:
    """Run a block that adds an adapter; where it fails the adapters are as they were before.

    Args:
        adapters: of a model.
        name: of the new adapter.
        failures: the errors after which it is taken out.
    """
    there, active, learning = name in adapters.configs, adapters.active, adapters.trainable() > 0
    try:
        yield
    except failures:
        if name in adapters.configs and not there:
            adapters.delete(name)
            if adapters.configs:
                adapters.activate(*active, trainable=learning)
        raise
