"""Losses as modules; the formulas stand at the functions in `seqnn.ops`. `reduction` is "mean", "sum" or "none"."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from .. import ops
from .._arguments import flag
from ..autograd import Operand, Tensor
from ._module import Module

Reduction = Literal["mean", "sum", "none"]


class _Loss(Module):
    """A loss, with the reduction that all losses have."""

    def __init__(self, reduction: Reduction) -> None:
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"{type(self).__name__}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
        self.reduction: Reduction = reduction

    def divisor(self, target: npt.ArrayLike) -> float:
        """Return what the mean divides the sum by, so that the means of several batches can be joined.

        Args:
            target: as for a call.

        Returns:
            How many targets count, or, for classes with weights, the sum of their weights.
        """
        return float(np.size(target))

    def _register_weight(self, name: str, weight: npt.ArrayLike | None) -> None:
        """Keep a weight as a buffer, as PyTorch does; numbers of any kind are weights."""
        if weight is not None:
            weight = np.asarray(weight)
            weight = weight if weight.dtype.kind == "f" else weight.astype(np.float32)
        self.register_buffer(name, weight)

    def _in_dtype_of(self, x: Tensor, weight: np.ndarray | None) -> np.ndarray | None:
        return None if weight is None else weight.astype(x.dtype, copy=False)


class _ClassLoss(_Loss):
    """A loss of class numbers, some of which may not count."""

    ignore_index: int
    weight: np.ndarray | None

    def divisor(self, target: npt.ArrayLike) -> float:
        target = np.asarray(target)
        if target.dtype.kind == "f":  # probabilities
            return target.size / max(target.shape[min(1, target.ndim - 1)], 1)
        counted = target[target != self.ignore_index]
        return float(counted.size if self.weight is None else self.weight[counted].sum())


class CrossEntropyLoss(_ClassLoss):
    """A loss -log softmax(logits)[target], `ops.cross_entropy`.

    logits [C], [N, C] or [N, C, ...], class numbers [], [N] or [N, ...], or probabilities like the logits -> a number

    Args:
        weight: of the classes, [C]; None is 1. It is a buffer.
        ignore_index: targets equal to it do not count.
        label_smoothing: the share of the target that is spread over all classes, in [0, 1].
        reduction: "mean", "sum", or "none", which gives the loss of every target.

    Raises:
        ValueError: for another `reduction`.

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
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing
        self._register_weight("weight", weight)

    def forward(self, logits: Operand, target: Operand) -> Tensor:
        """Compute the loss.

        Args:
            logits: [C], [N, C] or [N, C, ...].
            target: class numbers [], [N] or [N, ...], or probabilities of the shape of `logits`.

        Returns:
            A number; with reduction="none" the loss of every target.
        """
        return ops.cross_entropy(
            logits,
            target,
            self._in_dtype_of(logits, self.weight),
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            reduction=self.reduction,
        )


