"""A sequence in, then a sequence out."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import decode, nn, ops, random
from ..autograd import Tensor, no_grad
from ..decode import Generation
from ._attention_writer import AttentionWriter
from ._decoding import evaluating
from ._heads import IGNORED
from ._one_to_many import OneToMany
from ._reader import Reader

__all__ = ["SCORES", "EncoderDecoder", "ReaderWriter", "make_writer"]

SCORES = ("additive", "general", "dot", "scaled_dot", "cosine")
"""By what a writer compares its state with those that it attends to."""


def make_writer(
    size: int,
    outputs: int,
    *,
    hidden_size: int,
    cell: str,
    num_layers: int,
    dropout: float,
    embedding_size: int | None,
    context: str,
    attention: str | None,
    order: str,
) -> OneToMany | AttentionWriter:
    """Return what writes from states of `size` numbers: with attention to all of them, or from the last one alone."""
    if attention is None:
        return OneToMany(
            size, outputs, hidden_size=hidden_size, cell=cell, num_layers=num_layers, dropout=dropout,
            embedding_size=embedding_size, context=context,
        )  # fmt: skip
    if embedding_size is None:
        raise ValueError(f"attention: expected None where numbers are written, got {attention!r}")
    return AttentionWriter(
        size, size, outputs, hidden_size=hidden_size, cell=cell, order=order, score=attention,
        embedding_size=embedding_size, dropout=dropout,
    )  # fmt: skip


class ReaderWriter(nn.Module):
    """A network that reads all of its input, and then writes a sequence.

    Attributes:
        reader: from an input and its lengths to states [B, S, D] and one vector [B, D].
        writer: what writes.
        teacher_forcing: how probable it is in training that a step sees the true id before it, and not the one that is most
            probable for the network itself; 1 at first.
    """

    reader: nn.Module
    writer: OneToMany | AttentionWriter

    def __init__(self) -> None:
        self.teacher_forcing = 1.0

    def forward(self, x: Any, lengths: Any, guide: Any, following: Any = None) -> Tensor:
        """Return the numbers [B, T, outputs], or the logits of each next id, or their loss.

        Args:
            x: [B, S, input_size], or ids [B, S].
            lengths: [B]: steps of x from there on are padding; None: there is none.
            guide: how many steps to write, where numbers are written; else the ids before each one, [B, T].
            following: the true ids [B, T]: the result is the mean cross-entropy; those of -100 do not count.
        """
        states, last = self.reader(x, lengths)
        if self.training and self.teacher_forcing < 1:
            guide = self._mixed(states, lengths, last, guide)
        if following is None:
            return self.writer.output(self._hidden(states, lengths, last, guide, None))
        following = np.asarray(following)
        hidden = self._hidden(states, lengths, last, guide, following)
        output = self.writer.output
        return ops.linear_cross_entropy(hidden, output.weight, following, output.bias, ignore_index=IGNORED)

    def _hidden(self, states: Any, lengths: Any, last: Any, guide: Any, following: np.ndarray | None) -> Tensor:
        if isinstance(self.writer, OneToMany):
            return self.writer.hidden(last, guide)
        counts = None if following is None else following.shape[1] - np.argmax(following[:, ::-1] != IGNORED, axis=1)
        return self.writer.hidden(states, lengths, last, guide, counts)

    def _start(self, states: Any, lengths: Any, last: Any, begin: int) -> decode.Start:
        if isinstance(self.writer, OneToMany):
            return self.writer.start_writing(last.numpy(), begin)
        return self.writer.start_writing(states.numpy(), lengths, last.numpy(), begin)

    def _mixed(self, states: Any, lengths: Any, last: Any, guide: np.ndarray) -> np.ndarray:
        """Return the ids before each step, of which some are the network's own: scheduled sampling."""
        guide = np.array(guide)
        seed, stream = random.next_key()
        kept = random.uniform(guide.size, seed=seed, stream=stream).reshape(guide.shape) < self.teacher_forcing
        with evaluating(self):
            state = self._start(states, lengths, last, 0).state
            for t in range(guide.shape[1] - 1):
                logits, state, *_ = self.writer.step(guide[:, : t + 1], state)
                guide[:, t + 1] = np.where(kept[:, t + 1], guide[:, t + 1], np.argmax(np.asarray(logits), axis=-1))
        return guide

    def align(self, x: Any, lengths: Any, guide: Any) -> np.ndarray:
        """Return how each step of a sequence that is known attends to what is read, [B, T, S].

        Args:
            x, lengths, guide: as for `forward`.

        Raises:
            ValueError: for a network without attention.
        """
        if isinstance(self.writer, OneToMany):
            raise ValueError("align: expected a network with attention, this one has none (attention=None)")
        with evaluating(self):
            states, last = self.reader(x, lengths)
            vectors = self.writer.embedding(guide)
            return np.asarray(self.writer.attend(vectors, states, lengths, last).weights)

    def generate(
        self, x: Any, lengths: Any, steps: int, begin: int = 0, end: int | None = None, **options: Any
    ) -> np.ndarray:
        """Write sequences.

        Args:
            x, lengths: as for `forward`.
            steps, begin, end: as for `OneToMany.generate`.
            **options: as for `OneToMany.generate`.

        Returns:
            What `OneToMany.generate` returns.
        """
        if isinstance(self.writer, OneToMany):
            return self.writer.generate(self._read(x, lengths)[1].numpy(), steps, begin, end, **options)
        return self.decode(x, lengths, steps, begin, end, **options).sequences[:, 1:]

    def decode(
        self, x: Any, lengths: Any, steps: int, begin: int = 0, end: int | None = None, **options: Any
    ) -> Generation:
        """Write ids, and tell all that is known of them.

        Args:
            x, lengths: as for `forward`.
            steps, begin, end: as for `OneToMany.generate`.
            **options: as for `OneToMany.generate`.

        Returns:
            What `OneToMany.decode` returns.
        """
        states, last = self._read(x, lengths)
        if isinstance(self.writer, OneToMany):
            return self.writer.decode(last.numpy(), steps, begin, end, **options)
        start = self._start(states, lengths, last, begin)
        return decode.run(start, {"max_new_tokens": steps, "eos_token_id": end, **options})

    def _read(self, x: Any, lengths: Any) -> tuple[Tensor, Tensor]:
        """Return the states of sequences that are read, and the last ones."""
        with no_grad():
            return self.reader(x, lengths)


