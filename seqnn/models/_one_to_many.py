"""A vector in, a sequence out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .. import decode, nn, ops
from ..autograd import Tensor, no_grad
from ._reader import recurrent

__all__ = ["LayerStates", "OneToMany"]


class OneToMany(nn.Module):
    """Vectors [B, vector_size] to sequences: of numbers [B, T, outputs], or of ids below `outputs`; without attention.

    The first state is tanh(W vector + b). Every step sees the vector again (Cho), or with context="initial" does not
    (Sutskever); where ids are written (`embedding_size` is given) it also sees the id before it.

    Args:
        vector_size: numbers of a vector.
        outputs: numbers of a step, or how many ids there are.
        hidden_size: units of each recurrent layer.
        cell: "rnn", "lstm", "gru" or "stlm".
        num_layers: recurrent layers.
        dropout: share of units that is dropped between layers and before the Linear, in training.
        embedding_size: dimensions of the vectors of ids; None where numbers are written.
        context: "every_step" or "initial": where the vector enters; numbers are written from "every_step" only.

    Raises:
        ValueError: the cell or the context is not known, or a size is below 1.

    Sources: Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014; Sutskever, Vinyals, Le,
    "Sequence to sequence learning with neural networks", NeurIPS 2014.

    >>> import numpy as np
    >>> from seqnn.models import OneToMany
    >>> OneToMany(3, 2, hidden_size=8)(np.ones((4, 3), np.float32), 5).shape
    (4, 5, 2)
    >>> words = OneToMany(3, 10, hidden_size=8, embedding_size=6)
    >>> words(np.ones((4, 3), np.float32), np.array([[1, 5]] * 4)).shape
    (4, 2, 10)
    """

    def __init__(
        self,
        vector_size: int,
        outputs: int,
        *,
        hidden_size: int = 64,
        cell: str = "lstm",
        num_layers: int = 1,
        dropout: float = 0.0,
        embedding_size: int | None = None,
        context: str = "every_step",
    ) -> None:
        if context not in ("every_step", "initial"):
            raise ValueError(f"context: expected 'every_step' or 'initial', got {context!r}")
        if context == "initial" and embedding_size is None:
            raise ValueError("context: expected 'every_step' where numbers are written, got 'initial'")
        self.context = context
        self.embedding = None if embedding_size is None else nn.Embedding(outputs, embedding_size)
        self.start = nn.Linear(vector_size, num_layers * hidden_size)
        inputs = (embedding_size or 0) + (vector_size if context == "every_step" else 0)
        self.recurrent = recurrent(cell, inputs, hidden_size, num_layers=num_layers, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden_size, outputs)

    def forward(self, vectors: Any, guide: Any) -> Tensor:
        """Return the numbers [B, T, outputs], or the logits of each next id.

        Args:
            vectors: [B, vector_size].
            guide: how many steps to write, where numbers are written; else the ids before each one, [B, T].
        """
        return self.output(self.hidden(vectors, guide))

    def hidden(self, vectors: Any, guide: Any) -> Tensor:
        """Return what the last Linear takes, [B, T, hidden_size].

        Args:
            vectors, guide: as for `forward`.
        """
        ids = None if self.embedding is None else self.embedding(guide)
        if self.context == "initial":
            x = ids
        else:
            rows, steps = vectors.shape[0], guide if ids is None else ids.shape[1]
            x = ops.expand(ops.unsqueeze(vectors, 1), (rows, steps, vectors.shape[1]))
            x = x if ids is None else ops.concatenate([ids, x], axis=-1)
        out, _ = self.recurrent(x, self._state(vectors))
        return self.dropout(out)

    def generate(self, vectors: Any, steps: int, begin: int = 0, end: int | None = None, **options: Any) -> np.ndarray:
        """Write sequences, each id being the most probable one after those before it unless the options say otherwise.

        Args:
            vectors: [B, vector_size].
            steps: how many numbers, or how many ids at most.
            begin: the id before the first one.
            end: the id that ends a sequence; it goes on with this id.
            **options: see `decode.Options`: num_beams, do_sample, ...; only where ids are written.

        Returns:
            Numbers [B, steps, outputs], or ids [B, T] with T <= steps.

        Raises:
            TypeError: options where numbers are written.
        """
        if self.embedding is not None:
            return self.decode(vectors, steps, begin, end, **options).sequences[:, 1:]
        if options:
            raise TypeError(f"{next(iter(options))}: expected a model that writes ids, this one writes numbers")
        with no_grad():
            return self(vectors, steps).numpy()

    def decode(
        self, vectors: Any, steps: int, begin: int = 0, end: int | None = None, **options: Any
    ) -> decode.Generation:
        """Write ids, and tell all that is known of them.

        Args:
            vectors, steps, begin, end: as for `generate`.
            **options: as for `generate`.

        Returns:
            A `decode.Generation`, whose sequences begin with `begin`.

        Raises:
            TypeError: where numbers are written.
        """
        if self.embedding is None:
            raise TypeError("decode: expected a model that writes ids, this one writes numbers")
        start = self.start_writing(vectors, begin)
        return decode.run(start, {"max_new_tokens": steps, "eos_token_id": end, **options})

    def start_writing(self, vectors: Any, begin: int) -> decode.Start:
        """Return the beginning of decoding.

        Args:
            vectors: [B, vector_size].
            begin: the id before the first one.
        """
        rows = np.asarray(vectors)
        with no_grad():
            state = rows, LayerStates([np.asarray(s) for s in self._states(rows)])
        step = partial(self.step, recurrent=self.recurrent.packed_step())
        return decode.Start(np.full((len(rows), 1), begin), step, state, keys=[*rows], context=no_grad)

    def step(self, ids: np.ndarray, state: tuple, recurrent: Callable | None = None) -> tuple:
        """Return the logits [B, outputs] of the id after the last one, and the next state.

        Args:
            ids: all so far, [B, t].
            state: what `start_writing` or an earlier step gave.
            recurrent: the recurrent layers' step; default: the one that looks at the weights each time.
        """
        vectors, layers = state
        x = self.embedding.weight.data[ids[:, -1]]
        x = x if self.context == "initial" else np.concatenate([x, vectors], axis=1)
        parts = tuple(layers.parts)
        out, after = (recurrent or self.recurrent.step)(x, parts if len(parts) > 1 else parts[0])
        layers.parts = [*after] if len(parts) > 1 else [after]
        return np.asarray(self.output(out)), state

    def _states(self, vectors: Any) -> tuple[Any, ...]:
        """Return each part of the first state [layers, B, size]: h from the vectors, the others zero."""
        layers, rows = self.recurrent.num_layers, vectors.shape[0]
        h = ops.tanh(self.start(vectors)).reshape(rows, layers, -1).swapaxes(0, 1)
        _, *others = self.recurrent.state_sizes().values()
        return h, *(np.zeros((layers, rows, size), h.dtype) for size in others)

    def _state(self, vectors: Any) -> Any:
        states = self._states(vectors)
        return states if len(states) > 1 else states[0]


class LayerStates:
    """The parts of a recurrent state, each [layers, B, size]."""

    def __init__(self, parts: list[np.ndarray]) -> None:
        self.parts = parts

    def reorder(self, order: np.ndarray) -> None:
        """Make sequence i what sequence order[i] was."""
        self.parts = [part[:, order] for part in self.parts]
