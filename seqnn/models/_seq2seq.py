"""Sequences from sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from .. import nn
from ..decode import Generation
from ..text import pad, tokenize
from ._base import Network, as_weights, require_pairs
from ._encoder_decoder import EncoderDecoder
from ._recurrent_estimator import SequenceEstimator, WritingEstimator
from ._written import WrittenTokens

__all__ = ["Seq2Seq"]


class Seq2Seq(WritingEstimator, SequenceEstimator):
    """Map sequences to sequences by an `EncoderDecoder`; X as for `SequenceClassifier`.

    y is a list of sequences of numbers (standardised for training), of tokens, or strings, whose lengths need not be those
    of X. Predictions are of the same kind; strings are tokens joined by blanks.

    Attributes:
        model_: the network.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    >>> from seqnn.models import Seq2Seq
    >>> X = [["1", "2"], ["2", "1"], ["3"], ["1", "3", "2"]]
    >>> y = [["one", "two"], ["two", "one"], ["three"], ["one", "three", "two"]]
    >>> model = Seq2Seq(hidden_size=24, max_iter=150, learning_rate=0.02, validation_fraction=0).fit(X, y)
    >>> model.predict([["1", "3", "2"]])
    [['one', 'three', 'two']]
    """

    model_ = Network(EncoderDecoder)

    def __init__(
        self,
        *,
        cell: str = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        tokenizer: Callable[[str], list[str]] = tokenize,
        min_frequency: int = 1,
        embedding_size: int = 64,
        embedding: Any = None,
        target_embedding: Any = None,
        freeze: bool = False,
        batch_size: int = 32,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.0,
        clip_norm: float | None = 1.0,
        max_iter: int = 100,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn from sequences and what they become.

        Args:
            X: sequences.
            y: a sequence for each.
            sample_weight: how much each pair counts, [N]; default: all the same.

        Returns:
            The estimator.
        """
        self._begin()
        sequences, targets = self._sequences(X), self._sequences(y, "y")
        require_pairs(sequences.rows, targets.rows)
        weights = as_weights(sample_weight, len(targets.rows))
        return self._fit_writer(*self._encode(sequences), targets, weights)

    def _writer(self, model: EncoderDecoder) -> nn.Module:
        return model.writer

    def _arguments(self) -> dict[str, Any]:
        return {**self._layers(), **self._output.writer()}

    def predict(self, X: Any, *, steps: int | None = None, **options: Any) -> list[Any]:  # noqa: N803
        """Return what each sequence becomes.

        Args:
            X: sequences as those of `fit`.
            steps: numbers: how many steps to write; tokens: how many at most, before which a sequence may end. Default:
                as many as the longest sequence of `fit` has.
            **options: how tokens are chosen, see `decode.Options`: num_beams, length_penalty, do_sample, ...
        """
        self._require_fit()
        end = self._generation(steps, options)

        def written(x: Any, lengths: Any) -> list[Any]:
            return self._output.decoded(self.model_.generate(x, lengths, *end, **options))

        return self._each(X, written)

    def generate(self, X: Any, *, steps: int | None = None, **options: Any) -> Generation:  # noqa: N803
        """Write what sequences become, all at the same time, and tell all that is known of it; for y of tokens.

        Args:
            X: sequences as those of `fit`.
            steps: as for `predict`.
            **options: see `decode.Options`: num_beams, num_return_sequences, ...

        Returns:
            A `decode.Generation`: `.texts` are the tokens joined by blanks, `.scores` their scores.

        Raises:
            TypeError: the y of `fit` were numbers.
        """
        self._require_fit()
        if not isinstance(self._output, WrittenTokens):
            raise TypeError("generate: expected a model that writes tokens, this one writes numbers: use predict")
        x, lengths = pad(self._input.encode(self._sequences(X), "X"))
        end = self._output.generation(self._longest(steps))
        return self.model_.decode(x, lengths, *end, **{"tokenizer": self._output.vocabulary, **options})
