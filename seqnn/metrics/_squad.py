"""Exact match and F1 of answers, as SQuAD's scripts compute them."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ._inputs import as_texts, check_strings

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


class AnswerScore(NamedTuple):
    """A score of answers.

    Attributes:
        exact_match: the share of questions whose answer is right, 0 to 100.
        f1: the mean over questions of the F1 of words, 0 to 100.

    >>> from seqnn.metrics import squad_score
    >>> squad_score(["in 1066"], [["1066"]]).exact_match
    0.0
    """

    exact_match: float
    f1: float


def normalize_answer(text: str) -> str:
    """Return an answer in lower case, without punctuation, articles and repeated spaces, as SQuAD compares them.

    Args:
        text: the answer.

    Returns:
        What answers are compared by.

    >>> from seqnn.metrics import normalize_answer
    >>> normalize_answer("The  Broncos, (Denver)!")
    'broncos denver'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def answer_pair(prediction: str, answer: str, *, empty_matches: bool = True) -> tuple[float, float]:
    """Return exact match and F1, 0 to 1, of one answer."""
    given, wanted = normalize_answer(prediction), normalize_answer(answer)
    exact = float(given == wanted)
    words, other = given.split(), wanted.split()
    if empty_matches and not (words and other):
        return exact, exact
    common = sum((Counter(words) & Counter(other)).values())
    return exact, 2 * common / (len(words) + len(other)) if common else 0.0


def squad_score(predictions: Sequence[str], answers: Sequence[Sequence[str]], *, version: str = "2.0") -> AnswerScore:
    """Compute exact match and F1 of answers, with the numbers of SQuAD's scripts.

    Of several right answers to a question the one that fits best counts, for each score.

    Args:
        predictions: an answer for each of n questions, "" for none.
        answers: the right answers to each question; none at all, or "", where it has no answer.
        version: "2.0" (default): where one of two answers has no word left, F1 is 1 if the other has none either; "1.1":
            it is 0.

    Returns:
        The means over questions, 0 to 100.

    Raises:
        TypeError: what is no string.
        ValueError: different numbers of questions, no question, an unknown version.

    P. Rajpurkar et al., "SQuAD: 100,000+ questions for machine comprehension of text", EMNLP 2016; "Know what you don't
    know: unanswerable questions for SQuAD", ACL 2018.

    >>> from seqnn.metrics import squad_score
    >>> squad_score(["the Denver Broncos", "in 1066"], [["Denver Broncos"], ["1066", "the year 1066"]])
    AnswerScore(exact_match=50.0, f1=83.33...)
    """
    if version not in ("1.1", "2.0"):
        raise ValueError(f"version: expected '1.1' or '2.0', got {version!r}")
    return best_answers(predictions, answers, empty_matches=version == "2.0")


def best_answers(predictions: Any, answers: Any, *, empty_matches: bool) -> AnswerScore:
    """Return the means over questions of the best score over right answers, 0 to 100."""
    given, wanted = as_texts("predictions", predictions), as_texts("answers", answers)
    check_strings("predictions", given)
    if len(given) != len(wanted):
        raise ValueError(f"predictions: expected {len(wanted)} answers, one for each question, got {len(given)}")
    if not given:
        raise ValueError("predictions: expected at least one answer, got none")
    scores = np.zeros((len(given), 2))
    for place, (prediction, right) in enumerate(zip(given, wanted, strict=True)):
        options = as_texts(f"answers[{place}]", right)
        check_strings(f"answers[{place}]", options)
        if empty_matches:
            options = [option for option in options if normalize_answer(option)]
        pairs = [answer_pair(prediction, option, empty_matches=empty_matches) for option in options or [""]]
        scores[place] = np.max(pairs, axis=0)
    return AnswerScore(*map(float, 100 * scores.mean(0)))
