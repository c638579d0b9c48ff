"""The Transformer: an encoder of a source and a decoder of a target; and a translator of token sequences."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np

from .. import nn, ops, optim
from .._arguments import integer
from ..autograd import Tensor
from ..text import Vocabulary, pad
from ._data import check_fitted
from ._estimator import Estimator
from ._generation import as_ids, evaluating, generate
from ._heads import IGNORED
from ._sequences import as_sequences, by_length, padded_classes, split_batches


class Transformer(nn.Module):
    """Source ids [B, S] and the target ids so far [B, T] to the logits [B, T, V] of each next one, or to their loss.

    Embeddings times sqrt(d_model) plus sinusoidal positions; an encoder; a causal decoder that attends to its result; the
    output projection is the table of the target (tied).

    Args:
        source_size, target_size: words of the two vocabularies.
        d_model, nhead, num_encoder_layers, num_decoder_layers, dim_feedforward, dropout, activation, norm_first: as in
            `torch.nn.Transformer`; pre-norm stacks end with a norm.
        shared: one table for both sides (a joint vocabulary).
        label_smoothing: of the loss in training.
        pad_id: fills up sequences. bos_id, eos_id: begin and end a target.

    Train it with `train.fit(model, None, (source, lengths, target, next), ...)` and `optim.Noam`, as `Translator` does.
    Source: Vaswani et al., "Attention is all you need", NeurIPS 2017.

    >>> import numpy as np
    >>> from seqnn.models import Transformer
    >>> model = Transformer(50, 60, d_model=16, nhead=2, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=32)
    >>> source, target = np.arange(10).reshape(2, 5), np.arange(6).reshape(2, 3)
    >>> model(source, [5, 3], target).shape
    (2, 3, 60)
    >>> model(source, [5, 3], target[:, :-1], target[:, 1:]).shape
    ()
    >>> model.generate(source, 4, lengths=[5, 3]).shape[0]
    2
    """

    def __init__(
        self,
        source_size: int,
        target_size: int,
        *,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str = "relu",
        norm_first: bool = False,
        shared: bool = False,
        label_smoothing: float = 0.1,
        pad_id: int = 0,
        bos_id: int = 2,
        eos_id: int = 3,
    ) -> None:
        if shared and source_size != target_size:
            raise ValueError(f"shared: expected one size of the vocabularies, got {source_size} and {target_size}")
        self.label_smoothing, self.pad_id, self.bos_id, self.eos_id = label_smoothing, pad_id, bos_id, eos_id
        self.target = nn.Embedding(target_size, d_model, padding_idx=pad_id)
        self.source = self.target if shared else nn.Embedding(source_size, d_model, padding_idx=pad_id)
        self.positions, self.dropout = nn.SinusoidalPositions(), nn.Dropout(dropout)
        layer = d_model, nhead, dim_feedforward, dropout, activation
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(*layer, norm_first=norm_first),
            num_encoder_layers,
            nn.LayerNorm(d_model) if norm_first else None,
        )
        self.decoder = nn.TransformerDecoder(
            nn.TransformerDecoderLayer(*layer, norm_first=norm_first),
            num_decoder_layers,
            nn.LayerNorm(d_model) if norm_first else None,
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all matrices anew: tables of deviation d_model^-0.5, the others by Xavier's uniform distribution."""
        for name, parameter in self.named_parameters():
            if name in ("target.weight", "source.weight"):
                nn.init.normal_(parameter, 0.0, parameter.shape[1] ** -0.5)
                parameter.data[self.pad_id] = 0
            elif parameter.ndim == 2:
                nn.init.xavier_uniform_(parameter)

    def forward(self, source: Any, lengths: Any, target: Any, following: Any = None) -> Tensor:
        """Logits [B, T, V], or the mean loss against the ids that follow, [B, T], of which those of -100 do not count.

        Source positions behind `lengths` [B] are padding (None: there is none). Padding of the target need not be told:
        the decoder is causal, so what counts never sees what stands behind it.
        """
        hidden = self.decode(target, self.encode(source, lengths), lengths)
        table = self.target.weight
        if following is None:
            return ops.linear(hidden, table)
        smoothing = self.label_smoothing if self.training else 0.0
        return ops.linear_cross_entropy(
            hidden, table, np.asarray(following), ignore_index=IGNORED, label_smoothing=smoothing
        )

    def encode(self, ids: Any, lengths: Any = None) -> Tensor:
        """The encoder's result [B, S, d_model]."""
        return self.encoder(self._embed(self.source, ids, 0), lengths=lengths)

    def decode(
        self,
        ids: Any,
        memory: Any,
        lengths: Any = None,
        *,
        need_weights: bool = False,
        cache: list[nn.KeyValueCache] | None = None,
    ) -> Any:
        """The decoder's result [B, T, d_model] over the encoder's `memory`, of which `lengths` positions count.

        With `need_weights` (that, (own weights, weights of the source) of each layer), for `plot.attention`.
        """
        x = self._embed(self.target, ids, cache[0].length if cache else 0)
        return self.decoder(x, memory, memory_lengths=lengths, need_weights=need_weights, cache=cache)

    def generate(self, source: Any, max_new_tokens: int, *, lengths: Any = None) -> np.ndarray:
        """The most probable next token, again and again: ids [B, at most max_new_tokens], in evaluation mode.

        `bos_id` is left out; behind `eos_id` there is nothing else, and where all have ended the array ends.
        """
        cache = self.decoder.new_cache(max(1, integer("max_new_tokens", max_new_tokens, 0)))
        with evaluating(self):
            memory = self.encode(source, lengths)

            def step(unseen: np.ndarray) -> np.ndarray:
                hidden = self.decode(unseen, memory, lengths, cache=cache)
                return ops.linear(hidden[:, -1], self.target.weight).data

            begin = np.full((len(memory), 1), self.bos_id)
            return generate(step, begin, max_new_tokens, temperature=0.0, top_k=None, eos_id=self.eos_id)

    def _embed(self, table: nn.Embedding, ids: Any, offset: int) -> Tensor:
        return self.dropout(self.positions(table(as_ids(ids)) * math.sqrt(table.embedding_dim), offset=offset))


