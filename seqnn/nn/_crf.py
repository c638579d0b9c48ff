"""A conditional random field over the scores of tags."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .. import ops
from .._arguments import flag, integer
from ..autograd import Operand, Tensor
from . import _init
from ._module import Module
from ._parameter import Parameter


class CRF(Module):
    """A linear-chain conditional random field: tags of a sequence that depend on each other, `ops.crf_nll`.

    Names, layouts and the sign of the result are pytorch-crf's: train with `loss = -crf(emissions, tags, mask)`.

    Args:
        num_tags: K.
        batch_first: whether emissions, tags and masks are [B, T, .]; else [T, B, .].
        constraints: which tags `decode` may put after which, such as `ops.crf_constraints` says; None allows all. Training
            and `marginals` know nothing of them.
        dtype: of the parameters.

    Attributes:
        start_transitions: [K], scores of the first tag, drawn from U(-0.1, 0.1), as the others are.
        end_transitions: [K], scores of the last tag.
        transitions: [K, K]; transitions[i, j] is the score of tag j after tag i.

    Raises:
        ValueError: where `num_tags` is below 1.

    Source: Lafferty, McCallum, Pereira, "Conditional random fields", ICML 2001.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> crf = nn.CRF(3, batch_first=True)
    >>> emissions = np.array([[[5, 0, 0], [0, 5, 0], [0, 0, 5]]], np.float32)
    >>> crf.decode(emissions), bool(-crf(emissions, [[0, 1, 2]]).item() < 0.2)
    ([[0, 1, 2]], True)
    """

    def __init__(
        self,
        num_tags: int,
        batch_first: bool = False,
        *,
        constraints: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self.num_tags = integer("CRF: num_tags", num_tags, 1)
        self.batch_first = flag("CRF: batch_first", batch_first)
        self.constraints = constraints
        self.start_transitions = Parameter(np.empty(num_tags, dtype))
        self.end_transitions = Parameter(np.empty(num_tags, dtype))
        self.transitions = Parameter(np.empty((num_tags, num_tags), dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        for parameter in self.parameters():
            _init.uniform_(parameter, -0.1, 0.1)

    def forward(
        self,
        emissions: Operand,
        tags: Operand,
        mask: Any = None,
        reduction: Literal["mean", "token_mean", "sum", "none"] = "sum",
        *,
        lengths: npt.ArrayLike | None = None,
    ) -> Tensor:
        """Compute the log-likelihood of tags; its negative is the loss.

        Args:
            emissions: scores of the tags, [T, B, K], or [B, T, K] with `batch_first`.
            tags: integers, [T, B] or [B, T].
            mask: [T, B] or [B, T], true for the steps of each sequence and false for the padding after them; None: there is
                no padding.
            reduction: "sum", "mean" over the sequences, "token_mean" over their steps, or "none".
            lengths: [B] integers, another way to say what `mask` says.

        Returns:
            A number; with reduction="none" [B].
        """
        x, counts = self._batch(emissions, mask, lengths)
        tags = np.asarray(tags.data if isinstance(tags, Tensor) else tags)
        tags = tags if self.batch_first or tags.ndim != 2 else tags.T
        return -ops.crf_nll(x, tags, self.transitions, *self._ends(), lengths=counts, reduction=reduction)

    def decode(self, emissions: Operand, mask: Any = None, *, lengths: npt.ArrayLike | None = None) -> list[list[int]]:
        """Find the best tags of each sequence; `ops.crf_decode` gives scores and several answers.

        Args:
            emissions, mask, lengths: as for a call.

        Returns:
            A list of tags for each sequence, as long as it is.
        """
        x, counts = self._batch(emissions, mask, lengths)
        tags, _ = ops.crf_decode(
            x, self.transitions, *self._ends(), lengths=counts, constraints=self.constraints
        )  # fmt: skip
        return [row[row >= 0].tolist() for row in tags]

    def marginals(self, emissions: Operand, mask: Any = None, *, lengths: npt.ArrayLike | None = None) -> np.ndarray:
        """Compute the probability of each tag at each step.

        Args:
            emissions, mask, lengths: as for a call.

        Returns:
            An array in the layout of `emissions`, zeros in the padding.
        """
        x, counts = self._batch(emissions, mask, lengths)
        found = ops.crf_marginals(x, self.transitions, *self._ends(), lengths=counts)
        return found if self.batch_first else found.swapaxes(0, 1)

    def _ends(self) -> tuple[Parameter, Parameter]:
        return self.start_transitions, self.end_transitions

    def _batch(self, emissions: Operand, mask: Any, lengths: Any) -> tuple[Any, Any]:
        """Return emissions as [B, T, K] and the lengths, or None."""
        x = emissions if isinstance(emissions, Tensor) else np.asarray(emissions)
        if x.ndim != 3 or x.shape[2] != self.num_tags:
            layout = "[B, T, {}]" if self.batch_first else "[T, B, {}]"
            raise ValueError(f"CRF: emissions has shape {x.shape}, expected {layout.format(self.num_tags)}")
        x = x if self.batch_first else ops.swapaxes(x, 0, 1)
        if mask is None:
            return x, lengths
        if lengths is not None:
            raise ValueError("CRF: mask and lengths say the same: give one of them")
        mask = np.asarray(mask.data if isinstance(mask, Tensor) else mask).astype(bool)
        mask = mask if self.batch_first or mask.ndim != 2 else mask.T
        if mask.shape != x.shape[:2]:
            shape = x.shape[:2] if self.batch_first else x.shape[1::-1]
            raise ValueError(
                f"CRF: mask has shape {mask.shape if self.batch_first else mask.T.shape}, expected {shape}"
            )
        lengths = mask.sum(1)
        if (gaps := np.flatnonzero((mask != (np.arange(mask.shape[1]) < lengths[:, None])).any(1))).size:
            raise ValueError(
                f"CRF: mask has a gap in sequence {gaps[0]}: expected true up to its end and false after it"
            )
        return x, lengths

    def extra_repr(self) -> str:
        return f"{self.num_tags}, batch_first={self.batch_first}"
