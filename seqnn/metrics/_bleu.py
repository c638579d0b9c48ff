"""BLEU, with sacrebleu's numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from .._arguments import flag, integer, number, warn_caller
from ._bootstrap import SEED
from ._inputs import MatrixPairs, Segments, as_texts, gather
from ._ngrams import match_merged, match_pairs, totals
from ._score import Score
from ._tokenizers import BLEU
from ._tokens import Tokens, numbered, pack, split

Tokenize = Literal["none", "13a", "intl", "char", "zh"] | Callable[[str], Sequence[str]]
Smoothing = Literal["none", "floor", "add-k", "exp"]
_SMOOTHING: dict[str, float | None] = {"none": None, "floor": 0.1, "add-k": 1.0, "exp": None}
"""Methods with the default of their value."""

_LOG_OF_ZERO = -9999999999.0
_TOKENIZED = 100
"""Hypotheses that end in " ." from which on a text counts as tokenized before."""


@dataclass(frozen=True)
class BLEUOptions:
    """The settings of a BLEU score, checked."""

    tokenize: Tokenize = "13a"
    smooth_method: Smoothing = "exp"
    smooth_value: float | None = None
    lowercase: bool = False
    effective_order: bool = False
    max_ngram_order: int = 4
    name: ClassVar[str] = "BLEU"

    def __post_init__(self) -> None:
        if not callable(self.tokenize) and self.tokenize not in BLEU:
            raise ValueError(f"tokenize: expected one of {', '.join(BLEU)}, or a function, got {self.tokenize!r}")
        if self.smooth_method not in _SMOOTHING:
            raise ValueError(f"smooth_method: expected one of {', '.join(_SMOOTHING)}, got {self.smooth_method!r}")
        if self.smooth_value is not None:
            number("smooth_value", self.smooth_value, minimum=0)
        flag("lowercase", self.lowercase)
        flag("effective_order", self.effective_order)
        integer("max_ngram_order", self.max_ngram_order, 1, 1000)

    def tokens(self, texts: list[str], groups: np.ndarray) -> Tokens:
        """Return the texts as token ids."""
        if callable(self.tokenize):
            return numbered(self.tokenize(text.lower() if self.lowercase else text) for text in texts)
        return split(pack(texts, groups, lowercase=self.lowercase), BLEU[self.tokenize])

    def facts(self) -> dict[str, object]:
        """Return what the signature tells."""
        smooth = self.smooth_method
        if _SMOOTHING[smooth] is not None:
            smooth += f"[{self._value:.2f}]"
        name = getattr(self.tokenize, "__name__", type(self.tokenize).__name__)
        tokenize = name if callable(self.tokenize) else self.tokenize
        case = "lc" if self.lowercase else "mixed"
        return {"case": case, "eff": "yes" if self.effective_order else "no", "tok": tokenize, "smooth": smooth}

    def _counts(self, statistics: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return matching n-grams and all, after "add-k", and which orders come before the first that has none."""
        order = self.max_ngram_order
        correct, total = statistics[..., 2 : 2 + order] + 0.0, statistics[..., 2 + order :] + 0.0
        if self.smooth_method == "add-k":
            correct[..., 1:] += self._value
            total[..., 1:] += self._value
        return correct, total, np.logical_and.accumulate(total > 0, axis=-1)

    @property
    def _value(self) -> float | None:
        return _SMOOTHING[self.smooth_method] if self.smooth_value is None else self.smooth_value

    def precisions(self, statistics: np.ndarray) -> np.ndarray:
        """Return the precisions of each order in per cent, after smoothing: [..., order]."""
        correct, total, present = self._counts(statistics)
        zero = present & (correct == 0)
        if self.smooth_method == "exp":
            correct = np.where(zero, 0.5 ** np.cumsum(zero, -1), correct)
        elif self.smooth_method == "floor":
            correct = np.where(zero, self._value, correct)
        precisions = 100 * correct / np.where(total > 0, total, 1)
        return np.where(present & self._has_match(statistics)[..., None], precisions, 0)

    def _has_match(self, statistics: np.ndarray) -> np.ndarray:
        return statistics[..., 2 : 2 + self.max_ngram_order].any(-1)

    def compute(self, statistics: np.ndarray) -> np.ndarray:
        """Return the scores of statistics [..., 2 + 2 order]."""
        precisions = self.precisions(statistics)
        logs = np.log(precisions, where=precisions > 0, out=np.full(precisions.shape, _LOG_OF_ZERO))
        used: Any = self.max_ngram_order
        if self.effective_order:
            used = np.maximum(self._counts(statistics)[2].sum(-1), 1)
            logs = np.where(np.arange(self.max_ngram_order) < used[..., None], logs, 0)
        scores = brevity_penalty(statistics) * np.exp(logs.sum(-1) / used)
        scores = np.where(
            np.abs(scores - 100) < 1e-9, 100, scores
        )  # the exponential of the logarithm of 100 is above 100
        return np.where(self._has_match(statistics), scores, 0)


