"""The records of a Watch, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._layer import FIGURES


@dataclass
class Record:
    """A record of one step: the FIGURES of each layer, and of each parameter the norm of its gradient and its change."""

    step: int
    figures: dict[str, np.ndarray]
    gradients: dict[str, float]
    updates: dict[str, float]


class Records:
    """A list of up to `keep` records, of each `every`-th step. With more, every second is dropped and `every` doubles."""

    def __init__(self, every: int, keep: int) -> None:
        self.every, self.keep = every, keep
        self._rows: list[Record] = []

    def add(self, row: Record) -> None:
        self._rows.append(row)
        if len(self._rows) > self.keep:
            self.every *= 2
            self._rows = [row for row in self._rows if row.step % self.every == 0]

    def history(self, layers: list[str], more: Sequence[Record] = ()) -> dict[str, Any]:
        """Make arrays over the records, followed by those in `more`; see `Watch.history`."""
        rows = [*self._rows, *more]
        absent = np.full(len(FIGURES), np.nan)
        parameters = list(dict.fromkeys(name for row in rows for name in row.gradients))
        found: dict[str, Any] = {"step": np.array([row.step for row in rows], np.int64)}
        table = np.array([[row.figures.get(n, absent) for n in layers] for row in rows], np.float64)
        table = table.reshape(len(rows), len(layers), len(FIGURES))
        for k, figure in enumerate(FIGURES):
            found[figure] = {name: table[:, i, k].copy() for i, name in enumerate(layers)}
        for figure, of in (("weight_gradient", "gradients"), ("update", "updates")):
            found[figure] = {n: np.array([getattr(row, of).get(n, np.nan) for row in rows]) for n in parameters}
        return found