class NLLLoss(_ClassLoss):
    """A loss -log_probabilities[target], `ops.nll_loss`; shapes are those of `CrossEntropyLoss`.

    Args:
        weight, ignore_index, reduction: as for `CrossEntropyLoss`.

    Raises:
        ValueError: for another `reduction`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.NLLLoss()(np.array([[-0.5, -2.0], [-3.0, -0.1]]), np.array([0, 1])).item()
    0.3
    """

    def __init__(
        self, weight: npt.ArrayLike | None = None, *, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction)
        self.ignore_index = ignore_index
        self._register_weight("weight", weight)

    def forward(self, log_probabilities: Operand, target: Operand) -> Tensor:
        """Compute the loss.

        Args:
            log_probabilities: [C], [N, C] or [N, C, ...].
            target: class numbers [], [N] or [N, ...].

        Returns:
            A number; with reduction="none" the loss of every target.
        """
        return ops.nll_loss(
            log_probabilities,
            target,
            self._in_dtype_of(log_probabilities, self.weight),
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class BCEWithLogitsLoss(_Loss):
    """A loss of yes-or-no questions: the cross-entropy of sigmoid(logits), `ops.binary_cross_entropy_with_logits`.

    logits and targets in [0, 1] of one shape -> a number

    Args:
        weight: of the elements; broadcasts to the logits. None is 1. It is a buffer.
        pos_weight: of the elements with target 1; broadcasts to the logits. None is 1. It is a buffer.
        reduction: "mean", "sum", or "none", which gives the loss of every element.

    Raises:
        ValueError: for another `reduction`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> round(nn.BCEWithLogitsLoss()(np.zeros(3), np.array([0.0, 1.0, 1.0])).item(), 4)
    0.6931
    """

    def __init__(
        self,
        weight: npt.ArrayLike | None = None,
        *,
        pos_weight: npt.ArrayLike | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction)
        self._register_weight("weight", weight)
        self._register_weight("pos_weight", pos_weight)

    def forward(self, logits: Operand, target: Operand) -> Tensor:
        """Compute the loss.

        Args:
            logits: numbers, of any shape.
            target: probabilities of the same shape.

        Returns:
            A number; with reduction="none" the loss of every element.
        """
        return ops.binary_cross_entropy_with_logits(
            logits,
            target,
            self._in_dtype_of(logits, self.weight),
            self._in_dtype_of(logits, self.pos_weight),
            reduction=self.reduction,
        )


class BCELoss(_Loss):
    """A loss of yes-or-no questions from probabilities, `ops.binary_cross_entropy`; `BCEWithLogitsLoss` is more exact.

    probabilities and targets in [0, 1] of one shape -> a number

    Args:
        weight: of the elements; broadcasts to the probabilities. None is 1. It is a buffer.
        reduction: "mean", "sum", or "none", which gives the loss of every element.

    Raises:
        ValueError: for another `reduction`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> round(nn.BCELoss()(np.array([0.5, 0.9]), np.array([1.0, 1.0])).item(), 4)
    0.3993
    """

    def __init__(self, weight: npt.ArrayLike | None = None, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        self._register_weight("weight", weight)

    def forward(self, x: Operand, target: Operand) -> Tensor:
        """Compute the loss.

        Args:
            x: probabilities, of any shape.
            target: of the shape of `x`.

        Returns:
            A number; with reduction="none" the loss of every element.
        """
        return ops.binary_cross_entropy(x, target, self._in_dtype_of(x, self.weight), reduction=self.reduction)


class KLDivLoss(Module):
    """A loss t (log t - x), `ops.kl_div`: log-probabilities and probabilities of one shape -> a number.

    Args:
        reduction: "batchmean", which is the mathematical definition, "mean", "sum" or "none".
        log_target: targets are logarithms as well.

    Raises:
        ValueError: for another `reduction`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> round(nn.KLDivLoss("batchmean")(np.log([[0.5, 0.5]]), np.array([[1.0, 0.0]])).item(), 4)
    0.6931
    """

    def __init__(
        self, reduction: Literal["mean", "batchmean", "sum", "none"] = "mean", *, log_target: bool = False
    ) -> None:
        if reduction not in ("mean", "batchmean", "sum", "none"):
            raise ValueError(f"KLDivLoss: reduction must be 'mean', 'batchmean', 'sum' or 'none', got {reduction!r}")
        self.reduction: Literal["mean", "batchmean", "sum", "none"] = reduction
        self.log_target = flag("KLDivLoss: log_target", log_target)

    def divisor(self, target: npt.ArrayLike) -> float:
        """Return what the mean divides the sum by, so that the means of several batches can be joined.

        Args:
            target: as for a call.

        Returns:
            How many elements there are, or for "batchmean" how many rows.
        """
        return float(len(np.asarray(target)) if self.reduction == "batchmean" else np.size(target))

    def forward(self, x: Operand, target: Operand) -> Tensor:
        """Compute the loss.

        Args:
            x: log-probabilities, of any shape.
            target: of the shape of `x`.

        Returns:
            A number; with reduction="none" the loss of every element.
        """
        return ops.kl_div(x, target, reduction=self.reduction, log_target=self.log_target)


class MSELoss(_Loss):
    """A loss (x - target)^2, `ops.mse_loss`: x and target of one shape -> a number.

    Args:
        reduction: "mean", "sum", or "none", which gives the loss of every element.

    Raises:
        ValueError: for another `reduction`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.MSELoss()(np.array([1.0, 2.0], np.float32), np.array([0.0, 0.0], np.float32)).item()
    2.5
    """

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)

    def forward(self, x: Operand, target: Operand) -> Tensor:
        """Compute the loss.

        Args:
            x: predictions, of any shape.
            target: of the shape of `x`.

        Returns:
            A number; with reduction="none" the loss of every element.
        """
        return ops.mse_loss(x, target, reduction=self.reduction)


class L1Loss(_Loss):
    """A loss |x - target|, `ops.l1_loss`: x and target of one shape -> a number.

    Args:
        reduction: as for `MSELoss`.

    Raises:
        ValueError: for another `reduction`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.L1Loss()(np.array([1.0, 2.0]), np.zeros(2)).item()
    1.5
    """

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)

    def forward(self, x: Operand, target: Operand) -> Tensor:
        """Compute the loss.

        Args:
            x: predictions, of any shape.
            target: of the shape of `x`.

        Returns:
            A number; with reduction="none" the loss of every element.
        """
        return ops.l1_loss(x, target, reduction=self.reduction)


