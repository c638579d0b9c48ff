"""Models that find the answer to a question in a passage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .._arguments import integer, number
from ..models import by_length, n_best_spans
from ..text import pad
from ._base import PretrainedModel
from ._windows import Window, question_windows

__all__ = ["Answer", "Answers", "QuestionAnswerer", "find_answers"]


class Answer(NamedTuple):
    """A span of a passage.

    >>> from seqnn.pretrained import Answer
    >>> Answer("Denver", 0, 6, 9.5, 0.8).text
    'Denver'
    """

    text: str
    """The answer; empty where it is that there is none."""

    start: int
    """The letter of the passage with which it begins."""

    end: int
    """The letter after its last one."""

    score: float
    """The sum of the two logits."""

    probability: float
    """The softmax over the answers that were found, and over that there is none."""


class Answers(NamedTuple):
    """The answers that a model finds for a question.

    >>> from seqnn.pretrained import Answer, Answers
    >>> Answers([Answer("Denver", 0, 6, 9.5, 1.0)], -3.0).best(null_threshold=0.0)
    'Denver'
    """

    spans: list[Answer]
    """The best spans with different texts, the best first."""

    null_score: float
    """The score of that there is no answer: the least of all windows."""

    def best(self, null_threshold: float | None = None) -> str:
        """Return the text of the best span, "" where there is none.

        Args:
            null_threshold: "" is returned, too, where the score of no answer is more than this above that of the best span;
                None: each question has an answer.
        """
        if not self.spans:
            return ""
        worse = null_threshold is not None and self.null_score - self.spans[0].score > null_threshold
        return "" if worse else self.spans[0].text


class QuestionAnswerer(PretrainedModel):
    """A model with a head for spans: the start and the end of the answer in a passage.

    Args:
        loaded, tokenizer, folder: as for `PretrainedModel`.

    >>> from pathlib import Path
    >>> from types import SimpleNamespace
    >>> from seqnn.models import BERT, SpanHead, WithHead
    >>> from seqnn.pretrained import QuestionAnswerer
    >>> model = WithHead(BERT(20, d_model=8, nhead=2, num_layers=1, pooler=False), SpanHead(8)).eval()
    >>> QuestionAnswerer(SimpleNamespace(model=model, config={}), None, Path()).answer("Who won?", "Denver won.")
    Traceback (most recent call last):
    ValueError: questions: expected token ids, got texts: ...
    """

    def answer(self, questions: Any, contexts: Any, *, null_threshold: float | None = None, **options: Any) -> Any:
        """Return the answer to each question, as its passage says it.

        Args:
            questions: a text, or several.
            contexts: the passage of each; one text: of all.
            null_threshold: as for `Answers.best`; default: each question has an answer.
            options: as for `answers`.

        Returns:
            A list of texts; one text for one question.

        Raises:
            ValueError: as for `answers`.
        """
        if null_threshold is not None:
            number("null_threshold", null_threshold)
        found = self.answers(questions, contexts, **options)
        return found.best(null_threshold) if isinstance(found, Answers) else [one.best(null_threshold) for one in found]

    def answers(
        self,
        questions: Any,
        contexts: Any,
        *,
        n_best: int = 20,
        max_answer_length: int = 30,
        max_length: int = 384,
        overlap: int = 128,
        max_question_length: int = 64,
        batch_size: int = 32,
    ) -> Any:
        """Return the best spans for each question.

        A long passage is read in windows that overlap; each position counts in all windows that hold it.

        Args:
            questions: a text, or several.
            contexts: the passage of each; one text: of all.
            n_best: the most spans; of those with equal texts the best counts.
            max_answer_length: the most tokens of one.
            max_length: the most tokens of a window, with the question; at most the positions of the model.
            overlap: tokens that two windows share (transformers call it stride).
            max_question_length: the most tokens of a question; the rest is left out.
            batch_size: windows that are read at once.

        Returns:
            A list of `Answers`; one of them for one question.

        Raises:
            TypeError: something is no text.
            ValueError: there are not as many passages as questions, or a window has no room for the passage.
        """
        for name, given in (("questions", questions), ("contexts", contexts)):
            if not hasattr(given, "__iter__"):
                raise TypeError(f"{name}: expected a text or several, got {type(given).__name__}")
        single = isinstance(questions, str)
        asked = [questions] if single else [*questions]
        passages = [contexts] * len(asked) if isinstance(contexts, str) else [*contexts]
        size = integer("batch_size", batch_size, 1)
        longest, _ = integer("max_length", max_length, 1), integer("max_answer_length", max_answer_length, 1)
        for name, texts in (("questions", asked), ("contexts", passages)):
            wrong = next((i for i, text in enumerate(texts) if not isinstance(text, str)), None)
            if wrong is not None:
                raise TypeError(f"{name}: expected texts, got {texts[wrong]!r:.60} at {wrong}")
        if len(asked) != len(passages):
            raise ValueError(f"contexts: expected {len(asked)} passages, one for each question, got {len(passages)}")
        limit = getattr(self.model.encoder, "max_positions", max_length)
        windows = question_windows(
            self._need_tokenizer("questions"), asked, passages, max_length=min(longest, limit), overlap=overlap,
            max_question_length=max_question_length,
        )  # fmt: skip
        segments = getattr(self.model.encoder, "segments", None)
        further = segments is not None and len(segments.weight) > 1

        def read(part: list[Window]) -> np.ndarray:
            ids, lengths = pad([window.ids for window in part])
            kinds = (pad([window.segments for window in part])[0],) if further else ()
            return self.model(ids, lengths, *kinds).numpy()

        logits = by_length(windows, size, read)
        found = find_answers(windows, logits, passages, n_best=n_best, max_answer_length=max_answer_length)
        return found[0] if single else found


def find_answers(
    windows: Sequence[Window],
    logits: Sequence[np.ndarray],
    contexts: Sequence[str],
    *,
    n_best: int,
    max_answer_length: int,
) -> list[Answers]:
    """Return the best spans of each passage out of those of its windows.

    Args:
        windows: of all questions.
        logits: of each window, [T, 2]; what comes after its tokens is padding.
        contexts: the passage of each question.
        n_best: how many spans of a question.
        max_answer_length: the most tokens of one.
    """
    integer("n_best", n_best, 1)
    found: list[list[tuple[float, int, int]]] = [[] for _ in contexts]
    nulls = np.full(len(contexts), np.inf)
    for window, padded in zip(windows, logits, strict=True):
        row = padded[: len(window)]
        nulls[window.question] = min(nulls[window.question], float(row[0].sum()))
        if window.inside.any():
            spans = n_best_spans(row[None], n_best, max_length=max_answer_length, allowed=window.inside[None])
            for start, end, score in zip(*(part[0] for part in spans), strict=True):
                if np.isfinite(score):
                    letters = int(window.letters[start, 0]), int(window.letters[end, 1])
                    found[window.question].append((float(score), *letters))
    return [
        _answers(spans, null, context, n_best)
        for spans, null, context in zip(found, nulls.tolist(), contexts, strict=True)
    ]


def _answers(spans: list[tuple[float, int, int]], null: float, context: str, n_best: int) -> Answers:
    """Return the spans with different texts, the best first, with their probabilities."""
    chosen: dict[str, tuple[float, int, int]] = {}
    for score, start, end in sorted(spans, key=lambda span: (-span[0], span[1], span[2])):
        text = context[start:end].strip()
        if text and text not in chosen and len(chosen) < n_best:
            first = start + context[start:end].index(text)
            chosen[text] = score, first, first + len(text)
    scores = np.array([null, *(score for score, _, _ in chosen.values())])
    chances = np.exp(scores - scores.max())
    chances = (chances / chances.sum())[1:].tolist()
    answers = [
        Answer(text, start, end, score, chance)
        for (text, (score, start, end)), chance in zip(chosen.items(), chances, strict=True)
    ]
    return Answers(answers, null)
