"""What writes a sequence while it attends to what is read."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .. import decode, nn, ops
from ..autograd import Tensor, no_grad
from ._decoding import evaluating

__all__ = ["AttentionWriter"]


class AttentionWriter(nn.Module):
    """States of what is read [B, S, memory_size] to sequences of ids below `outputs`, by an `nn.AttentionDecoder`.

    The first state is tanh(W vector + b). Logits are linear in a_t with the order "after", and in the deep output
    tanh(W [s_t; c_t; x_t] + b) with the order "before".

    Args:
        memory_size: numbers of a state that is read.
        vector_size: numbers of the vector of the first state.
        outputs: how many ids there are.
        hidden_size: units.
        cell, order, score: as for `nn.AttentionDecoder`.
        embedding_size: dimensions of the vectors of ids.
        dropout: share of units that is dropped of the vectors and before the last Linear, in training.

    Raises:
        ValueError: as for `nn.AttentionDecoder`.

    >>> import numpy as np
    >>> writer = AttentionWriter(6, 4, 10, hidden_size=8, embedding_size=5)
    >>> states, last = np.ones((2, 7, 6), np.float32), np.ones((2, 4), np.float32)
    >>> writer(states, np.array([7, 2]), last, np.array([[1, 5, 2]] * 2)).shape
    (2, 3, 10)
    """

    def __init__(
        self,
        memory_size: int,
        vector_size: int,
        outputs: int,
        *,
        hidden_size: int = 64,
        cell: str = "gru",
        order: str = "before",
        score: str = "additive",
        embedding_size: int = 64,
        dropout: float = 0.0,
    ) -> None:
        self.embedding = nn.Embedding(outputs, embedding_size)
        self.start = nn.Linear(vector_size, hidden_size)
        self.decoder = nn.AttentionDecoder(
            embedding_size, hidden_size, memory_size, cell=cell, order=order, score=score
        )
        self.decoder.set_forget_bias()
        deep = order == "before"
        self.readout = nn.Linear(self.decoder.output_size + embedding_size, hidden_size) if deep else None
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden_size, outputs)

    def forward(self, states: Any, lengths: Any, last: Any, ids: Any) -> Tensor:
        """Return the logits [B, T, outputs] of each next id.

        Args:
            states, lengths, last, ids: as for `hidden`.
        """
        return self.output(self.hidden(states, lengths, last, ids))

    def hidden(self, states: Any, lengths: Any, last: Any, ids: Any, target_lengths: Any = None) -> Tensor:
        """Return what the last Linear takes, [B, T, hidden_size].

        Args:
            states: [B, S, memory_size].
            lengths: [B]: states from there on are padding; None: there is none.
            last: [B, vector_size].
            ids: those before each step, [B, T].
            target_lengths: [B]: steps from there on do not count; None: all count.
        """
        x = self.dropout(self.embedding(ids))
        return self._read_out(x, self.attend(x, states, lengths, last, target_lengths).out)

    def attend(self, x: Any, states: Any, lengths: Any, last: Any, target_lengths: Any = None) -> nn.Decoded:
        """Return what the decoder makes of the vectors x [B, T, embedding_size] of the ids.

        Args:
            x: vectors.
            states, lengths, last, target_lengths: as for `hidden`.
        """
        first = (ops.tanh(self.start(last)),)
        return self.decoder(x, states, first, lengths=target_lengths, memory_lengths=lengths)

    def start_writing(self, states: np.ndarray, lengths: Any, last: np.ndarray, begin: int) -> decode.Start:
        """Return the beginning of decoding.

        Args:
            states, lengths, last: as for `hidden`.
            begin: the id before the first one.
        """
        with no_grad():
            first = (ops.tanh(self.start(last)).numpy(),)
            keys = np.asarray(self.decoder.project_keys(states))
        packed = self.decoder.pack_weights()
        counts = np.full(len(states), states.shape[1]) if lengths is None else np.asarray(lengths)
        state = _Source(keys, states, counts), first
        attended = np.arange(states.shape[1]) < counts[:, None]
        return decode.Start(
            np.full((len(states), 1), begin), partial(self.step, packed=packed), state, keys=[*last],
            context=lambda: evaluating(self), attended=attended,
        )  # fmt: skip

    def step(self, ids: np.ndarray, state: tuple, packed: np.ndarray | None = None) -> tuple:
        """Return the logits [B, outputs] of the id after the last one, the next state, and the weights [B, S].

        Args:
            ids: all so far, [B, t].
            state: what `start_writing` or an earlier step gave.
            packed: the decoder's weights, as its `pack_weights` returns them.
        """
        source, parts = state
        x = self.embedding.weight.data[ids[:, -1]][:, None]
        decoded = self.decoder(x, source.states, parts, memory_lengths=source.lengths, keys=source.keys, packed=packed)
        logits = self.output(self._read_out(x, decoded.out))
        after = tuple(np.asarray(part) for part in decoded.state)
        return np.asarray(logits)[:, 0], (source, after), np.asarray(decoded.weights)[:, 0]

    def _read_out(self, x: Any, out: Any) -> Tensor:
        if self.readout is not None:
            out = self.readout(ops.concatenate([out, x], axis=-1), activation="tanh")
        return self.dropout(out)


class _Source:
    """What the rows of a search attend to; it moves only where a row gets another source."""

    def __init__(self, keys: np.ndarray, states: np.ndarray, lengths: np.ndarray) -> None:
        self.keys, self.states, self.lengths, self._owner = keys, states, lengths, np.arange(len(keys))

    def reorder(self, order: np.ndarray) -> None:
        """Give row i the source of row order[i]."""
        owner = self._owner[order]
        if not np.array_equal(owner, self._owner):
            self.keys, self.states, self.lengths = self.keys[order], self.states[order], self.lengths[order]
            self._owner = owner
