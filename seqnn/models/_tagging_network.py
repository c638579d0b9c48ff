"""A sequence in, tags out that depend on each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import nn
from ..autograd import Tensor
from ..text import pad
from ._heads import IGNORED
from ._many_to_many import ManyToMany


class TaggingNetwork(ManyToMany):
    """A `ManyToMany` whose answers are the scores of tags in a conditional random field.

    Args:
        input_size, outputs: as for `ManyToMany`; the outputs are the tags.
        options: the other arguments of `ManyToMany`.
    """

    def __init__(self, input_size: int, outputs: int, **options: Any) -> None:
        super().__init__(input_size, outputs, **options)
        self.crf = nn.CRF(outputs, batch_first=True)

    def forward(self, x: Any, lengths: Any = None, weights: Any = None, tags: Any = None) -> Any:
        """Return the scores of the tags [B, T, outputs], or with tags the loss of them all, and how many steps they have.

        Args:
            x: [B, T, input_size], or ids [B, T].
            lengths: [B], in any order: steps from there on are padding; default: there is none.
            weights: how much each sequence counts, [B].
            tags: [B, T]; those of the padding are -100.
        """
        emissions = super().forward(x, lengths)
        if tags is None:
            return emissions
        losses = -self.crf(emissions, tags, reduction="none", lengths=lengths)
        return (losses * weights.astype(losses.dtype)).sum(), int((np.asarray(tags) != IGNORED).sum())

    def decode(self, emissions: Tensor, lengths: np.ndarray) -> list[np.ndarray]:
        """Return the best tags of each sequence."""
        return [np.array(tags, np.int64) for tags in self.crf.decode(emissions, lengths=lengths)]

    def marginals(self, emissions: Tensor, lengths: np.ndarray) -> np.ndarray:
        """Return the probabilities [B, T, outputs] of the tags."""
        return self.crf.marginals(emissions, lengths=lengths)


class WeightedTags:
    """Pairs (weight, tags) of sequences."""

    def collate(self, rows: list[tuple[float, np.ndarray]]) -> tuple:
        """Return the weights [B] and padded tags [B, T]; the padding is -100."""
        return np.array([weight for weight, _ in rows]), pad([tags for _, tags in rows], value=IGNORED)[0]
