"""Losses as modules; the formulas stand at the functions in `seqnn.ops`. `reduction` is "mean", "sum" or "none"."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import ops
from ._module import Module


class _Loss(Module):
    def __init__(self, reduction: str) -> None:
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"{type(self).__name__}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
        self.reduction = reduction

    def _register_weight(self, name: str, weight: npt.ArrayLike | None) -> None:
        """A buffer, as in PyTorch; numbers of any kind are weights."""
        if weight is not None:
            weight = np.asarray(weight)
            weight = weight if weight.dtype.kind == "f" else weight.astype(np.float32)
        self.register_buffer(name, weight)

    def _in_dtype_of(self, x: Any, weight: np.ndarray | None) -> np.ndarray | None:
        return None if weight is None else weight.astype(x.dtype, copy=False)


class CrossEntropyLoss(_Loss):
    """Negative log-probability of the target class under softmax(logits): `ops.cross_entropy`.

    Shapes: logits [C], [N, C] or [N, C, ...], target [], [N] or [N, ...] of class numbers. Targets equal to
    `ignore_index` do not count; `weight` [C] weighs the classes; `label_smoothing` in [0, 1].

    >>> import numpy as np
    >>> from seqnn import nn
    >>> round(nn.CrossEntropyLoss()(np.zeros((3, 4), np.float32), np.array([0, 3, -100])).item(), 4)
    1.3863
    """

    def __init__(
        self,
        weight: npt.ArrayLike | None = None,
        *,
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing
        self._register_weight("weight", weight)

    def forward(self, logits: Any, target: Any) -> Any:
        return ops.cross_entropy(
            logits,
            target,
            self._in_dtype_of(logits, self.weight),
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            reduction=self.reduction,
        )


class NLLLoss(_Loss):
    """-log_probabilities[target], weighted by class: `ops.nll_loss`. Shapes and options as `CrossEntropyLoss`."""

    def __init__(
        self, weight: npt.ArrayLike | None = None, *, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.ignore_index = ignore_index
        self._register_weight("weight", weight)

    def forward(self, log_probabilities: Any, target: Any) -> Any:
        return ops.nll_loss(
            log_probabilities,
            target,
            self._in_dtype_of(log_probabilities, self.weight),
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy of sigmoid(logits): `ops.binary_cross_entropy_with_logits`.

    `weight` weighs the elements, `pos_weight` those with target 1; both broadcast to the logits. Targets lie in [0, 1].
    """

    def __init__(
        self,
        weight: npt.ArrayLike | None = None,
        *,
        pos_weight: npt.ArrayLike | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self._register_weight("weight", weight)
        self._register_weight("pos_weight", pos_weight)

    def forward(self, logits: Any, target: Any) -> Any:
        return ops.binary_cross_entropy_with_logits(
            logits,
            target,
            self._in_dtype_of(logits, self.weight),
            self._in_dtype_of(logits, self.pos_weight),
            reduction=self.reduction,
        )


class MSELoss(_Loss):
    """(x - target)^2: `ops.mse_loss`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.MSELoss()(np.array([1.0, 2.0], np.float32), np.array([0.0, 0.0], np.float32)).item()
    2.5
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, x: Any, target: Any) -> Any:
        return ops.mse_loss(x, target, reduction=self.reduction)


class L1Loss(_Loss):
    """|x - target|: `ops.l1_loss`."""

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, x: Any, target: Any) -> Any:
        return ops.l1_loss(x, target, reduction=self.reduction)


class HuberLoss(_Loss):
    """d^2 / 2 for |d| <= delta, delta * (|d| - delta / 2) beyond, d = x - target: `ops.huber_loss`."""

    def __init__(self, *, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, x: Any, target: Any) -> Any:
        return ops.huber_loss(x, target, delta=self.delta, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """d^2 / (2 beta) for |d| < beta, |d| - beta / 2 beyond, d = x - target: `ops.smooth_l1_loss`."""

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, x: Any, target: Any) -> Any:
        return ops.smooth_l1_loss(x, target, beta=self.beta, reduction=self.reduction)


class CosineEmbeddingLoss(_Loss):
    """1 - cos(a, b) for pairs with target 1, max(0, cos(a, b) - margin) for target -1: `ops.cosine_embedding_loss`.

    Shapes: a, b [N, D] or [D], target [N] or [].
    """

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, a: Any, b: Any, target: Any) -> Any:
        return ops.cosine_embedding_loss(a, b, target, margin=self.margin, reduction=self.reduction)
