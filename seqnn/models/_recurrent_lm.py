"""A recurrent network that predicts the next id."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .. import decode, nn
from ..autograd import Tensor, no_grad
from ..train import Carried
from ._decoding import evaluating
from ._heads import LanguageModelHead
from ._one_to_many import LayerStates
from ._reader import recurrent

__all__ = ["RecurrentLM"]


class RecurrentLM(nn.Module):
    """Ids [B, T] to the logits [B, T, V] of each next id, by recurrent layers; given targets, to their mean cross-entropy.

    Train it with `train.fit(model, None, train.Streams(ids), ...)`: the state goes from batch to batch.

    Args:
        vocabulary_size: V.
        embedding_size: dimensions of the vectors of ids.
        hidden_size: units of each recurrent layer.
        cell: "rnn", "lstm", "gru" or "stlm".
        num_layers: recurrent layers.
        dropout: share of units that is dropped before, between and after the layers, in training.
        tied: whether the output uses the table of the vectors; where the sizes differ, a Linear is between them.

    Sources: Mikolov et al., "Recurrent neural network based language model", Interspeech 2010; of the tying: Press, Wolf,
    "Using the output embedding to improve language models", EACL 2017.

    >>> import numpy as np
    >>> from seqnn.models import RecurrentLM
    >>> model = RecurrentLM(50, embedding_size=8, hidden_size=16)
    >>> ids = np.arange(10).reshape(2, 5)
    >>> model(ids).shape
    (2, 5, 50)
    >>> model(ids[:, :-1], targets=ids[:, 1:]).shape
    ()
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        embedding_size: int = 128,
        hidden_size: int = 256,
        cell: str = "lstm",
        num_layers: int = 1,
        dropout: float = 0.0,
        tied: bool = True,
    ) -> None:
        self.tied = tied
        self.embedding = nn.Embedding(vocabulary_size, embedding_size)
        self.recurrent = recurrent(cell, embedding_size, hidden_size, num_layers=num_layers, dropout=dropout)
        size = self.recurrent.output_size
        self.projection = nn.Linear(size, embedding_size, bias=False) if tied and size != embedding_size else None
        self.dropout = nn.Dropout(dropout)
        self.head = LanguageModelHead(embedding_size if tied else size, vocabulary_size, tied=tied, bias=True)
        if tied:  # the first logits are to be small
            nn.init.normal_(self.embedding.weight, 0.0, embedding_size**-0.5)

    def forward(self, ids: Any, carried: Carried | None = None, targets: Any = None) -> Tensor:
        """Return the logits [B, T, V] of each next id, or the loss.

        Args:
            ids: [B, T].
            carried: the state to go on from, and where the new one is left; None: the first state is zero.
            targets: ids [B, T] to compute the mean cross-entropy against; those of -100 do not count.
        """
        hidden, state = self.read(ids, None if carried is None else carried.state)
        if carried is not None:
            carried.state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        return self.head(hidden, self._table(), targets)

    def read(self, ids: Any, state: Any = None, lengths: Any = None) -> tuple[Tensor, Any]:
        """Return what the head takes, [B, T, D], and the state after each row's last id.

        Args:
            ids: [B, T].
            state: what an earlier call returned; None: zero.
            lengths: [B]: ids from there on are padding; None: there is none.
        """
        out, state = self.recurrent(self.dropout(self._vectors(ids)), state, lengths)
        out = self.dropout(out)
        return out if self.projection is None else self.projection(out), state

    def losses(self, ids: Any, targets: Any, state: Any = None, lengths: Any = None) -> tuple[Tensor, Any]:
        """Return the cross-entropy of each target, [B, T], 0 for those of -100, and the state.

        Args:
            ids, state, lengths: as for `read`.
            targets: [B, T].
        """
        hidden, state = self.read(ids, state, lengths)
        return self.head.losses(hidden, self._table(), targets), state

    def start_decoding(self, prompts: list[np.ndarray], max_new_tokens: int | None) -> decode.Start:
        """Return the beginning of decoding, for `decode.generate`.

        Args:
            prompts: ids of each prompt, of any lengths.
            max_new_tokens: is not needed.
        """
        ids, begins = decode.left_padded(prompts)
        step = partial(self._step, recurrent=self.recurrent.packed_step())
        return decode.Start(
            ids, step, (begins, LayerStates([])), begins, context=lambda: evaluating(self),
            vocabulary=len(self.embedding.weight),
        )  # fmt: skip

    def _step(self, ids: np.ndarray, state: tuple, recurrent: Callable) -> tuple:
        """Return the logits after all ids so far: after the whole prompts where there is no state yet."""
        begins, layers = state
        if not layers.parts:
            lengths = ids.shape[1] - begins
            rows = np.take_along_axis(ids, (begins[:, None] + np.arange(ids.shape[1])) % ids.shape[1], axis=1)
            with no_grad():
                out, after = self.recurrent(self._vectors(rows), None, lengths)
            out = out.numpy()[np.arange(len(ids)), lengths - 1]
        else:
            parts = tuple(layers.parts)
            with no_grad():
                x = np.asarray(self._vectors(ids[:, -1]))
            out, after = recurrent(x, parts if len(parts) > 1 else parts[0])
        layers.parts = [np.asarray(part) for part in (after if isinstance(after, tuple) else (after,))]
        hidden = out if self.projection is None else self.projection(out)
        return np.asarray(self.head(hidden, self._table())), state

    def _vectors(self, ids: Any) -> Tensor:
        """Return the vectors of ids; those of a tied table, which are of length 1, times sqrt(embedding_size)."""
        x = self.embedding(ids)
        return x * x.shape[-1] ** 0.5 if self.tied else x

    def _table(self) -> Tensor | None:
        return self.embedding.weight if self.tied else None
