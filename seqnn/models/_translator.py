"""Translations of token sequences by a Transformer."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .. import optim
from .._arguments import integer
from .._settings import Integer, Number
from ..text import Vocabulary, pad
from ._base import Examples, Network, NetworkEstimator, Plain, Words, by_length
from ._coders import padded_classes
from ._sequences import as_sequences
from ._transformer import Transformer

__all__ = ["Translator"]


class Translator(NetworkEstimator):
    """Translate sequences of tokens by a `Transformer`, trained by Adam and the Noam schedule.

    Args:
        d_model: width of the network.
        nhead: attention heads.
        num_layers: layers of the encoder, and as many of the decoder.
        dim_feedforward: width of the layers' inner networks.
        dropout: share of units that is dropped in training.
        label_smoothing: of the loss in training.
        min_frequency: rarer words of either side are "<unk>".
        learning_rate: factor of the schedule, learning_rate * d_model^-0.5 * min(step^-0.5, step * warmup^-1.5).
        warmup: steps in which the learning rate rises.
        clip_norm: limit of the gradients' norm, or None.

    Attributes:
        model_: the network, a `Transformer`.
        source_: the vocabulary of X.
        target_: the vocabulary of y.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    >>> from seqnn.models import Translator
    >>> X = [["ein", "hund"], ["eine", "katze"], ["ein", "mann"]] * 8
    >>> y = [["a", "dog"], ["a", "cat"], ["a", "man"]] * 8
    >>> model = Translator(d_model=32, nhead=2, num_layers=1, dim_feedforward=64, warmup=40, max_iter=30, batch_size=8)
    >>> model.fit(X, y).predict([["eine", "katze"]])
    [['a', 'cat']]
    """

    d_model = Integer(256, minimum=1)
    nhead = Integer(4, minimum=1)
    num_layers = Integer(3, minimum=1)
    dim_feedforward = Integer(1024, minimum=1)
    dropout = Number(0.1, minimum=0, maximum=1)
    label_smoothing = Number(0.1, minimum=0, below=1)
    min_frequency = Integer(1, minimum=1)
    learning_rate = Number(1.0, minimum=0)
    warmup = Integer(1000, minimum=1)
    batch_size = Integer(64, minimum=1)
    clip_norm = Number(1.0, above=0, optional=True)
    max_iter = Integer(10, minimum=1)
    validation_fraction = Number(0.02, minimum=0, below=1)
    n_iter_no_change = Integer(3)

    source_ = Words()
    target_ = Words()
    _longest = Plain(int)
    model_ = Network(Transformer)

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
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn from token sequences and their translations; return the estimator."""
        settings = self._begin()
        x, y = _tokens(X, "X"), _tokens(y, "y")
        if len(x) != len(y):
            raise ValueError(f"y: expected a translation for each of {len(x)} sequences of X, got {len(y)}")
        self.source_, self.target_ = (Vocabulary.from_tokens(s, min_frequency=settings.min_frequency) for s in (x, y))
        sources = [self.source_.encode(s, eos=True) for s in x]
        targets = [self.target_.encode(s, bos=True, eos=True) for s in y]
        self._longest = max(map(len, targets))
        examples = Examples(sources, targets, _Source(self.source_), _Target(self.target_))
        return self._train(None, *examples.split(settings), schedule=optim.Noam(settings.d_model, settings.warmup))

    def predict(self, X: Any, *, max_new_tokens: int | None = None) -> list[list[str]]:  # noqa: N803
        """Return the translation of each sequence.

        Args:
            X: token sequences.
            max_new_tokens: most tokens of a translation; default: as many as the longest of `fit` has.
        """
        settings = self._require_fit()
        sources = [self.source_.encode(s, eos=True) for s in _tokens(X, "X")]
        most = self._longest if max_new_tokens is None else integer("max_new_tokens", max_new_tokens, 0)

        def translate(part: list[np.ndarray]) -> list[list[str]]:
            ids, lengths = _Source(self.source_).collate(part)
            written = self.model_.generate(ids, most, lengths=lengths)
            return [self.target_.decode(row, skip_specials=True) for row in written]

        return by_length(sources, settings.batch_size, translate)

    def _arguments(self) -> dict[str, Any]:
        settings = self._used
        return {
            "source_size": len(self.source_), "target_size": len(self.target_), "d_model": settings.d_model,
            "nhead": settings.nhead, "num_encoder_layers": settings.num_layers,
            "num_decoder_layers": settings.num_layers, "dim_feedforward": settings.dim_feedforward,
            "dropout": settings.dropout, "label_smoothing": settings.label_smoothing,
        }  # fmt: skip

    def _optimizer(self, parameters: Any) -> optim.Optimizer:
        return optim.Adam(parameters, lr=self._used.learning_rate, betas=(0.9, 0.98), eps=1e-9)


class _Source:
    """Ids of the words of a source."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.pad_id = vocabulary.pad_id

    def collate(self, rows: list[np.ndarray]) -> tuple:
        """Return padded ids [B, S] and their lengths."""
        return pad(rows, value=self.pad_id)


class _Target(_Source):
    """Ids of the words of a translation, with those that begin and end it."""

    def collate(self, rows: list[np.ndarray]) -> tuple:
        """Return the ids before each word, [B, T], and the words, [B, T]."""
        before, _ = pad([row[:-1] for row in rows], value=self.pad_id)
        return before, padded_classes([row[1:] for row in rows])


def _tokens(sequences: Any, name: str) -> list[list[str]]:
    found = as_sequences(sequences, name)
    if not found.tokens:
        raise TypeError(f"{name}: expected sequences of tokens (strings), got numbers")
    return found.rows
