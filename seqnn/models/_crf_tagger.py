"""A label for every item of a sequence, by a conditional random field over features that the user writes down."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, Self

import numpy as np

from .._arguments import integer
from .._files import Path
from .._settings import Choice, Flag, Integer, Number
from ..text import Scanner
from ._base import Estimator, History, Labels, Plain, RandomState
from ._crf_items import Items, read_items, read_labels, rows_of_labels
from ._crf_model import Weights
from ._crf_training import Training, train_lbfgs, train_perceptron
from ._crfsuite_file import read_crfsuite, write_crfsuite

__all__ = ["CRFTagger"]


class CRFTagger(Estimator):
    """Label every item of a sequence by a linear-chain conditional random field over features, as CRFsuite does.

    p(y | x) = e^s(y) / Z, where s(y) is the sum of the weights of the features at each item for its label, each times its
    value, and of those of labels that follow each other. "lbfgs" minimises -log p + c1 |w|_1 + c2 |w|^2 (c1 > 0: OWL-QN);
    "ap" is the averaged perceptron. Names and defaults are sklearn-crfsuite's.

    X: sequences of items. An item is a dict of features, or a list of names. {"word": "Bank"} is the feature "word:Bank"
    with the value 1; a number or bool is the value itself, and 0 has no effect; dicts and lists inside a dict put their
    key and a colon before their names.

    y: for each sequence as many labels, texts or integers, as it has items.

    Args:
        algorithm: "lbfgs" or "ap".
        min_freq: features, and pairs of labels, that occur less often are left out.
        all_possible_states: whether features get weights for all labels, too, that they do not occur with.
        all_possible_transitions: whether labels that never follow each other get a weight, too.
        c1: factor of the L1 penalty.
        c2: factor of the L2 penalty.
        max_iterations: steps of "lbfgs", or passes of "ap" over the sequences, at most; None: no limit, and 100.
        num_memories: steps that L-BFGS remembers.
        epsilon: "lbfgs" stops when |gradient| is below epsilon max(1, |w|), "ap" when the share of wrong labels is; None:
            1e-5, and 0.
        period: steps over which `delta` is looked at; 0: never.
        delta: "lbfgs" stops when the loss has fallen by a smaller share over `period` steps.
        linesearch: "MoreThuente", "Backtracking" or "StrongBacktracking"; with an L1 penalty it is a backtracking.
        max_linesearch: trials of a line search at most.
        random_state: seed of the order in which "ap" goes through the sequences.
        verbose: 1 shows a bar.

    Attributes:
        classes_: the labels, in the order of their first occurrence; where scores are equal the first one wins.
        model_: attributes and weights.
        history_: {"loss": after each step, with its penalties}; "ap": the mean share of wrong labels in each pass.
        n_iter_: steps.

    Sources: Lafferty, McCallum, Pereira, "Conditional random fields", ICML 2001; Okazaki, "CRFsuite", 2007; Collins,
    "Discriminative training methods for hidden Markov models", EMNLP 2002.

    >>> from seqnn.models import CRFTagger
    >>> X = [[{"word": w, "capital": w[0].isupper()} for w in s.split()] for s in ["Anna sings", "a bird sings"]]
    >>> model = CRFTagger(c2=0.1).fit(X, [["NAME", "VERB"], ["DET", "NOUN", "VERB"]])
    >>> model.predict([[{"word": "a"}, {"word": "dog"}, {"word": "sings"}]])
    [['DET', 'NOUN', 'VERB']]
    """

    algorithm = Choice("lbfgs", ("lbfgs", "ap"))
    min_freq = Number(0.0, minimum=0.0)
    all_possible_states = Flag(False)
    all_possible_transitions = Flag(False)
    c1 = Number(0.0, minimum=0.0)
    c2 = Number(1.0, minimum=0.0)
    max_iterations = Integer(None, minimum=1)
    num_memories = Integer(6, minimum=1)
    epsilon = Number(None, minimum=0.0)
    period = Integer(10)
    delta = Number(1e-5, minimum=0.0)
    linesearch = Choice("MoreThuente", ("MoreThuente", "Backtracking", "StrongBacktracking"))
    max_linesearch = Integer(20, minimum=1)
    random_state = RandomState(0)
    verbose = Integer(0)

    classes_ = Labels("L")
    model_ = Weights("L")
    history_ = History()
    n_iter_ = Plain(int)

    def __init__(
        self,
        algorithm: str = "lbfgs",
        *,
        min_freq: float = 0.0,
        all_possible_states: bool = False,
        all_possible_transitions: bool = False,
        c1: float = 0.0,
        c2: float = 1.0,
        max_iterations: int | None = None,
        num_memories: int = 6,
        epsilon: float | None = None,
        period: int = 10,
        delta: float = 1e-5,
        linesearch: str = "MoreThuente",
        max_linesearch: int = 20,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn from sequences and the labels of their items.

        Args:
            X: sequences of items with features.
            y: for each sequence a label for each item.

        Returns:
            The estimator.

        Raises:
            TypeError, ValueError: X or y is of another form; the message says where.
        """
        settings = self._begin()
        scanner = Scanner()
        x = read_items(X, scanner.add, zeros=True)
        self.classes_, tags = read_labels(y, x.lengths)
        if not len(tags):
            raise ValueError("X: expected at least one item to learn from, got none")
        train = train_perceptron if settings.algorithm == "ap" else train_lbfgs
        weights, self.history_ = train(Training(x, tags, scanner, len(self.classes_), settings), settings)
        self.model_ = weights.pruned()
        self.n_iter_ = len(self.history_["loss"])
        return self

    def predict(self, X: Any) -> list[list[Any]]:  # noqa: N803
        """Return the most probable labels of each sequence.

        Args:
            X: sequences of items; features that `fit` has not seen have no effect.
        """
        self._require_fit()
        x = read_items(X, self.model_.find)
        tags, _ = self.model_.tag(x)
        names = self.classes_.tolist()
        flat = [names[tag] for tag in tags.tolist()]
        return [flat[a:b] for a, b in _bounds(x)]

    def predict_single(self, xseq: Any) -> list[Any]:
        """Return the most probable labels of one sequence.

        Args:
            xseq: its items.
        """
        return self.predict([xseq])[0]

    def predict_proba(self, X: Any) -> list[np.ndarray]:  # noqa: N803
        """Return for each sequence the probabilities [items, labels], in the order of `classes_`.

        Args:
            X: sequences of items.
        """
        self._require_fit()
        x = read_items(X, self.model_.find)
        marginals, _ = self.model_.marginals(x)
        return [marginals[a:b] for a, b in _bounds(x)]

    def predict_marginals(self, X: Any) -> list[list[dict[Any, float]]]:  # noqa: N803
        """Return for each item the probability of each label, as dicts.

        Args:
            X: sequences of items.
        """
        names = self.classes_.tolist()
        return [[dict(zip(names, row, strict=True)) for row in rows.tolist()] for rows in self.predict_proba(X)]

    def predict_marginals_single(self, xseq: Any) -> list[dict[Any, float]]:
        """Return the probability of each label at each item of one sequence.

        Args:
            xseq: its items.
        """
        return self.predict_marginals([xseq])[0]

    def score(self, X: Any, y: Any) -> float:  # noqa: N803
        """Return the share of items whose label is predicted.

        Args:
            X: sequences of items.
            y: for each sequence a label for each item.

        Raises:
            ValueError: y does not fit X, or there are no items.
        """
        predicted = self.predict(X)
        rows = rows_of_labels(y, [len(labels) for labels in predicted])
        hits = [a == b for own, row in zip(predicted, rows, strict=True) for a, b in zip(own, row, strict=True)]
        if not hits:
            raise ValueError("X: expected at least one item to score, got none")
        return sum(hits) / len(hits)

    # What was learnt, in words.

    @property
    def attributes_(self) -> list[str]:
        """The names of the features that have weights."""
        return self.model_.attributes()

    @property
    def num_attributes_(self) -> int:
        """How many features have weights."""
        return len(self.model_.first) - 1

    @property
    def size_(self) -> int:
        """Bytes of the weights and the names of the features."""
        model = self.model_
        arrays = model.offsets, model.names, model.first, model.labels, model.weights, model.transitions
        return sum(array.nbytes for array in arrays)

    @property
    def state_features_(self) -> dict[tuple[str, Any], float]:
        """{(feature, label): weight}, without weights of 0."""
        names, labels, model = self.attributes_, self.classes_.tolist(), self.model_
        owners = zip(model.owners().tolist(), model.labels.tolist(), strict=True)
        pairs = ((names[a], labels[b]) for a, b in owners)
        return dict(zip(pairs, model.weights.tolist(), strict=True))

    @property
    def transition_features_(self) -> dict[tuple[Any, Any], float]:
        """{(label, label after it): weight}, without weights of 0."""
        labels = self.classes_.tolist()
        table = self.model_.transitions
        return {(labels[i], labels[j]): float(table[i, j]) for i, j in np.argwhere(table).tolist()}

    @property
    def transitions_(self) -> np.ndarray:
        """[labels, labels]: the weight of the second label after the first, in the order of `classes_`."""
        return self.model_.transitions

    @property
    def weights_(self) -> dict[Any, dict[str, float]]:
        """{label: {feature: weight}}, the largest weights of each label first."""
        found: dict[Any, dict[str, float]] = {label: {} for label in self.classes_.tolist()}
        for (name, label), weight in sorted(self.state_features_.items(), key=lambda item: -item[1]):
            found[label][name] = weight
        return found

    def summary(self, top: int = 10) -> str:
        """Return a text with the largest and the smallest weights of features and of pairs of labels.

        Args:
            top: how many of each.

        Raises:
            NotFittedError: nothing was learnt yet.
            ValueError, TypeError: `top` is no number of lines.

        >>> model = CRFTagger().fit([[["is:dog"], ["is:barks"]]], [["NOUN", "VERB"]])
        >>> print(model.summary(top=1))
        2 features, 2 labels, 3 weights
        <BLANKLINE>
        labels that follow each other
          +0.3136  NOUN -> VERB
        <BLANKLINE>
        features
          +0.2022  NOUN  is:dog
        """
        self._require_fit()
        top = integer("top", top, 0)
        pairs = [(w, f"{a} -> {b}") for (a, b), w in self.transition_features_.items()]
        width = max(len(str(label)) for label in self.classes_.tolist())
        features = [(w, f"{label!s:<{width}}  {name}") for (name, label), w in self.state_features_.items()]
        head = f"{self.num_attributes_} features, {len(self.classes_)} labels, {len(pairs) + len(features)} weights"
        return "\n".join(
            [head, "", "labels that follow each other", *_ranked(pairs, top), "", "features", *_ranked(features, top)]
        )

    # CRFsuite's files.

    @classmethod
    def load_crfsuite(cls, path: Path) -> Self:
        """Read a model file of CRFsuite (python-crfsuite, sklearn-crfsuite).

        Args:
            path: the file.

        Returns:
            The estimator, fitted, with default settings.

        Raises:
            ValueError: a file of another kind, or a truncated or damaged one.
        """
        found = cls()
        found._begin()
        found.classes_, found.model_ = read_crfsuite(path)
        found.history_, found.n_iter_ = {"loss": []}, 0
        return found

    def save_crfsuite(self, path: Path) -> None:
        """Write a model file that CRFsuite reads.

        Args:
            path: the file; one that exists is replaced only when the new one is complete.

        Raises:
            NotFittedError: nothing was learnt yet.
            ValueError: labels that are not texts.
        """
        self._require_fit()
        write_crfsuite(path, self.classes_, self.model_)


def _bounds(x: Items) -> Iterable[tuple[int, int]]:
    bounds = x.sequences.tolist()
    return pairwise(bounds)


def _ranked(lines: list[tuple[float, str]], top: int) -> list[str]:
    """Return the lines of the largest weights, and of the smallest ones below zero."""
    ordered = sorted(lines, key=lambda line: (-line[0], line[1]))
    lowest = [line for line in ordered[top:][-top:] if line[0] < 0]
    return [f"  {weight:+.4f}  {text}" for weight, text in [*ordered[:top], *lowest]]
