"""How much each word of a text speaks for an answer: by which classifiers tell it, to print and to show in notebooks."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .. import nn, ops
from .._arguments import integer
from ..autograd import Tensor
from ._base import ClassifierMixin
from ._sequences import Sequences

__all__ = ["ExplainingClassifier", "Explanation"]

_ROWS = 256  # texts that are explained together
POINTS = {"gradient": 1, "integrated": 24}
"""At how many points the gradient is taken, by the name of the method."""

_FOR, _AGAINST = (0, 114, 178), (213, 94, 0)
"""Blue and vermilion, which are told apart with any colour vision."""


class Explanation(NamedTuple):
    """A report of how much each word of a text speaks for a label; notebooks colour the words, and so does `plot.highlight`.

    Attributes:
        tokens: the words, [T].
        weights: how much each speaks for the label, [T]: more than 0 for it, less against it.
        label: the label that is explained.
        probability: what the model gives it.

    >>> import numpy as np
    >>> from seqnn.models import Explanation
    >>> print(Explanation(["not", "good"], np.array([0.5, -0.25]), "bad", 0.75))
    bad (0.75): not +0.50, good -0.25
    """

    tokens: Sequence[str]
    weights: np.ndarray
    label: Any
    probability: float

    def __str__(self) -> str:
        words = (f"{token} {weight:+.2f}" for token, weight in zip(self.tokens, self.weights.tolist(), strict=True))
        return f"{self.label} ({self.probability:.2f}): {', '.join(words)}"

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """Return the words that count most, for or against.

        Args:
            count: how many.

        Returns:
            (word, weight), the weightiest first.
        """
        order = np.argsort(-np.abs(self.weights), kind="stable")[: integer("count", count, 0)]
        return [(self.tokens[i], float(self.weights[i])) for i in order.tolist()]

    def _repr_html_(self) -> str:
        """Show the words on backgrounds that say how much they count, in a notebook."""
        most = float(np.abs(self.weights).max(initial=0)) or 1.0
        cells = []
        for token, weight in zip(self.tokens, self.weights.tolist(), strict=True):
            red, green, blue = _FOR if weight > 0 else _AGAINST
            style = f"background:rgba({red},{green},{blue},{0.6 * abs(weight) / most:.2f});padding:0.1em 0.2em"
            cells.append(f'<span style="{style}" title="{weight:+.3f}">{html.escape(token)}</span>')
        label = f"<b>{html.escape(str(self.label))}</b> ({self.probability:.2f})"
        return f'<div style="line-height:2">{label} {" ".join(cells)}</div>'


def explained_classes(labels: np.ndarray, probabilities: np.ndarray, label: Any) -> np.ndarray:
    """Return the number of the class to explain of each example, [N]: that of `label`, or where it is None the best one.

    Args:
        labels: of the classes.
        probabilities: of all classes, [N, classes].
        label: one of the labels, or None.
    """
    if label is None:
        return probabilities.argmax(axis=1)
    if label not in labels.tolist():
        raise ValueError(f"label: expected one of {labels.tolist()}, got {label!r}")
    return np.full(len(probabilities), labels.tolist().index(label))


class ExplainingClassifier(ClassifierMixin):
    """A classifier of texts that tells how much each token speaks for a label.

    Its network has `answer(embedded, lengths)` -> logits; the classifier says how texts become what the network takes.
    """

    _methods: ClassVar[Sequence[str]] = ("gradient", "integrated")
    """By what it can explain."""

    model_: Any

    def explain(self, X: Any, *, method: str = "gradient", label: Any = None) -> list[Explanation]:  # noqa: N803
        """Return how much each token speaks for the label of its text.

        Args:
            X: strings or token lists, as for `fit`.
            method: "gradient": how much each token's vector adds to the log-odds of the label, its gradient times itself;
                "integrated": the same with the mean of the gradients on the way from zero vectors, so that the weights of a
                text add up to what its tokens do together; "attention", where the pooling is this: its weights, which are
                the same for all labels and never negative.
            label: the label to explain, one of `classes_`; default: the predicted one of each.

        Returns:
            For each text an `Explanation`: it is printed, shown in notebooks, and drawn by `plot.highlight`.

        Raises:
            ValueError: an unknown method or label, or the pooling is not "attention".
            TypeError: sequences have no tokens.
        """
        self._require_fit()
        if method not in self._methods:
            *first, last = map(repr, self._methods)
            raise ValueError(f"method: expected {', '.join(first)} or {last}, got {method!r}")
        found = self._texts(X)
        if not found.tokens:
            raise TypeError("X: expected strings or lists of tokens, got numbers: only words can be shown")
        probabilities = self.predict_proba(found.rows)
        classes = explained_classes(self.classes_, probabilities, label)
        encoded, weights = self._encoded(found), [np.zeros(0)] * len(classes)
        order = np.argsort([len(row) for row in encoded], kind="stable")
        for part in np.split(order, range(_ROWS, len(order), _ROWS)):
            embedded, lengths = self._embedded([encoded[i] for i in part])
            if method == "attention":
                table = self._attended(embedded, lengths)
            else:
                answer = partial(self.model_.answer, lengths=lengths)
                table = odds_by_input(self.model_, answer, embedded, classes[part], POINTS[method])
            for i, row, length in zip(part.tolist(), table, lengths, strict=True):
                weights[i] = row[:length].copy()
        labels, rows = self.classes_[classes].tolist(), np.arange(len(classes))
        shares = probabilities[rows, classes].tolist()
        return [Explanation(*row) for row in zip(found.rows, weights, labels, shares, strict=True)]

    def _texts(self, X: Any) -> Sequences:  # noqa: N803
        """Return the tokens of X."""
        raise NotImplementedError

    def _encoded(self, texts: Sequences) -> list[np.ndarray]:
        """Return what the network reads for each token of each text."""
        raise NotImplementedError

    def _embedded(self, rows: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return the vectors [B, T, D] of encoded texts, and their lengths [B]."""
        raise NotImplementedError

    def _attended(self, embedded: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Return the weights [B, T] of the attention."""
        raise NotImplementedError


def odds_by_input(
    network: nn.Module, answer: Callable[[Tensor], Tensor], x: np.ndarray, classes: np.ndarray, steps: int
) -> np.ndarray:
    """Return how much each step adds to the log-odds of a class: gradient times input, summed over the step's numbers.

    Args:
        network: what has the parameters, which need no gradients here.
        answer: from inputs to the logits of all classes, [B, classes].
        x: the inputs [B, ..., D], such as [B, T, D].
        classes: the class of each, [B].
        steps: points at which the gradient is taken. One is the input itself; more lie evenly on the way there from zeros,
            and with the mean of their gradients all steps add nearly the difference of the log-odds between the two ends.

    Returns:
        [B, ...], such as [B, T].

    Sources: Denil, Demiraj, de Freitas, "Extraction of salient sentences from labelled documents", 2014; Sundararajan, Taly,
    Yan, "Axiomatic attribution for deep networks", ICML 2017.
    """
    learnt = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in learnt:
        parameter.requires_grad = False
    try:
        scales = [1.0] if steps == 1 else (np.arange(steps) + 0.5) / steps
        total = sum(_odds_gradient(answer, x * x.dtype.type(s), classes) for s in scales)
    finally:
        for parameter in learnt:
            parameter.requires_grad = True
    return (total * x).sum(axis=-1) / steps


def _odds_gradient(answer: Callable[[Tensor], Tensor], inputs: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the gradient of the log-odds, of the shape of the inputs."""
    x = Tensor(inputs, requires_grad=True)
    logits = answer(x)
    rows = np.arange(len(classes))
    others = logits.numpy().copy()
    others[rows, classes] = -np.inf
    gradient = -ops.softmax(others)
    gradient[rows, classes] = 1.0
    logits.backward(gradient.astype(logits.dtype))
    return x.grad
