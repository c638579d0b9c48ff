"""Estimators whose inputs and targets are encoded one by one, and become arrays batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from ._base import Coder, Examples, NetworkEstimator, Watch, evened, split_rows
from ._losses import Loss, Weighted

__all__ = ["CodingEstimator"]


class CodingEstimator(NetworkEstimator):
    """An estimator of a network whose examples are encoded; how much each counts is up to weights."""

    def _learn(
        self,
        inputs: tuple[Sequence[Any], Coder],
        targets: tuple[Sequence[Any], Coder],
        loss: Loss,
        weights: Sequence[Any] | None,
        metrics: Mapping[str, Callable] | None = None,
        *,
        parts: tuple[np.ndarray, np.ndarray] | None = None,
        watch: Watch | None = None,
    ) -> Self:
        """Train the network.

        Args:
            inputs: encoded inputs, and how they become arrays.
            targets: encoded targets, and how they become arrays.
            loss: of the targets.
            weights: how much each target, or each of its steps, counts; None: all the same.
            metrics: of the output and the target.
            parts: which examples to learn from, and which to hold out; default: those of `split_rows`.
            watch: as for `_train`.
        """
        settings = self._used
        parts = split_rows(len(inputs[0]), settings) if parts is None else parts
        if weights is None:
            examples = Examples(inputs[0], targets[0], inputs[1], targets[1])
            return self._train(loss.whole, *examples.split(settings, parts), metrics=metrics, watch=watch)
        weighted = Weighted(targets[1], targets[0], evened(weights, parts), loss)
        examples = Examples(inputs[0], range(len(targets[0])), inputs[1], weighted)
        found = {name: weighted.metric(metric) for name, metric in (metrics or {}).items()}
        return self._train(weighted.loss, *examples.split(settings, parts), metrics=found, watch=watch)
