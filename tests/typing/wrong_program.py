"""Slips of a user that mypy --strict and pyright must report, each in the line that ends with "# wrong"; see test_typing."""

from __future__ import annotations

import numpy as np

import seqnn
from seqnn import Tensor, nn, ops, optim


def slips() -> None:
    x = np.ones((2, 3), np.float32)
    tensor = Tensor(x)

    ops.softmax(x, axes=1)  # wrong
    ops.cross_entropy(tensor, [0, 1], reduction="average")  # wrong
    ops.relu()  # wrong
    ops.layer_norm(tensor, epsilon=1e-3)  # wrong
    array: np.ndarray = ops.exp(tensor)  # noqa: F841  # wrong
    result: Tensor = ops.exp(x)  # noqa: F841  # wrong
    tensor.sum(dims=1)  # wrong
    nn.Linear(3)  # wrong
    nn.Liner(3, 2)  # wrong
    optim.Adan([tensor])  # wrong
    ops.sofmax(x)  # wrong
    nn.Linear(3, 2)(x, activatio="relu")  # wrong
    nn.Dropout("0.1")  # wrong
    nn.GRU(3, 4, nonlinearity="relu")  # wrong
    nn.RNN(3, 4, zoneout="0.1")  # wrong
    nn.LSTMCell(3)  # wrong
    optim.Adam([tensor], learning_rate=1e-3)  # wrong
    seqnn.Word2Vec([["a"]], size=3)  # wrong
