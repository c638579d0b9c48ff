"""Sequences from sequences."""

from __future__ import annotations

from typing import Any, Self

from ._base import Network
from ._encoder_decoder import EncoderDecoder
from ._recurrent_estimator import SequenceEstimator, WritingEstimator
from ._sequences import as_sequences

__all__ = ["Seq2Seq"]


class Seq2Seq(WritingEstimator, SequenceEstimator):
    """Map sequences to sequences by an `EncoderDecoder`; X as for `SequenceClassifier`.

    y is a list of sequences of numbers (standardised for training) or of tokens, whose lengths need not be those of X.

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

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn from sequences and what they become; return the estimator."""
        settings = self._begin()
        encoded = self._encode(as_sequences(X, "X"), settings)
        return self._fit_writer(encoded, self._input, y)

    def _arguments(self) -> dict[str, Any]:
        return {**self._layers(), **self._output.writer()}

    def predict(self, X: Any, *, steps: int | None = None) -> list[Any]:  # noqa: N803
        """Return what each sequence becomes.

        Args:
            X: sequences as those of `fit`.
            steps: numbers: how many steps to write; tokens: how many at most, before which a sequence may end. Default:
                as many as the longest sequence of `fit` has.
        """
        self._require_fit()
        end = self._generation(steps)
        return self._each(X, lambda x, lengths: self._output.decoded(self.model_.generate(x, lengths, *end)))
