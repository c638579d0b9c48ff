"""A label for every step of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from .. import ops, train
from .._settings import Flag
from ..text import tokenize
from ._base import (
    ClassWeight,
    Coder,
    Examples,
    Labels,
    Network,
    Watch,
    as_weights,
    evened,
    label_array,
    number_classes,
    same_labels,
    split_rows,
)
from ._coders import Tags
from ._losses import TAGS
from ._many_to_many import ManyToMany
from ._recurrent_estimator import SequenceEstimator
from ._tagging_network import TaggingNetwork, WeightedTags
from ._weights import by_class

__all__ = ["SequenceTagger"]


class SequenceTagger(SequenceEstimator):
    """Label every step of a sequence by a `ManyToMany` with a softmax or a CRF; X as for `SequenceClassifier`.

    y: for each sequence as many labels as it has steps, of any kind that sorts. Set `bidirectional` where a step's label
    depends on what comes after it, and `crf` where it depends on the labels beside it, as those of names and phrases do
    (Huang, Xu, Yu, "Bidirectional LSTM-CRF models for sequence tagging", 2015).

    Args:
        crf: whether the labels of a sequence are chosen together, by a conditional random field; else each by itself.
        class_weight: how much the steps of each class count: None (all the same), "balanced" (steps / (classes * steps of
            the class)), or {label: weight}. A CRF has none.

    Attributes:
        model_: the network.
        classes_: the labels, sorted.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    >>> from seqnn.models import SequenceTagger
    >>> X = [["the", "dog", "barks"], ["a", "cat", "sleeps", "well"]] * 10
    >>> y = [["DET", "NOUN", "VERB"], ["DET", "NOUN", "VERB", "ADV"]] * 10
    >>> model = SequenceTagger(hidden_size=16, max_iter=30, learning_rate=0.02).fit(X, y)
    >>> [tags.tolist() for tags in model.predict([["the", "cat", "barks"]])]
    [['DET', 'NOUN', 'VERB']]
    """

    crf = Flag(False)
    class_weight = ClassWeight()

    classes_ = Labels("C")
    model_ = Network(ManyToMany)

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
        freeze: bool = False,
        crf: bool = False,
        class_weight: dict | str | None = None,
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
        """Learn from sequences and the labels of their steps.

        Args:
            X: sequences.
            y: for each sequence a label for each step.
            sample_weight: how much each sequence counts, [N]; default: all the same.

        Returns:
            The estimator.

        Raises:
            ValueError: y does not fit X, or a CRF is to weigh classes.
        """
        self._begin()
        self._refuse_weights_of_a_crf()
        sequences = self._sequences(X)
        lengths = np.array([len(s) for s in sequences.rows])
        labels = step_labels(y, lengths.tolist())
        self.classes_, flat = number_classes(label_array(np.concatenate(labels), int(lengths.sum())))
        return self._learn_steps(self._encode(sequences), np.split(flat, np.cumsum(lengths)[:-1]), sample_weight)

    def _refuse_weights_of_a_crf(self) -> None:
        if self._used.crf and self._used.class_weight is not None:
            raise ValueError(
                "class_weight: expected None with crf=True, whose loss is of whole sequences: sample_weight"
            )

    def _learn_steps(
        self, inputs: tuple[Sequence[Any], Coder], tags: list[np.ndarray], sample_weight: Any, **options: Any
    ) -> Self:
        """Train the network.

        Args:
            inputs: encoded inputs, and how they become arrays.
            tags: the numbers of the classes of each sequence.
            sample_weight: as for `fit`.
            options: `parts` and `watch` of `_learn`.
        """
        settings, weights = self._used, as_weights(sample_weight, len(tags))
        tags = [row.astype(np.int64) for row in tags]
        if settings.crf:
            return self._learn_chain(inputs, tags, weights, **options)
        lengths = [len(row) for row in tags]
        steps = by_class(
            settings.class_weight, self.classes_, np.concatenate(tags),
            None if weights is None else np.repeat(weights, lengths),
        )  # fmt: skip
        cut = None if steps is None else np.split(steps, np.cumsum(lengths)[:-1])
        return self._learn(inputs, (tags, Tags()), TAGS, cut, {"accuracy": train.accuracy}, **options)

    def _learn_chain(
        self,
        inputs: tuple[Sequence[Any], Coder],
        tags: list[np.ndarray],
        weights: np.ndarray | None,
        *,
        parts: tuple[np.ndarray, np.ndarray] | None = None,
        watch: Watch | None = None,
    ) -> Self:
        """Train the network with a CRF."""
        parts = split_rows(len(tags), self._used) if parts is None else parts
        even = evened(np.ones(len(tags)) if weights is None else weights.astype(float), parts)
        examples = Examples(inputs[0], [*zip(even, tags, strict=True)], inputs[1], WeightedTags())
        return self._train(None, *examples.split(self._used, parts), watch=watch)

    def _make(self) -> ManyToMany:
        return (TaggingNetwork if self._used.crf else ManyToMany)(**self._arguments())

    def _arguments(self) -> dict[str, Any]:
        return {"outputs": len(self.classes_), **self._layers()}

    def predict_proba(self, X: Any) -> list[np.ndarray]:  # noqa: N803
        """Return for each sequence the probabilities [T, classes] of its steps, in the order of `classes_`.

        Args:
            X: as for `fit`.
        """

        def probabilities(x: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
            scores = self.model_(x, lengths)
            chained = isinstance(self.model_, TaggingNetwork)
            rows = self.model_.marginals(scores, lengths) if chained else ops.softmax(scores.numpy())
            return [row[:length] for row, length in zip(rows, lengths, strict=True)]

        return self._each(X, probabilities)

    def predict(self, X: Any) -> list[np.ndarray]:  # noqa: N803
        """Return for each sequence the most probable label of each step; with a CRF the most probable labels together.

        Args:
            X: as for `fit`.
        """
        self._require_fit()
        model = self.model_
        if isinstance(model, TaggingNetwork):
            return [
                self.classes_[t] for t in self._each(X, lambda x, lengths: model.decode(model(x, lengths), lengths))
            ]
        return [self.classes_[p.argmax(axis=1)] for p in self.predict_proba(X)]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:  # noqa: N803
        """Return the share of steps whose label is predicted.

        Args:
            X: sequences.
            y: for each sequence a label for each step.
            sample_weight: how much each sequence counts, [N]; default: all the same.
        """
        found = self.predict(X)
        lengths = [len(f) for f in found]
        predicted = np.concatenate(found)
        weights = as_weights(sample_weight, len(found))
        hits = predicted == same_labels(np.concatenate(step_labels(y, lengths)), predicted)
        return float(np.average(hits, weights=None if weights is None else np.repeat(weights, lengths)))


def step_labels(y: Any, lengths: list[int], name: str = "y") -> list[np.ndarray]:
    """Return the labels of each sequence, checked against its length."""
    if isinstance(y, str) or not hasattr(y, "__len__") or len(y) != len(lengths):
        raise ValueError(f"{name}: expected the labels of each of {len(lengths)} sequences, got {_described(y)}")
    found = list(y)
    for i, (labels, length) in enumerate(zip(found, lengths, strict=True)):
        if isinstance(labels, str) or np.shape(labels) != (length,):
            raise ValueError(
                f"{name}[{i}]: expected {length} labels, one a step of {name.removesuffix('y')}X[{i}], got {_described(labels)}"
            )
    arrays = [np.asarray(labels) for labels in found]
    if len({array.dtype.kind in "OUS" for array in arrays}) > 1:
        raise ValueError(f"{name}: expected labels of one kind, got texts in some sequences and numbers in others")
    return arrays


def _described(y: Any) -> str:
    return type(y).__name__ + (f" of {len(y)}" if hasattr(y, "__len__") else "")
