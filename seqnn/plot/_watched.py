"""What the pictures of networks take from a `diagnose.Watch`, or from plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..diagnose import Watch


def recorded(source: Any, figure: str, argument: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the steps, and one figure {name: a number a step} of all layers or parameters that have it."""
    if isinstance(source, Watch):
        history = source.history
        steps, rows = history["step"], labelled(source, history[figure])
        if not len(steps):
            raise ValueError(f"{argument}: nothing was recorded yet")
    elif isinstance(source, Mapping):
        rows = {str(name): np.asarray(values, np.float64) for name, values in source.items()}
        if not rows:
            raise ValueError(f"{argument}: expected at least one name with its numbers, got none")
        shapes = {values.shape for values in rows.values()}
        if len(shapes) != 1 or len(shape := shapes.pop()) != 1 or shape[0] == 0:
            raise ValueError(f"{argument}: expected for each name the same number of numbers, one a step")
        steps = np.arange(shape[0])
    else:
        raise TypeError(f"{argument}: expected a diagnose.Watch or {{name: numbers}}, got {type(source).__name__}")
    rows = {name: values for name, values in rows.items() if not np.isnan(values).all()}
    if not rows:
        raise ValueError(f"{argument}: nothing recorded has a {figure.replace('_', ' ')!r}")
    return steps, rows


def labelled(watch: Watch, rows: Mapping[str, Any]) -> dict[str, Any]:
    """Add their types to the paths of layers; parameters stay as they are."""
    return {watch.label(name): values for name, values in rows.items()}
