"""A program as a user writes it. It is checked by mypy --strict and pyright, and run; see test_typing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, assert_type

import numpy as np

import seqnn
from seqnn import Tensor, models, nn, ops, optim, train
from seqnn.autograd import op

Operand = TypeVar("Operand", np.ndarray, Tensor)


@op
def scale(
    x: Operand, factor: float, *, shift: float = 0.0, needs: Any = None
) -> tuple[Operand, Callable[[np.ndarray], Any]]:
    return x * factor + shift, lambda grad: {"x": grad * factor if needs.x else None}


class Block(nn.Module):
    def __init__(self, size: int) -> None:
        self.linear = nn.Linear(size, size)
        self.norm = nn.LayerNorm(size)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(ops.relu(self.linear(x)) + x)


class Classifier(nn.Module):
    def __init__(self, words: int, size: int, classes: int) -> None:
        self.table = nn.Embedding(words, size)
        self.body = nn.Sequential(Block(size), nn.Dropout(0.1), Block(size))
        self.head = nn.Linear(size, classes)

    def forward(self, ids: np.ndarray, *, temperature: float = 1.0) -> Tensor:
        h = self.body(self.table(ids))
        return self.head(h.mean(axis=1)) / temperature


def loss(output: Tensor, target: np.ndarray) -> Tensor:
    return ops.cross_entropy(output, target, label_smoothing=0.1)


def train_by_hand(model: Classifier, ids: np.ndarray, target: np.ndarray) -> float:
    optimizer = optim.AdamW(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        value = loss(model(ids), target)
        value.backward()
        optim.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(value.item())
    return losses[-1]


def main() -> None:
    seqnn.random.seed(0)
    ids, target = np.arange(40).reshape(8, 5) % 10, np.arange(8) % 3
    model = Classifier(10, 8, 3)
    assert_type(model(ids, temperature=2.0), Tensor)
    assert_type(model.head, nn.Linear)
    assert train_by_hand(model, ids, target) > 0
    history = train.fit(model, loss, (ids, target), 1, optim.Adam(model.parameters()), verbose=0)
    assert history
    x = np.ones((2, 3), np.float32)
    tensor = Tensor(x, requires_grad=True)
    assert_type(ops.softmax(x, axis=0), np.ndarray)
    assert_type(ops.softmax(tensor, axis=0), Tensor)
    assert_type(ops.add(x, tensor), Tensor)
    assert_type(ops.add(1.0, x), np.ndarray)
    assert_type(ops.concatenate([x, x], axis=1), np.ndarray)
    assert_type(ops.concatenate([x, tensor], axis=1), Tensor)
    assert_type(ops.einsum("ij,kj->ik", x, tensor), Tensor)
    assert_type(ops.layer_norm(tensor), Tensor)
    assert_type(ops.layer_norm(x, residual=x, return_sum=True), tuple[np.ndarray, np.ndarray])
    assert_type(ops.split(tensor, 2), tuple[Tensor, ...])
    assert_type(ops.one_hot([0, 2]), np.ndarray)
    assert_type(scale(x, 2.0), np.ndarray)
    assert_type(scale(tensor, 2.0, shift=1.0), Tensor)
    assert_type((tensor * 2 - x) @ np.ones((3, 2), np.float32), Tensor)
    assert_type(tensor.sum(axis=0).detach().numpy(), np.ndarray)
    gru = nn.GRU(3, 4, 2, form="update", batch_first=True, zoneout=0.1)
    out, state = gru(x[None], lengths=[2])
    assert_type(out, Tensor)
    assert_type(gru.hidden_size, int)
    assert_type(gru.step(x, state[:, [0, 0]])[0], np.ndarray)
    assert nn.LSTMCell(3, 4, peepholes=True)(x)[1].shape == (2, 4)
    words = seqnn.Word2Vec([["the", "cat", "sat"]] * 20, vector_size=4, min_count=1, epochs=1, verbose=0)
    assert words.wv["cat"].shape == (4,)
    assert len(words.wv.most_similar("cat", topn=2)) == 2
    features, labels = np.eye(4, dtype=np.float32), np.array([0, 0, 1, 1])
    classifier = models.LogisticRegression().fit(features, labels)
    assert (classifier.predict(features) == labels).all()


if __name__ == "__main__":
    main()