class HuberLoss(_Loss):
    """A loss d^2 / 2 for |d| <= delta, delta * (|d| - delta / 2) beyond, d = x - target: `ops.huber_loss`.

    Args:
        reduction: as for `MSELoss`.
        delta: where the parabola goes over into a line, > 0.

    Raises:
        ValueError: for another `reduction`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.HuberLoss(reduction="none")(np.array([0.5, 3.0]), np.zeros(2)).numpy()
    array([0.125, 2.5  ])
    """

    def __init__(self, *, reduction: Reduction = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, x: Operand, target: Operand) -> Tensor:
        """Compute the loss.

        Args:
            x: predictions, of any shape.
            target: of the shape of `x`.

        Returns:
            A number; with reduction="none" the loss of every element.
        """
        return ops.huber_loss(x, target, delta=self.delta, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """A loss d^2 / (2 beta) for |d| < beta, |d| - beta / 2 beyond, d = x - target: `ops.smooth_l1_loss`.

    Args:
        reduction: as for `MSELoss`.
        beta: where the parabola goes over into a line, >= 0.

    Raises:
        ValueError: for another `reduction`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.SmoothL1Loss(reduction="none")(np.array([0.5, 3.0]), np.zeros(2)).numpy()
    array([0.125, 2.5  ])
    """

    def __init__(self, *, reduction: Reduction = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, x: Operand, target: Operand) -> Tensor:
        """Compute the loss.

        Args:
            x: predictions, of any shape.
            target: of the shape of `x`.

        Returns:
            A number; with reduction="none" the loss of every element.
        """
        return ops.smooth_l1_loss(x, target, beta=self.beta, reduction=self.reduction)


class CosineEmbeddingLoss(_Loss):
    """A loss 1 - cos(a, b) for pairs with target 1, max(0, cos(a, b) - margin) for -1: `ops.cosine_embedding_loss`.

    a and b [N, D] or [D], target [N] or [] -> a number

    Args:
        margin: up to which cosine pairs with target -1 cost nothing.
        reduction: as for `MSELoss`.

    Raises:
        ValueError: for another `reduction`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.CosineEmbeddingLoss()(np.array([1.0, 0.0]), np.array([0.0, 2.0]), np.array(1)).item()
    1.0
    """

    def __init__(self, margin: float = 0.0, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, a: Operand, b: Operand, target: Operand) -> Tensor:
        """Compute the loss.

        Args:
            a, b: [N, D] or [D].
            target: 1 and -1, [N] or [].

        Returns:
            A number; with reduction="none" the loss of every pair.
        """
        return ops.cosine_embedding_loss(a, b, target, margin=self.margin, reduction=self.reduction)