def brevity_penalty(statistics: np.ndarray) -> np.ndarray:
    """Return exp(1 - reference length / length) where the hypotheses are shorter, else 1."""
    length, reference = statistics[..., 0], statistics[..., 1]
    ratio = np.divide(reference, length, where=length > 0, out=np.full(np.shape(length), np.inf))
    return np.exp(np.minimum(1 - ratio, 0), where=(length > 0) | (reference > 0), out=np.ones(np.shape(length)))


class BLEUScore(Score):
    """A BLEU score with its parts.

    Args:
        statistics: float64 [segments, 2 + 2 order]: length, reference length, matches, n-grams of each order.
        options: the settings.
        references: how many references each segment has, None where the numbers differ.
        n_bootstrap: resamples for the confidence interval (default 0: none).
        seed: the seed of the resamples (default 12345).

    Attributes:
        score: the score, 0 to 100.
        precisions: of each order, in per cent, after smoothing.
        counts: the matching n-grams of each order.
        totals: the n-grams of each order.
        bp: the brevity penalty.
        sys_len: the tokens of the hypotheses.
        ref_len: the tokens of the references that are closest in length.
        signature: what made the score.
        interval: None, or after a bootstrap the mean of the resamples' scores with its 95 % interval.

    >>> from seqnn.metrics import bleu
    >>> score = bleu(["the cat sat on the mat"], ["the cat sat on a mat"])
    >>> score.counts, score.totals, score.bp
    ([5, 3, 2, 1], [6, 5, 4, 3], 1.0)
    """

    def __init__(
        self,
        statistics: np.ndarray,
        options: BLEUOptions,
        references: int | None,
        n_bootstrap: int = 0,
        seed: int = SEED,
    ) -> None:
        super().__init__(statistics, options, references, n_bootstrap, seed)
        sums, order = statistics.sum(0), options.max_ngram_order
        self.precisions: list[float] = options.precisions(sums).tolist()
        self.bp = float(brevity_penalty(sums))
        self.sys_len, self.ref_len = int(sums[0]), int(sums[1])
        self.counts: list[int] = sums[2 : 2 + order].astype(int).tolist()
        self.totals: list[int] = sums[2 + order :].astype(int).tolist()

    @property
    def ratio(self) -> float:
        """The hypotheses' length over the references'."""
        return self.sys_len / self.ref_len if self.ref_len else 0.0

    def details(self) -> str:
        """Return precisions, brevity penalty and lengths as sacrebleu prints them."""
        precisions = "/".join(f"{p:.1f}" for p in self.precisions)
        lengths = f"hyp_len = {self.sys_len} ref_len = {self.ref_len}"
        return f"{precisions} (BP = {self.bp:.3f} ratio = {self.ratio:.3f} {lengths})"


def bleu(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str | None]] | Sequence[str],
    tokenize: Tokenize = "13a",
    smooth_method: Smoothing = "exp",
    smooth_value: float | None = None,
    lowercase: bool = False,
    effective_order: bool = False,
    *,
    max_ngram_order: int = 4,
    n_bootstrap: int = 0,
    seed: int = SEED,
) -> BLEUScore:
    """Compute the BLEU score of a corpus, with sacrebleu's numbers.

    BLEU = BP exp(mean over n of log p_n), where p_n is the share of the hypotheses' n-grams that occur in a reference,
    each counted at most as often as in one reference, and BP = min(1, exp(1 - r / c)) with the c tokens of the hypotheses
    and the r tokens of the references that are closest to them in length.

    Args:
        hypotheses: n strings, such as a system's translations.
        references: streams of n strings each: references[j][i] is the j-th reference of hypothesis i, None where it has
            fewer. With one reference each also n strings.
        tokenize: sacrebleu's tokenizers "13a" (default), "intl", "char", "zh", "none" (split at whitespace), or a
            function from a string to its tokens.
        smooth_method: what a precision of zero becomes: "exp" (default), "floor", "add-k", "none".
        smooth_value: the value of "floor" (default 0.1) and "add-k" (default 1).
        lowercase: whether case is ignored.
        effective_order: whether orders without any n-gram are left out, as is usual for single sentences.
        max_ngram_order: the largest n (default 4).
        n_bootstrap: resamples for a confidence interval, such as 1000 (default 0: none).
        seed: the seed of the resamples (default 12345).

    Returns:
        The score with its parts; printed, it reads as sacrebleu's.

    Raises:
        TypeError: what is no string.
        ValueError: no hypothesis, references that are transposed or of another number, an unknown setting.

    K. Papineni et al., "BLEU: a method for automatic evaluation of machine translation", ACL 2002; M. Post, "A call for
    clarity in reporting BLEU scores", WMT 2018.

    >>> from seqnn.metrics import bleu
    >>> bleu(["The dog bit the man."], [["The dog bit the man."], ["The dog had bitten the man."]])
    BLEU = 100.00 100.0/100.0/100.0/100.0 (BP = 1.000 ratio = 1.000 hyp_len = 6 ref_len = 6)
    >>> bleu(["the cat is on the mat"], ["there is a cat on the mat"], smooth_method="floor").score
    19.4330...
    """
    options = BLEUOptions(tokenize, smooth_method, smooth_value, lowercase, effective_order, max_ngram_order)
    segments = gather(hypotheses, references)
    _warn_of_tokens(segments, options)
    tokens = options.tokens(segments.texts, segments.groups)
    return BLEUScore(_statistics(tokens, segments, max_ngram_order), options, segments.references, n_bootstrap, seed)


