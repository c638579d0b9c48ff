"""TER, with sacrebleu's numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .. import _core
from .._arguments import flag
from ._bootstrap import SEED
from ._inputs import MatrixPairs, as_texts, gather
from ._score import Score
from ._tokenizers import tercom
from ._tokens import Tokens, pack, split


@dataclass(frozen=True)
class TEROptions:
    """The settings of a TER score, checked."""

    normalized: bool = False
    no_punct: bool = False
    asian_support: bool = False
    case_sensitive: bool = False
    name: ClassVar[str] = "TER"

    def __post_init__(self) -> None:
        for name in ("normalized", "no_punct", "asian_support", "case_sensitive"):
            flag(name, getattr(self, name))

    def facts(self) -> dict[str, object]:
        """Return what the signature tells."""
        shown = {False: "no", True: "yes"}
        case = "mixed" if self.case_sensitive else "lc"
        norm, punct, asian = shown[self.normalized], shown[not self.no_punct], shown[self.asian_support]
        return {"case": case, "tok": "tercom", "norm": norm, "punct": punct, "asian": asian}

    def tokens(self, texts: list[str], groups: np.ndarray, references: np.ndarray) -> Tokens:
        """Return the texts as token ids. As in sacrebleu, `references`, places among the texts, are split twice."""
        tokenizer = tercom(bool(self.normalized), bool(self.no_punct), bool(self.asian_support))
        twice = np.zeros(len(texts), bool)
        twice[references] = self.normalized
        return split(pack(texts, groups, lowercase=not self.case_sensitive), tokenizer, twice)

    def compute(self, statistics: np.ndarray) -> np.ndarray:
        """Return the scores of statistics [..., 2]: 100 edits / reference length."""
        count, length = statistics[..., 0], statistics[..., 1]
        return 100 * np.divide(count, length, where=length > 0, out=np.where(count > 0, 1.0, 0.0))


def edits(tokens: Tokens, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return how many shifts and edits of single words turn sequence left[p] into right[p]: int32 [pairs]."""
    return _core.ter_edits(tokens.ids, tokens.offsets, left, right, tokens.limit)


class TERScore(Score):
    """A TER score with its parts.

    Args:
        statistics: float64 [segments, 2]: edits, mean length of the references.
        options: the settings.
        references: how many references each segment has, None where the numbers differ.
        n_bootstrap: resamples for the confidence interval (default 0: none).
        seed: the seed of the resamples (default 12345).

    Attributes:
        score: 100 edits / reference length; 0 is perfect.
        num_edits: the edits of all segments.
        ref_length: the sum of the references' mean lengths.
        signature: what made the score.
        interval: None, or after a bootstrap the mean of the resamples' scores with its 95 % interval.

    >>> from seqnn.metrics import ter
    >>> score = ter(["a cat sat"], ["the cat sat down"])
    >>> score.num_edits, score.ref_length
    (2, 4.0)
    """

    def __init__(
        self,
        statistics: np.ndarray,
        options: TEROptions,
        references: int | None,
        n_bootstrap: int = 0,
        seed: int = SEED,
    ) -> None:
        super().__init__(statistics, options, references, n_bootstrap, seed)
        self.num_edits, self.ref_length = int(statistics[:, 0].sum()), float(statistics[:, 1].sum())