class Translator(Estimator):
    """Translates sequences of tokens by a `Transformer`, trained by Adam and the Noam schedule.

    Args:
        d_model, nhead, num_layers, dim_feedforward, dropout, label_smoothing: of the network; so many layers on each side.
        min_frequency: rarer words of either side are "<unk>".
        learning_rate, warmup: the schedule is learning_rate * d_model^-0.5 * min(step^-0.5, step * warmup^-1.5).

    The other arguments are those of all estimators: batch_size, clip_norm, max_iter (epochs), validation_fraction,
    n_iter_no_change, random_state, verbose. After `fit`: `model_`, `source_`, `target_` (vocabularies), `history_`.

    >>> from seqnn.models import Translator
    >>> X = [["ein", "hund"], ["eine", "katze"], ["ein", "mann"]] * 8
    >>> y = [["a", "dog"], ["a", "cat"], ["a", "man"]] * 8
    >>> model = Translator(d_model=32, nhead=2, num_layers=1, dim_feedforward=64, warmup=40, max_iter=30, batch_size=8)
    >>> model.fit(X, y).predict([["eine", "katze"]])
    [['a', 'cat']]
    """

    def __init__(
        self,
        *,
        d_model: int = 256,
        nhead: int = 4,
        num_layers: int = 3,
        dim_feedforward: int = 1024,
        dropout: float = 0.1,
        label_smoothing: float = 0.1,
        min_frequency: int = 1,
        learning_rate: float = 1.0,
        warmup: int = 1000,
        batch_size: int = 64,
        clip_norm: float | None = 1.0,
        max_iter: int = 10,
        validation_fraction: float = 0.02,
        n_iter_no_change: int = 3,
        random_state: int = 0,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            batch_size=batch_size, learning_rate=learning_rate, clip_norm=clip_norm, max_iter=max_iter,
            validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change, random_state=random_state,
            verbose=verbose,
        )  # fmt: skip
        self.d_model, self.nhead, self.num_layers, self.dim_feedforward = d_model, nhead, num_layers, dim_feedforward
        self.dropout, self.label_smoothing = dropout, label_smoothing
        self.min_frequency, self.warmup = min_frequency, warmup

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Learn from token sequences and their translations."""
        sides = _tokens(X, "X"), _tokens(y, "y")
        if len(sides[0]) != len(sides[1]):
            raise ValueError(
                f"y: expected a translation for each of {len(sides[0])} sequences of X, got {len(sides[1])}"
            )
        self.source_, self.target_ = (Vocabulary.from_tokens(s, min_frequency=self.min_frequency) for s in sides)
        sources = [self.source_.encode(s, eos=True) for s in sides[0]]
        targets = [self.target_.encode(s, bos=True, eos=True) for s in sides[1]]
        self._longest = max(map(len, targets))

        def gather(rows: list) -> tuple:
            return pad(rows, value=self.source_.pad_id)

        def join(rows: list) -> tuple:
            before, _ = pad([row[:-1] for row in rows], value=self.target_.pad_id)
            return before, padded_classes([row[1:] for row in rows])

        parts = split_batches(
            self._split(len(sources)), sources, targets, gather, join, batch_size=self.batch_size,
            seed=self.random_state,
        )  # fmt: skip
        self._train(self._network, None, *parts, schedule=optim.Noam(self.d_model, self.warmup))
        return self

    def predict(self, X: Any, *, max_new_tokens: int | None = None) -> list[list[str]]:  # noqa: N803
        """The translation of each sequence, up to `max_new_tokens` (default: as many as the longest of `fit`)."""
        check_fitted(self, "model_")
        sources = [self.source_.encode(s, eos=True) for s in _tokens(X, "X")]
        most = self._longest if max_new_tokens is None else integer("max_new_tokens", max_new_tokens, 0)

        def translate(part: list[np.ndarray]) -> list[list[str]]:
            ids, lengths = pad(part, value=self.source_.pad_id)
            written = self.model_.generate(ids, most, lengths=lengths)
            return [self.target_.decode(row, skip_specials=True) for row in written]

        return by_length(sources, self.batch_size, translate)

    def _network(self) -> Transformer:
        return Transformer(
            len(self.source_), len(self.target_), d_model=self.d_model, nhead=self.nhead,
            num_encoder_layers=self.num_layers, num_decoder_layers=self.num_layers,
            dim_feedforward=self.dim_feedforward, dropout=self.dropout, label_smoothing=self.label_smoothing,
        )  # fmt: skip

    def _optimizer(self) -> optim.Optimizer:
        return optim.Adam(self.model_.parameters(), lr=self.learning_rate, betas=(0.9, 0.98), eps=1e-9)


def _tokens(sequences: Any, name: str) -> list[list[str]]:
    found = as_sequences(sequences, name)
    if not isinstance(found[0], list):
        raise TypeError(f"{name}: expected sequences of tokens (strings), got numbers")
    return found
