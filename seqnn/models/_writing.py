"""What the estimators that write sequences share: targets of numbers or of tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import nn, ops
from .._arguments import integer
from ..autograd import Tensor
from ..text import pad
from ._data import check_fitted, r2_score
from ._heads import token_cross_entropy
from ._sequence_estimator import SequenceEstimator
from ._sequences import Numbers, learn, padded_classes


class WritingEstimator(SequenceEstimator):
    """An estimator whose network is called `model(*inputs, guide)` and has `generate`, as `OneToMany`."""

    def _fit_writer(
        self, encoded: Sequence[np.ndarray], y: Any, gather: Callable[[list], tuple], make: Callable[..., nn.Module]
    ) -> None:
        """Train `make(**arguments of the output)` to write y."""
        self._output = output = learn(y, "y", self.embedding_size)
        targets = output.encode(y, "y")
        self._longest = max(map(len, targets))
        if isinstance(output, Numbers):

            def join(rows: list) -> tuple:
                target, _ = pad(rows, value=np.nan)
                return target.shape[1], target

            self._fit_encoded(encoded, targets, gather, join, lambda: make(outputs=output.width), _squared_error)
            return
        words = output.vocabulary

        def both(rows: list) -> tuple:
            previous, _ = pad([np.concatenate([[words.bos_id], row]) for row in rows], value=words.pad_id)
            return previous, padded_classes([np.concatenate([row, [words.eos_id]]) for row in rows])

        self._fit_encoded(
            encoded, targets, gather, both,
            lambda: make(outputs=len(words), embedding_size=output.embedding_size), token_cross_entropy,
        )  # fmt: skip

    def _generation(self, steps: int | None) -> tuple:
        """The last arguments of the network's `generate`."""
        steps = self._longest if steps is None else integer("steps", steps, 1)
        if isinstance(self._output, Numbers):
            return (steps,)
        return steps, self._output.vocabulary.bos_id, self._output.vocabulary.eos_id

    def _decoded(self, written: np.ndarray) -> list[Any]:
        """Sequences as those of `fit`, of what the network generated."""
        if isinstance(self._output, Numbers):
            return [self._output.decode(row) for row in written]
        words = self._output.vocabulary
        ends = [int(np.argmax(row == words.eos_id)) if (row == words.eos_id).any() else len(row) for row in written]
        return [words.decode(row[:end], skip_specials=True) for row, end in zip(written, ends, strict=True)]

    def predict(self, X: Any, *, steps: int | None = None) -> list[Any]:  # noqa: N803
        """For each input its sequence."""
        raise NotImplementedError

    def score(self, X: Any, y: Any) -> float:  # noqa: N803
        """Tokens: share of sequences that are predicted exactly. Numbers: R^2 over all steps."""
        check_fitted(self, "model_")
        longest = max(len(s) for s in y)
        if not isinstance(self._output, Numbers):
            found = self.predict(X, steps=longest + 1)
            return float(np.mean([f == list(s) for f, s in zip(found, y, strict=True)]))
        found = [f[: len(s)] for f, s in zip(self.predict(X, steps=longest), y, strict=True)]
        return r2_score(np.concatenate([np.asarray(s) for s in y]), np.concatenate(found))


def _squared_error(out: Tensor, target: np.ndarray) -> Tensor:
    """Mean over what is not NaN, the filling."""
    target = np.asarray(target)
    there = ~np.isnan(target)
    return ops.mse_loss(out * there.astype(out.dtype), np.where(there, target, 0)) * (there.size / there.sum())
