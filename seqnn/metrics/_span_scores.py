"""Scores of spans, and how they print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class SpanScore(NamedTuple):
    """A score of spans.

    Attributes:
        precision: the share of the predicted spans that are right, 0 to 1.
        recall: the share of the gold spans that were found, 0 to 1.
        f1: their harmonic mean.
        gold: how many spans there are.
        predicted: how many were predicted.
        correct: how many of these are right.

    >>> from seqnn.metrics import SpanScore
    >>> SpanScore.of(gold=4, predicted=2, correct=1).precision
    0.5
    """

    precision: float
    recall: float
    f1: float
    gold: int
    predicted: int
    correct: int

    @classmethod
    def of(cls, gold: int, predicted: int, correct: int) -> SpanScore:
        """Return the score of counts; what cannot be divided is 0.

        Args:
            gold: how many spans there are.
            predicted: how many were predicted.
            correct: how many of these are right.
        """
        precision = correct / predicted if predicted else 0.0
        recall = correct / gold if gold else 0.0
        f1 = 2 * precision * recall / (precision + recall) if correct else 0.0
        return cls(precision, recall, f1, gold, predicted, correct)


@dataclass(frozen=True)
class SpanScores:
    """A score of predicted spans with its parts; printed, it reads as conlleval's output.

    Args:
        mode: how spans were found, "conlleval" or "strict".
        scheme: the scheme of the tags; None in mode "conlleval" without one.
        types: a score for each type of span, by its name.
        micro: the score of all spans together.
        accuracy: the share of tokens whose tag is right.
        tokens: the number of tokens.

    >>> from seqnn.metrics import span_f1
    >>> scores = span_f1([["B-PER", "O", "B-LOC"]], [["B-PER", "O", "O"]], mode="conlleval")
    >>> scores.types["PER"].f1, scores.macro.f1, scores.micro.recall
    (1.0, 0.5, 0.5)
    """

    mode: str
    scheme: str | None
    types: dict[str, SpanScore]
    micro: SpanScore
    accuracy: float
    tokens: int

    @property
    def precision(self) -> float:
        """The share of the predicted spans that are right."""
        return self.micro.precision

    @property
    def recall(self) -> float:
        """The share of the spans that were found."""
        return self.micro.recall

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return self.micro.f1

    @property
    def macro(self) -> SpanScore:
        """The means over types, each type as important as any other."""
        return self._mean([1] * len(self.types))

    @property
    def weighted(self) -> SpanScore:
        """The means over types, each as important as its number of spans."""
        return self._mean([score.gold for score in self.types.values()])

    def _mean(self, weights: list[int]) -> SpanScore:
        total = sum(weights)
        shares = [weight / total if total else 0.0 for weight in weights]
        means = [
            sum(share * score[i] for share, score in zip(shares, self.types.values(), strict=True)) for i in range(3)
        ]
        return SpanScore(*means, *self.micro[3:])

    def __str__(self) -> str:
        micro = self.micro
        mode = self.mode if self.scheme is None else f"{self.mode}, {self.scheme}"
        lines = [
            f"processed {self.tokens} tokens with {micro.gold} phrases; found: {micro.predicted} phrases; "
            f"correct: {micro.correct}. (mode: {mode})",
            f"accuracy: {100 * self.accuracy:6.2f}%; {_percent(micro)}",
            *(f"{name:>17}: {_percent(score)}  {score.predicted}" for name, score in self.types.items()),
        ]
        return "\n".join(lines)


def _percent(score: SpanScore) -> str:
    precision, recall, f1 = (100 * value for value in score[:3])
    return f"precision: {precision:6.2f}%; recall: {recall:6.2f}%; FB1: {f1:6.2f}"
