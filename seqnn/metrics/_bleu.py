"""BLEU, with sacrebleu's numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._arguments import warn_caller
from ._bleu_options import BLEUOptions, Smoothing, Tokenize, brevity_penalty
from ._bootstrap import SEED
from ._inputs import MatrixPairs, Segments, as_texts, gather
from ._ngrams import match_merged, match_pairs, totals
from ._score import Score
from ._tokens import Tokens

_TOKENIZED = 100
"""Hypotheses that end in " ." from which on a text counts as tokenized before."""


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