def sentence_bleu(
    hypothesis: str,
    references: Sequence[str],
    tokenize: Tokenize = "13a",
    smooth_method: Smoothing = "exp",
    smooth_value: float | None = None,
    lowercase: bool = False,
    effective_order: bool = True,
    *,
    max_ngram_order: int = 4,
) -> BLEUScore:
    """Compute the BLEU score of one sentence, with sacrebleu's numbers.

    Args:
        hypothesis: the sentence.
        references: its references.
        tokenize: as in `bleu`.
        smooth_method: as in `bleu`.
        smooth_value: as in `bleu`.
        lowercase: as in `bleu`.
        effective_order: whether orders without any n-gram are left out (default True, as in sacrebleu).
        max_ngram_order: as in `bleu`.

    Returns:
        The score with its parts.

    Raises:
        TypeError: what is no string; a single string as references.
        ValueError: no reference, an unknown setting.

    `bleu(...).segment_scores()` and `bleu_matrix` score many sentences at once, a hundred times as fast.

    >>> from seqnn.metrics import sentence_bleu
    >>> sentence_bleu("the cat is on the mat", ["there is a cat on the mat"]).score
    29.0592...
    """
    options = BLEUOptions(tokenize, smooth_method, smooth_value, lowercase, effective_order, max_ngram_order)
    segments = gather([hypothesis], [[reference] for reference in as_texts("references", references)])
    tokens = options.tokens(segments.texts, segments.groups)
    return BLEUScore(_statistics(tokens, segments, max_ngram_order), options, segments.references)


def bleu_matrix(
    hypotheses: Sequence[str],
    references: Sequence[str],
    tokenize: Tokenize = "13a",
    smooth_method: Smoothing = "exp",
    smooth_value: float | None = None,
    lowercase: bool = False,
    effective_order: bool = True,
    *,
    max_ngram_order: int = 4,
) -> np.ndarray:
    """Compute the BLEU score of each hypothesis against each reference, as a utility for minimum Bayes risk decoding.

    Args:
        hypotheses: H strings.
        references: R strings.
        tokenize: as in `bleu`.
        smooth_method: as in `bleu`.
        smooth_value: as in `bleu`.
        lowercase: as in `bleu`.
        effective_order: whether orders without any n-gram are left out (default True, as in `sentence_bleu`).
        max_ngram_order: as in `bleu`.

    Returns:
        float64 [H, R]: `sentence_bleu(hypotheses[i], [references[j]]).score` at [i, j].

    Raises:
        TypeError: what is no string.
        ValueError: an unknown setting.

    >>> from seqnn.metrics import bleu_matrix
    >>> bleu_matrix(["a b c d", "a b c"], ["a b c d", "c d"]).round(1).tolist()
    [[100.0, 31.9], [71.7, 27.5]]
    """
    options = BLEUOptions(tokenize, smooth_method, smooth_value, lowercase, effective_order, max_ngram_order)
    pairs = MatrixPairs.of(hypotheses, references)
    tokens = options.tokens(pairs.texts, np.array([0, len(pairs.texts)]))
    lengths = tokens.lengths
    length, reference = lengths[: pairs.shape[0], None], lengths[None, pairs.shape[0] :]
    matches = pairs.arrange(match_pairs(tokens, pairs.left, pairs.right, max_ngram_order))
    parts = [length[..., None], reference[..., None], matches, totals(length, max_ngram_order)]
    shape = matches.shape[:2]
    return options.compute(np.concatenate([np.broadcast_to(p, (*shape, p.shape[-1])) for p in parts], -1))


def _statistics(tokens: Tokens, segments: Segments, order: int) -> np.ndarray:
    """Return length, length of the closest reference (the shorter of two), matches and n-grams of each segment."""
    lengths, groups = tokens.lengths, segments.groups
    length = lengths[groups[:-1]]
    apart = np.abs(lengths - np.repeat(length, np.diff(groups))) << 32 | lengths
    apart[groups[:-1]] = np.iinfo(np.int64).max
    closest = np.minimum.reduceat(apart, groups[:-1]) & 0xFFFFFFFF
    matches = match_merged(tokens, groups, order)
    return np.column_stack([length, closest, matches, totals(length, order)]).astype(np.float64)


def _warn_of_tokens(segments: Segments, options: BLEUOptions) -> None:
    """Warn where many hypotheses look tokenized and are about to be tokenized again."""
    if options.tokenize not in ("13a", "intl", "zh"):
        return
    ends = sum(segments.texts[place].endswith(" .") for place in segments.groups[:-1].tolist())
    if ends >= _TOKENIZED:
        warn_caller(
            f'hypotheses: {ends} end in " .", as tokenized text does, and tokenize="{options.tokenize}" tokenizes them again: '
            'scores of detokenized text are comparable; pass tokenize="none" for text that is tokenized on purpose',
            UserWarning,
        )
