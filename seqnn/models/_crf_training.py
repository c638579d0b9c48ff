"""Training of a conditional random field over features: which features there are, and their weights."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from .. import _core
from .._arguments import warn_caller
from .._progress import progress_bar
from ..optim import dot
from ..text import Scanner
from ._base import ConvergenceWarning, as_seed, theirs_too
from ._crf_items import Items, without_zeros
from ._crf_model import CRFModel
from ._crf_solver import minimize

History = dict[str, list]


class Training:
    """Sequences with tags, an index of the items by their attributes, and the pairs that get a weight.

    Args:
        x: the items.
        tags: int32, one for each item.
        scanner: the names of the attributes.
        labels: how many labels there are.
        settings: of the tagger.
    """

    def __init__(self, x: Items, tags: np.ndarray, scanner: Scanner, labels: int, settings: SimpleNamespace) -> None:
        self.tags, self.size, self.names = tags, labels, scanner.packed()
        self._index(x, scanner.words)
        counted = self.begins, self.places, tags, labels, settings.min_freq, settings.all_possible_states, self.sorted
        counts, _, _ = _core.crf_tagger_count(*counted)
        self.first = np.concatenate([[0], np.cumsum(counts)])
        _, self.labels, self.frequency = _core.crf_tagger_count(*counted, self.first, int(self.first[-1]))
        self._index(without_zeros(x), scanner.words)  # they make features, and have no effect from here on
        self.pairs = _count_pairs(x, tags, labels)
        allowed = (self.pairs > 0) | settings.all_possible_transitions
        self.allowed = allowed & (self.pairs >= settings.min_freq)

    def _index(self, x: Items, attributes: int) -> None:
        """List the items that have each attribute."""
        self.x, self.begins = x, np.zeros(attributes + 1, np.int64)
        self.places, self.sorted = _core.crf_tagger_index(
            x.items, x.ids, self.begins, x.values, sorted=x.values is not None
        )

    def model(self, weights: np.ndarray, transitions: np.ndarray) -> CRFModel:
        """Return the model with these weights [K] and transitions [L, L]."""
        return CRFModel(*self.names, self.first, self.labels, weights, transitions)


def _count_pairs(x: Items, tags: np.ndarray, labels: int) -> np.ndarray:
    """Return how often label j comes after label i, [L, L]."""
    inside = np.ones(len(tags), bool)
    inside[x.sequences[:-1][np.diff(x.sequences) > 0]] = False  # the first items have none before them
    after = np.flatnonzero(inside)
    pairs = tags[after - 1].astype(np.int64) * labels + tags[after]
    return np.bincount(pairs, minlength=labels**2).reshape(labels, labels).astype(float)


def train_lbfgs(training: Training, settings: SimpleNamespace) -> tuple[CRFModel, History]:
    """Return the model at the minimum, and the losses on the way."""
    t, x, states = training, training.x, len(training.labels)
    observed = np.concatenate([t.frequency, t.pairs[t.allowed]])
    transitions = np.zeros((t.size, t.size))

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        transitions[t.allowed] = weights[states:]
        losses, expected, pairs = _core.crf_tagger_gradient(
            x.sequences, x.items, x.ids, t.tags, t.first, t.labels, weights[:states], transitions, t.begins, t.places,
            x.values, t.sorted,
        )  # fmt: skip
        gradient = np.concatenate([expected, pairs[t.allowed]])
        gradient -= observed
        gradient += 2 * settings.c2 * weights
        return float(losses.sum()) + settings.c2 * dot(weights, weights), gradient

    settings.epsilon = 1e-5 if settings.epsilon is None else settings.epsilon
    with progress_bar("fit", " steps", show=settings.verbose > 0, total=settings.max_iterations) as bar:

        def show(value: float) -> None:
            bar.update(1)
            bar.set_postfix(loss=value)

        found = minimize(loss, len(observed), settings, show)
    if found.problem:
        warn_caller(
            f"CRFTagger: not converged after {len(found.losses)} steps: {found.problem}",
            theirs_too(ConvergenceWarning),
        )
    transitions[t.allowed] = found.weights[states:]
    return t.model(found.weights[:states], transitions), {"loss": found.losses}


def train_perceptron(training: Training, settings: SimpleNamespace) -> tuple[CRFModel, History]:
    """Return the model whose weights are the mean of those after each sequence, and the shares of wrong labels."""
    t, x = training, training.x
    passes = 100 if settings.max_iterations is None else settings.max_iterations
    count = len(x.sequences) - 1
    rng = np.random.default_rng(as_seed(settings.random_state))
    weights, sums = np.zeros((2, len(t.labels)))
    transitions, transition_sums = np.zeros((2, t.size, t.size))
    losses: list[float] = []
    with progress_bar("fit", " passes", show=settings.verbose > 0, total=passes) as bar:
        for done in range(passes):
            order = rng.permutation(count).astype(np.int32)
            wrong = _core.crf_tagger_perceptron(
                x.sequences, x.items, x.ids, t.tags, order, t.first, t.labels, weights, sums, transitions,
                transition_sums, t.allowed, 1 + done * count, x.values,
            )  # fmt: skip
            losses.append(float(wrong[0]) / count)
            bar.update(1)
            bar.set_postfix(loss=losses[-1])
            if losses[-1] < (settings.epsilon or 0) or not losses[-1]:
                break
    time = 1 + len(losses) * count
    return t.model(weights - sums / time, transitions - transition_sums / time), {"loss": losses}
