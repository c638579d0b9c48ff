"""The matrices of a GloVe model: vectors, biases, and the sums of squared gradients beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._memory import big_zeros, padded
from ...random import fill_uniform
from ...text import Vocabulary
from .._vectors import KeyedVectors

_ROWS = 1 << 14
"""Words that `approach` works on at a time."""

INITIAL_STREAM = 1 << 40
"""Streams of random numbers of the initial values: word vectors, word biases, context vectors, context biases."""


@dataclass
class GloveWeights:
    """`word` and `context`, float32 [V, 2, W]: [:, 0] values, [:, 1] sums of squared gradients.

    Of the W >= size + 2 columns the first `size` are the vector. The last two hold in `word` the bias and 1, in
    `context` 1 and the bias, so that the dot product of both adds the biases. The rest is 0.
    """

    size: int
    kind: str
    """The vectors that users get: "sum" of word and context vector, the "word" vector, or "both" side by side."""
    word: np.ndarray
    context: np.ndarray
    near: tuple[np.ndarray, np.ndarray] | None = None
    """Rows, and the vectors that they are to stay near to (mittens)."""

    @classmethod
    def new(cls, vocabulary: Vocabulary, settings: Any) -> GloveWeights:
        """Make the initial weights of a vocabulary, by a model's settings."""
        weights = cls.zeros(len(vocabulary), settings.vector_size, settings.vectors)
        weights.reset(settings.seed)
        return weights

    @classmethod
    def zeros(cls, count: int, size: int, kind: str) -> GloveWeights:
        """Make room for `count` words."""
        shape = count, 2, padded(size + 2)
        return cls(size, kind, big_zeros(shape), big_zeros(shape))

    def arrays(self) -> list[np.ndarray]:
        """List the matrices that training changes."""
        return [self.word, self.context]

    def check_settings(self, settings: Any) -> None:
        """Raise a ValueError where the weights were built with other settings than the present ones."""
        for name, built in (("vector_size", self.size), ("vectors", self.kind)):
            if getattr(settings, name) != built:
                raise ValueError(f"{name}: the weights were built with {built!r}; set it back, or begin anew with fit")

    def reset(self, seed: int) -> None:
        """Set initial values: vectors and biases uniform in [-0.5/size, 0.5/size), squared gradients 1."""
        half = 0.5 / self.size
        for number, (array, bias, one) in enumerate(((self.word, -2, -1), (self.context, -1, -2))):
            array[:, 0] = 0
            array[:, 1] = 1
            stream = INITIAL_STREAM + 2 * number
            fill_uniform(array[:, 0, : self.size], -half, half, seed=seed, stream=stream)
            fill_uniform(array[:, 0, bias][:, None], -half, half, seed=seed, stream=stream + 1)
            array[:, 0, one] = 1

    @staticmethod
    def no_vectors(settings: Any) -> KeyedVectors:
        """Return the vectors of a model without a vocabulary."""
        return KeyedVectors(settings.vector_size * (2 if settings.vectors == "both" else 1))

    def vectors(self, vocabulary: Vocabulary) -> KeyedVectors:
        """Return the words' vectors, computed from the weights."""
        wv = KeyedVectors.from_arrays(vocabulary.words, self._computed(), counts=vocabulary.counts)
        return wv

    def publish(self, wv: KeyedVectors) -> None:
        """Bring the vectors up to date after a change of the weights."""
        if not wv.vectors.flags.writeable:
            wv.vectors = np.empty(wv.vectors.shape, np.float32)
        self._computed(out=wv.vectors)
        wv._vectors_changed()

    def following(self, wv: KeyedVectors) -> GloveWeights:
        """Return weights in writable memory that have what a user has put into `wv`: the weights themselves where they are so.

        A vector that was changed is shared out evenly between word and context where users get the sum.
        """
        computed = self._computed()
        if wv.vectors.shape != computed.shape:
            raise ValueError(f"wv.vectors has shape {wv.vectors.shape}, expected {computed.shape}")
        changed = np.flatnonzero((wv.vectors != computed).any(axis=1))
        weights = self if all(array.flags.writeable for array in self.arrays()) else self._copy()
        if len(changed):
            new = wv.vectors[changed].astype(np.float32)
            word, context = (array[:, 0, : self.size] for array in weights.arrays())
            if self.kind == "sum":
                word[changed] = context[changed] = new / 2
            else:
                word[changed] = new[:, : self.size]
                if self.kind == "both":
                    context[changed] = new[:, self.size :]
        return weights

    # Staying near given vectors

    def stay_near(self, wv: KeyedVectors, given: KeyedVectors) -> None:
        """Remember the vectors of the words that `given` has, for `approach`."""
        rows = np.array([row for row, word in enumerate(wv.index_to_key) if word in given], np.int64)
        self.near = rows, wv.vectors[rows]

    def approach(self, strength: float, rate: float, factors: np.ndarray | None) -> float:
        """Take a step of AdaGrad on strength |v - v'|^2, summed over the words that have a vector v'; return this cost.

        The step is implicit: it goes down the slope that there is at its end, so that it never goes past v'.
        """
        if self.near is None:
            return 0.0
        rows, near = self.near
        cost = 0.0
        for i in range(0, len(rows), _ROWS):
            some, goal = rows[i : i + _ROWS], near[i : i + _ROWS]
            share = np.float32(2 * strength * rate) * (1 if factors is None else factors[some, None])
            sides = [array[some][:, :, : self.size] for array in self._trained_sides()]
            goals = np.split(goal, len(sides), axis=1) if self.kind == "both" else [goal]
            groups = [[side] for side in sides] if self.kind == "both" else [sides]
            for group, target in zip(groups, goals, strict=True):
                reach = [share / np.sqrt(side[:, 1]) for side in group]
                away = np.sum([side[:, 0] for side in group], axis=0) - target
                cost += strength * float(np.sum(np.square(away, dtype=np.float64)))
                away /= 1 + np.sum(reach, axis=0)
                for side, part in zip(group, reach, strict=True):
                    side[:, 0] -= part * away
                    side[:, 1] += np.square(share * away)
            for array, side in zip(self._trained_sides(), sides, strict=True):
                array[some, :, : self.size] = side
        return cost

    def _trained_sides(self) -> list[np.ndarray]:
        """List the matrices that the vectors of users are made of."""
        return [self.word] if self.kind == "word" else [self.word, self.context]

    def _computed(self, out: np.ndarray | None = None) -> np.ndarray:
        """Compute the vectors that users get."""
        word, context = self.word[:, 0, : self.size], self.context[:, 0, : self.size]
        if self.kind == "sum":
            return np.add(word, context, out=out)
        return np.concatenate([word, context] if self.kind == "both" else [word], axis=1, out=out)

    def _copy(self) -> GloveWeights:
        copy = self.zeros(len(self.word), self.size, self.kind)
        copy.near = self.near
        for new, old in zip(copy.arrays(), self.arrays(), strict=True):
            new[...] = old
        return copy

    def tensors(self, wv: KeyedVectors) -> dict[str, np.ndarray]:
        """Return the matrices as files keep them, with what a user has put into `wv`."""
        weights = self.following(wv)
        found = {"word": weights.word, "context": weights.context}
        return found if self.near is None else found | {"near_rows": self.near[0], "near": self.near[1]}

    @classmethod
    def restored(cls, settings: Any, wv: KeyedVectors, tensors: Mapping[str, np.ndarray]) -> GloveWeights:
        """Return the weights that a file holds, where they lie; a ValueError where they are not there or do not fit."""
        shape = len(wv), 2, padded(settings.vector_size + 2)
        for key in ("word", "context"):
            if key not in tensors or tensors[key].shape != shape or tensors[key].dtype != np.float32:
                raise ValueError(f"damaged, tensor {key!r} must be float32 of shape {shape}")
        found = cls(settings.vector_size, settings.vectors, tensors["word"], tensors["context"])
        if "near" in tensors:
            rows, near = tensors.get("near_rows"), tensors["near"]
            if (
                rows is None
                or rows.dtype != np.int64
                or rows.ndim != 1
                or (len(rows) and not 0 <= rows.min() <= rows.max() < len(wv))
            ):
                raise ValueError("damaged, tensor 'near_rows' must be int64 row numbers")
            if near.dtype != np.float32 or near.shape != (len(rows), wv.vector_size):
                raise ValueError(f"damaged, tensor 'near' must be float32 of shape {(len(rows), wv.vector_size)}")
            found.near = rows, near
        return found
