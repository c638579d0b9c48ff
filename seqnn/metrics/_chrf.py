"""chrF and chrF++, with sacrebleu's numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._arguments import flag, integer, number
from ._bootstrap import SEED
from ._inputs import MatrixPairs, as_texts, best_of_runs, gather
from ._ngrams import match_pairs, totals
from ._score import Score
from ._tokenizers import CHARACTERS, CHARACTERS_AND_SPACES, CHRF_WORDS
from ._tokens import pack, split

_EPSILON = 1e-16


@dataclass(frozen=True)
class ChrFOptions:
    """The settings of a chrF score, checked."""

    char_order: int = 6
    word_order: int = 0
    beta: float = 2
    lowercase: bool = False
    whitespace: bool = False
    eps_smoothing: bool = False

    def __post_init__(self) -> None:
        integer("char_order", self.char_order, 0, 1000)
        integer("word_order", self.word_order, 0, 1000)
        if self.order == 0:
            raise ValueError("char_order and word_order: expected one of them at least 1, got 0 and 0")
        number("beta", self.beta, minimum=0)
        for name in ("lowercase", "whitespace", "eps_smoothing"):
            flag(name, getattr(self, name))

    @property
    def order(self) -> int:
        """The number of kinds of n-grams."""
        return self.char_order + self.word_order

    @property
    def name(self) -> str:
        """The metric's name, such as chrF2++."""
        return f"chrF{self.beta:g}" + "+" * self.word_order

    def facts(self) -> dict[str, object]:
        """Return what the signature tells."""
        case, effective = "lc" if self.lowercase else "mixed", "no" if self.eps_smoothing else "yes"
        space = "yes" if self.whitespace else "no"
        return {"case": case, "eff": effective, "nc": self.char_order, "nw": self.word_order, "space": space}

    def statistics(self, texts: list[str], groups: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return n-grams of the hypothesis, of the reference, and matches, of each kind: float64 [pairs, order, 3]."""
        packed = pack(texts, groups, lowercase=self.lowercase)
        parts = []
        for tokenizer, order in (
            (CHARACTERS_AND_SPACES if self.whitespace else CHARACTERS, self.char_order),
            (CHRF_WORDS, self.word_order),
        ):
            if order:
                tokens = split(packed, tokenizer)
                hypothesis, reference = (totals(tokens.lengths[side], order) for side in (left, right))
                hypothesis = np.where(reference > 0, hypothesis, 0)  # n-grams count where the reference has any
                parts.append(np.stack([hypothesis, reference, match_pairs(tokens, left, right, order)], -1))
        return np.concatenate(parts, 1).astype(np.float64)

    def compute(self, statistics: np.ndarray) -> np.ndarray:
        """Return the scores of statistics [..., order, 3]."""
        hypothesis, reference, match = np.moveaxis(statistics, -1, 0)
        precision = np.divide(match, hypothesis, where=hypothesis > 0, out=np.full(match.shape, _EPSILON))
        recall = np.divide(match, reference, where=reference > 0, out=np.full(match.shape, _EPSILON))
        if self.eps_smoothing:
            f = _f_score(precision, recall, self.beta, _EPSILON)
            return 100 * f.sum(-1) / self.order
        present = (hypothesis > 0) & (reference > 0)
        orders = np.maximum(present.sum(-1), 1)
        mean_precision = np.where(present, precision, 0).sum(-1) / orders
        mean_recall = np.where(present, recall, 0).sum(-1) / orders
        return 100 * _f_score(mean_precision, mean_recall, self.beta, 0)


def _f_score(precision: np.ndarray, recall: np.ndarray, beta: float, otherwise: float) -> np.ndarray:
    """Return (1 + beta²) P R / (beta² P + R), `otherwise` where the denominator is 0."""
    factor = beta**2
    below = factor * precision + recall
    return np.divide(
        (1 + factor) * precision * recall, below, where=below > 0, out=np.full(below.shape, float(otherwise))
    )


def chrf(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str | None]] | Sequence[str],
    char_order: int = 6,
    word_order: int = 0,
    beta: float = 2,
    lowercase: bool = False,
    whitespace: bool = False,
    eps_smoothing: bool = False,
    *,
    n_bootstrap: int = 0,
    seed: int = SEED,
) -> Score:
    """Compute the chrF or chrF++ score of a corpus, with sacrebleu's numbers.

    chrF = (1 + beta²) P R / (beta² P + R), where P and R are the means over character n-grams of orders 1 to `char_order`
    (and word n-grams to `word_order`) of the share of the hypotheses' n-grams that match, and of the references'. Of
    several references the one with the best score of a segment counts.

    Args:
        hypotheses: n strings.
        references: streams of n strings each, as in `bleu`; with one reference each also n strings.
        char_order: the largest order of character n-grams (default 6).
        word_order: the largest order of word n-grams (default 0; 2 is chrF++).
        beta: how much more recall counts than precision (default 2).
        lowercase: whether case is ignored.
        whitespace: whether n-grams hold the spaces as well.
        eps_smoothing: whether each order counts, smoothed by 1e-16, as in chrF++.py, instead of those that occur.
        n_bootstrap: resamples for a confidence interval, such as 1000 (default 0: none).
        seed: the seed of the resamples (default 12345).

    Returns:
        The score, 0 to 100; printed, it reads as sacrebleu's. Its `statistics` are float64 [segments, order, 3]: n-grams
        of hypothesis and reference, matches.

    Raises:
        TypeError: what is no string.
        ValueError: no hypothesis, references that are transposed or of another number, an unknown setting.

    M. Popović, "chrF: character n-gram F-score for automatic MT evaluation", WMT 2015; "chrF++: words helping character
    n-grams", WMT 2017.

    >>> from seqnn.metrics import chrf
    >>> chrf(["the cat is on the mat"], ["there is a cat on the mat"])
    chrF2 = 47.89
    >>> chrf(["the cat is on the mat"], ["there is a cat on the mat"], word_order=2)
    chrF2++ = 49.42
    """
    options = ChrFOptions(char_order, word_order, beta, lowercase, whitespace, eps_smoothing)
    segments = gather(hypotheses, references)
    left, right, counts = segments.pairs()
    statistics = options.statistics(segments.texts, segments.groups, left, right)
    if segments.references != 1:
        statistics = statistics[best_of_runs(options.compute(statistics), counts)]
    return Score(statistics, options, segments.references, n_bootstrap, seed)


def sentence_chrf(
    hypothesis: str,
    references: Sequence[str],
    char_order: int = 6,
    word_order: int = 0,
    beta: float = 2,
    lowercase: bool = False,
    whitespace: bool = False,
    eps_smoothing: bool = False,
) -> Score:
    """Compute the chrF or chrF++ score of one sentence, with sacrebleu's numbers.

    Args:
        hypothesis: the sentence.
        references: its references.
        char_order: as in `chrf`.
        word_order: as in `chrf`.
        beta: as in `chrf`.
        lowercase: as in `chrf`.
        whitespace: as in `chrf`.
        eps_smoothing: as in `chrf`.

    Returns:
        The score.

    Raises:
        TypeError: what is no string; a single string as references.
        ValueError: no reference, an unknown setting.

    >>> from seqnn.metrics import sentence_chrf
    >>> sentence_chrf("the cat is on the mat", ["there is a cat on the mat", "the cat sits on the mat"])
    chrF2 = 65.42
    """
    streams = [[reference] for reference in as_texts("references", references)]
    return chrf([hypothesis], streams, char_order, word_order, beta, lowercase, whitespace, eps_smoothing)


def chrf_matrix(
    hypotheses: Sequence[str],
    references: Sequence[str],
    char_order: int = 6,
    word_order: int = 0,
    beta: float = 2,
    lowercase: bool = False,
    whitespace: bool = False,
    eps_smoothing: bool = False,
) -> np.ndarray:
    """Compute the chrF score of each hypothesis against each reference, as a utility for minimum Bayes risk decoding.

    Args:
        hypotheses: H strings.
        references: R strings.
        char_order: as in `chrf`.
        word_order: as in `chrf`.
        beta: as in `chrf`.
        lowercase: as in `chrf`.
        whitespace: as in `chrf`.
        eps_smoothing: as in `chrf`.

    Returns:
        float64 [H, R]: `sentence_chrf(hypotheses[i], [references[j]]).score` at [i, j].

    Raises:
        TypeError: what is no string.
        ValueError: an unknown setting.

    >>> from seqnn.metrics import chrf_matrix
    >>> chrf_matrix(["a cat", "the cat"], ["a cat", "cats"]).round(1).tolist()
    [[100.0, 47.9], [42.3, 42.3]]
    """
    options = ChrFOptions(char_order, word_order, beta, lowercase, whitespace, eps_smoothing)
    pairs = MatrixPairs.of(hypotheses, references)
    statistics = options.statistics(pairs.texts, np.array([0, len(pairs.texts)]), pairs.left, pairs.right)
    return pairs.arrange(options.compute(statistics))