def ter(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str | None]] | Sequence[str],
    normalized: bool = False,
    no_punct: bool = False,
    asian_support: bool = False,
    case_sensitive: bool = False,
    *,
    n_bootstrap: int = 0,
    seed: int = SEED,
) -> TERScore:
    """Compute the translation edit rate of a corpus, with sacrebleu's numbers.

    TER = 100 × edits / words of the reference, where an edit inserts, deletes or replaces a word, or moves a run of words.
    Of several references the fewest edits count, over their mean length.

    Args:
        hypotheses: n strings.
        references: streams of n strings each, as in `bleu`; with one reference each also n strings.
        normalized: whether punctuation is split off and XML escapes are undone first.
        no_punct: whether . , ? : ; ! " ( ) are left out.
        asian_support: whether `normalized` also splits Chinese and Japanese characters, and `no_punct` leaves out their
            punctuation.
        case_sensitive: whether case counts (default False).
        n_bootstrap: resamples for a confidence interval, such as 1000 (default 0: none).
        seed: the seed of the resamples (default 12345).

    Returns:
        The score; printed, it reads as sacrebleu's.

    Raises:
        TypeError: what is no string.
        ValueError: no hypothesis, references that are transposed or of another number, an unknown setting.

    M. Snover et al., "A study of translation edit rate with targeted human annotation", AMTA 2006.

    >>> from seqnn.metrics import ter
    >>> ter(["on the mat the cat sat"], ["the cat sat on the mat"])
    TER = 16.67
    """
    options = TEROptions(normalized, no_punct, asian_support, case_sensitive)
    segments = gather(hypotheses, references)
    left, right, counts = segments.pairs()
    tokens = options.tokens(segments.texts, segments.groups, right)
    starts = np.cumsum(counts) - counts
    found = edits(tokens, left, right)
    mean_length = np.add.reduceat(tokens.lengths[right], starts) / counts
    statistics = np.column_stack([np.minimum.reduceat(found, starts), mean_length])
    return TERScore(statistics, options, segments.references, n_bootstrap, seed)


def sentence_ter(
    hypothesis: str,
    references: Sequence[str],
    normalized: bool = False,
    no_punct: bool = False,
    asian_support: bool = False,
    case_sensitive: bool = False,
) -> TERScore:
    """Compute the translation edit rate of one sentence, with sacrebleu's numbers.

    Args:
        hypothesis: the sentence.
        references: its references.
        normalized: as in `ter`.
        no_punct: as in `ter`.
        asian_support: as in `ter`.
        case_sensitive: as in `ter`.

    Returns:
        The score.

    Raises:
        TypeError: what is no string; a single string as references.
        ValueError: no reference, an unknown setting.

    >>> from seqnn.metrics import sentence_ter
    >>> sentence_ter("the cat sat", ["the cat sat down", "a dog sat"]).num_edits
    1
    """
    streams = [[reference] for reference in as_texts("references", references)]
    return ter([hypothesis], streams, normalized, no_punct, asian_support, case_sensitive)


def ter_matrix(
    hypotheses: Sequence[str],
    references: Sequence[str],
    normalized: bool = False,
    no_punct: bool = False,
    asian_support: bool = False,
    case_sensitive: bool = False,
) -> np.ndarray:
    """Compute the translation edit rate of each hypothesis against each reference.

    Args:
        hypotheses: H strings.
        references: R strings.
        normalized: as in `ter`.
        no_punct: as in `ter`.
        asian_support: as in `ter`.
        case_sensitive: as in `ter`.

    Returns:
        float64 [H, R]: `sentence_ter(hypotheses[i], [references[j]]).score` at [i, j]. It is an error: minimum Bayes risk
        decoding takes its negative as a utility.

    Raises:
        TypeError: what is no string.
        ValueError: an unknown setting.

    >>> from seqnn.metrics import ter_matrix
    >>> ter_matrix(["a b c", "a c"], ["a b c", "c a"]).round(1).tolist()
    [[0.0, 100.0], [33.3, 50.0]]
    """
    options = TEROptions(normalized, no_punct, asian_support, case_sensitive)
    pairs = MatrixPairs.of(hypotheses, references)
    tokens = options.tokens(pairs.texts, np.array([0, len(pairs.texts)]), pairs.right)
    statistics = np.column_stack([edits(tokens, pairs.left, pairs.right), tokens.lengths[pairs.right]])
    return pairs.arrange(options.compute(statistics.astype(np.float64)))
