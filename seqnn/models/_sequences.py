"""Sequences as estimators take them: of numbers or of tokens, of unequal length; how they become arrays and come back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .. import train
from ..autograd import no_grad
from ..text import Vocabulary, pad
from ._heads import IGNORED


class Numbers:
    """Sequences [T] or [T, width] of numbers; standardised by mean and deviation of those that it is made with."""

    def __init__(self, sequences: list[np.ndarray], flat: bool) -> None:
        self.width, self.flat = sequences[0].shape[1], flat
        everything = np.concatenate(sequences)
        self.mean = everything.mean(axis=0)
        deviation = everything.std(axis=0)
        self.scale = np.where(deviation > 0, deviation, 1)

    def encode(self, sequences: Any, name: str) -> list[np.ndarray]:
        """Standardised sequences [T, width], float32."""
        checked = as_sequences(sequences, name)
        if isinstance(checked[0], list):
            raise TypeError(f"{name}: expected sequences of numbers as fit got, got tokens")
        if checked[0].shape[1] != self.width:
            raise ValueError(f"{name}: expected {self.width} numbers a step as fit got, got {checked[0].shape[1]}")
        return [((s - self.mean) / self.scale).astype(np.float32) for s in checked]

    def decode(self, array: np.ndarray) -> np.ndarray:
        """Numbers [T, width] in their own units, as [T] where the first ones were so."""
        numbers = array * self.scale + self.mean
        return numbers[:, 0] if self.flat else numbers

    def reader(self) -> dict[str, Any]:
        """The arguments by which a network reads such sequences."""
        return {"input_size": self.width}


class Tokens:
    """Sequences of strings; unknown ones become "<unk>"."""

    def __init__(self, sequences: list[list[str]], embedding_size: int) -> None:
        self.vocabulary, self.embedding_size = Vocabulary.from_tokens(sequences), embedding_size

    def encode(self, sequences: Any, name: str) -> list[np.ndarray]:
        """Sequences of ids [T]."""
        checked = as_sequences(sequences, name)
        if not isinstance(checked[0], list):
            raise TypeError(f"{name}: expected sequences of tokens (strings) as fit got, got numbers")
        return [self.vocabulary.encode(s) for s in checked]

    def reader(self) -> dict[str, Any]:
        """The arguments by which a network reads such sequences."""
        return {"input_size": self.embedding_size, "vocabulary_size": len(self.vocabulary)}


def learn(sequences: Any, name: str, embedding_size: int) -> Numbers | Tokens:
    """What `sequences` are made of, and how to encode more of them."""
    checked = as_sequences(sequences, name)
    if isinstance(checked[0], list):
        return Tokens(checked, embedding_size)
    return Numbers(checked, np.ndim(sequences[0]) == 1)


def as_sequences(sequences: Any, name: str) -> list[np.ndarray] | list[list[str]]:
    """All as float64 [T, width], or all as lists of strings; none is empty."""
    if isinstance(sequences, str) or not hasattr(sequences, "__iter__"):
        raise TypeError(f"{name}: expected a list of sequences, got {type(sequences).__name__}")
    sequences = list(sequences)
    if not sequences:
        raise ValueError(f"{name}: expected at least one sequence, got none")
    for i, sequence in enumerate(sequences):
        if isinstance(sequence, str):
            raise TypeError(f"{name}[{i}]: expected a sequence of tokens or numbers, got one string: split it")
        if not hasattr(sequence, "__len__") or len(sequence) == 0:
            raise ValueError(f"{name}[{i}]: expected a sequence of one step or more, got {sequence!r}")
    if isinstance(sequences[0][0], str):
        for i, sequence in enumerate(sequences):
            if wrong := [token for token in sequence if not isinstance(token, str)]:
                raise TypeError(f"{name}[{i}]: expected tokens (strings), got {wrong[0]!r}")
        return [list(sequence) for sequence in sequences]
    return [_numbers(sequence, f"{name}[{i}]", sequences[0]) for i, sequence in enumerate(sequences)]


def _numbers(sequence: Any, name: str, first: Any) -> np.ndarray:
    array = np.asarray(sequence)
    if array.dtype.kind not in "fiub" or array.ndim not in (1, 2):
        raise TypeError(f"{name}: expected numbers [T] or [T, width], got {array.dtype} {list(array.shape)}")
    width = np.asarray(first).shape[1:]
    if array.shape[1:] != width:
        raise ValueError(
            f"{name}: expected {list(width)} numbers a step as in the first one, got {list(array.shape[1:])}"
        )
    if not np.isfinite(array).all():
        step = int(np.argmin(np.isfinite(array.reshape(len(array), -1)).all(axis=1)))
        raise ValueError(f"{name}: expected finite numbers, step {step} has NaN or infinity")
    return array.reshape(len(array), -1).astype(np.float64, copy=False)


def split_batches(
    parts: Iterable[np.ndarray],
    inputs: Sequence[np.ndarray],
    targets: Sequence[Any],
    gather: Callable[[list], tuple],
    join: Callable[[list], tuple],
    *,
    batch_size: int,
    seed: int,
) -> list[train.Batches | None]:
    """Batches of both `parts` of the examples, those to learn from and those held out (None where there are none)."""
    return [
        batches([inputs[i] for i in part], [targets[i] for i in part], gather, join, batch_size=batch_size, seed=seed,
                shuffle=training)
        if len(part) else None
        for part, training in zip(parts, (True, False), strict=True)
    ]  # fmt: skip


def batches(
    inputs: Sequence[np.ndarray],
    targets: Sequence[Any],
    gather: Callable[[list], tuple],
    join: Callable[[list], tuple],
    *,
    batch_size: int,
    seed: int,
    shuffle: bool,
) -> train.Batches:
    """Batches (*gather(inputs), *join(targets)); inputs of similar length share one where it is for training."""

    def collate(examples: list) -> tuple:
        return (*gather([x for x, _ in examples]), *join([y for _, y in examples]))

    lengths = [len(x) for x in inputs] if shuffle else None
    return train.Batches(
        inputs, targets, batch_size=batch_size, shuffle=shuffle, seed=seed, lengths=lengths, collate=collate
    )


def by_length(inputs: Sequence[Any], rows: int, function: Callable[[list], Any]) -> list[Any]:
    """function(inputs of similar length, up to `rows`) gives a result each; all of them, in the order of the inputs."""
    found: list[Any] = [None] * len(inputs)
    order = np.argsort([len(x) for x in inputs], kind="stable")
    with no_grad():
        for start in range(0, len(order), rows):
            part = order[start : start + rows]
            for at, result in zip(part, function([inputs[i] for i in part]), strict=True):
                found[at] = result
    return found


def padded_classes(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Class numbers [B, T] of sequences [t]; what is filled up does not count for `token_cross_entropy`."""
    return pad(rows, value=IGNORED)[0]