class EncoderDecoder(ReaderWriter):
    """Sequences [B, T, input_size] to sequences that begin when the whole input is read.

    The last state of what reads is the vector of a `OneToMany`, which writes; or, with attention, what writes sees all
    states of what reads (`nn.AttentionDecoder` says how).

    Args:
        input_size: numbers a step that is read.
        outputs: numbers of a step that is written, or how many ids there are.
        hidden_size: units of each recurrent layer.
        cell: "rnn", "lstm", "gru" or "stlm".
        num_layers: recurrent layers of what reads, and as many of what writes.
        bidirectional: whether the input is read in both directions.
        dropout: share of units that is dropped between layers and before the last Linear, in training.
        vocabulary_size: inputs are ids [B, T] below that, with learnt vectors of `input_size`; default: numbers.
        embedding_size: dimensions of the vectors of ids that are written; None where numbers are written.
        context: without attention: whether every step sees the last state of what reads, "every_step" (Cho), or the first
            state of what writes alone comes from it, "initial" (Sutskever).
        attention: None, or the score: "additive", "general", "dot", "scaled_dot", "cosine". Ids are written then, by one
            layer, whatever num_layers is.
        order: of the attention: "before" the cell (Bahdanau), or "after" it (Luong).
        shared: whether both sides have one table of vectors.

    Attributes:
        reader: what reads.
        writer: what writes.
        teacher_forcing: how probable it is in training that a step sees the true id before it, and not the one that is most
            probable for the network itself; 1 at first.

    Raises:
        ValueError: the cell, context, score or order is not known, a size is below 1, or attention where numbers are written.

    Sources: Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014; Sutskever, Vinyals, Le,
    "Sequence to sequence learning with neural networks", 2014; Bengio et al., "Scheduled sampling for sequence prediction
    with recurrent neural networks", 2015; of the attention see `nn.AttentionDecoder`.

    >>> import numpy as np
    >>> from seqnn.models import EncoderDecoder
    >>> model = EncoderDecoder(3, 2, hidden_size=8, cell="gru")
    >>> model(np.ones((4, 5, 3), np.float32), np.array([5, 2, 1, 5]), 7).shape
    (4, 7, 2)
    >>> words = EncoderDecoder(8, 20, hidden_size=8, cell="gru", vocabulary_size=30, embedding_size=8, attention="additive")
    >>> words(np.ones((4, 5), int), None, np.ones((4, 6), int)).shape
    (4, 6, 20)
    """

    def __init__(
        self,
        input_size: int,
        outputs: int,
        *,
        hidden_size: int = 64,
        cell: str = "lstm",
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        vocabulary_size: int | None = None,
        embedding_size: int | None = None,
        context: str = "every_step",
        attention: str | None = None,
        order: str = "before",
        shared: bool = False,
    ) -> None:
        super().__init__()
        self.reader = Reader(
            input_size, hidden_size, cell=cell, num_layers=num_layers, bidirectional=bidirectional, dropout=dropout,
            vocabulary_size=vocabulary_size,
        )  # fmt: skip
        size = self.reader.output_size
        self.writer = make_writer(
            size, outputs, hidden_size=hidden_size, cell=cell, num_layers=num_layers, dropout=dropout,
            embedding_size=embedding_size, context=context, attention=attention, order=order,
        )  # fmt: skip
        if shared:
            if (vocabulary_size, input_size) != (outputs, embedding_size):
                raise ValueError(
                    f"shared: expected one vocabulary and one size of vectors, got {vocabulary_size} and {outputs} ids, "
                    f"{input_size} and {embedding_size} dimensions"
                )
            self.writer.embedding = self.reader.embedding
