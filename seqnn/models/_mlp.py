"""The multilayer perceptron."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from .. import nn

__all__ = ["ACTIVATIONS", "MLP"]

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh, "logistic": nn.Sigmoid}


class MLP(nn.Sequential):
    """Linear layers with an activation between them: sizes[0] inputs, hidden layers, sizes[-1] outputs.

    Args:
        sizes: widths, at least two.
        activation: "relu", "gelu", "silu", "tanh" or "logistic".
        dropout: probability to drop a hidden unit, in training.

    Raises:
        ValueError: there are fewer than two sizes, or the activation is not known.

    >>> from seqnn.models import MLP
    >>> MLP([4, 8, 3])
    MLP(
      (0): Linear(in_features=4, out_features=8, bias=True)
      (1): ReLU()
      (2): Linear(in_features=8, out_features=3, bias=True)
    )
    """

    def __init__(self, sizes: Sequence[int], *, activation: str = "relu", dropout: float = 0.0) -> None:
        if len(sizes) < 2:
            raise ValueError(f"sizes: expected at least inputs and outputs, got {list(sizes)}")
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation: expected one of {sorted(ACTIVATIONS)}, got {activation!r}")
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes[:-1]):
            layers += [nn.Linear(inputs, outputs), ACTIVATIONS[activation]()]
            if dropout:
                layers.append(nn.Dropout(dropout))
        super().__init__(*layers, nn.Linear(sizes[-2], sizes[-1]))
