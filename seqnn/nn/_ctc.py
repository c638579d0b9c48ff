"""Connectionist temporal classification as a module."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..autograd import Operand, Tensor
from ._loss import Reduction, _Loss


class CTCLoss(_Loss):
    """A loss -log p(targets), summed over all alignments of labels with longer inputs: `ops.ctc_loss`.

    log-probabilities [T, N, C], class numbers [N, S] or [sum of lengths], lengths [N] and [N] -> a number

    Args:
        blank: the number of the blank.
        reduction: "mean" divides each loss by the length of its target and takes the mean over the batch; "sum", or
            "none", which gives the loss of each.
        zero_infinity: infinite losses, of targets too long for their inputs, count 0, and so do their gradients.

    Raises:
        ValueError: for another `reduction`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> log_probs = np.log(np.full((3, 1, 2), 0.5))
    >>> round(nn.CTCLoss()(log_probs, np.array([[1]]), [3], [1]).item(), 4)
    0.2877
    """

    def __init__(self, blank: int = 0, reduction: Reduction = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(
        self, log_probs: Operand, targets: Operand, input_lengths: Any = None, target_lengths: Any = None
    ) -> Tensor:
        """Compute the loss.

        Args:
            log_probs: [T, N, C], or [T, C] without a batch, such as `ops.log_softmax` gives.
            targets: class numbers without blanks, padded [N, S] or all behind each other.
            input_lengths: [N]; None means T for all.
            target_lengths: [N]; None means S for all.

        Returns:
            A number; with reduction="none" the loss of each.
        """
        return ops.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, blank=self.blank, reduction=self.reduction,
            zero_infinity=self.zero_infinity,
        )  # fmt: skip
