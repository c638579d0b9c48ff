"""ROUGE, with rouge-score's numbers, and ROUGE-W after Lin."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from .._arguments import flag, number, warn_caller
from ._inputs import MatrixPairs, best_of_runs, gather
from ._lcs import lcs_length, lcs_union, lcs_weighted
from ._ngrams import match_pairs, totals
from ._tokenizers import ROUGE, rouge_tokenizer
from ._tokens import Tokens, numbered, pack_lines, split

Tokenize = Literal["rouge", "unicode"] | Callable[[str], Sequence[str]]
_TYPE = re.compile(r"rouge([1-9]|L|Lsum|W)")


class RougeScore(NamedTuple):
    """A ROUGE score, 0 to 1: means over all pairs, or an array with a number for each pair.

    Attributes:
        precision: the share of the hypothesis that matches.
        recall: the share of the reference that matches.
        fmeasure: their harmonic mean.

    >>> from seqnn.metrics import rouge
    >>> rouge(["a b"], ["a b c d"], ["rouge1"])["rouge1"].recall
    0.5
    """

    precision: Any
    recall: Any
    fmeasure: Any


class _Documents(NamedTuple):
    """Texts as tokens, whole and line by line: document d has the lines bounds[d] to bounds[d + 1] - 1."""

    whole: Tokens
    lines: Tokens
    bounds: np.ndarray


def _read(texts: list[str], groups: np.ndarray, tokenizer: Tokenize, stemmer: bool) -> _Documents:
    if callable(tokenizer):
        parts = [text.split("\n") for text in texts]
        bounds = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
        both = numbered([*map(tokenizer, texts), *(tokenizer(line) for part in parts for line in part)])
        cut = len(texts)
        whole = Tokens(both.ids[: both.offsets[cut]], both.offsets[: cut + 1], both.limit)
        lines = Tokens(both.ids[both.offsets[cut] :], both.offsets[cut:] - both.offsets[cut], both.limit)
        return _Documents(whole, lines, bounds)
    packed, bounds = pack_lines(texts, groups, lowercase=True)
    lines = split(packed, rouge_tokenizer(tokenizer, bool(stemmer)))
    whole = Tokens(lines.ids, lines.offsets[bounds], lines.limit)
    if tokenizer == "rouge" and not packed.ascii:
        _warn_of_scripts(texts, whole.lengths)
    return _Documents(whole, lines, bounds)


def _warn_of_scripts(texts: list[str], lengths: np.ndarray) -> None:
    """Warn where a text has letters and yet no token, so that it scores 0 against itself."""
    lost = [place for place in np.flatnonzero(lengths == 0).tolist() if any(map(str.isalnum, texts[place]))]
    if lost:
        warn_caller(
            f"{len(lost)} texts have letters and no token, such as {texts[lost[0]]!r:.60}: "
            'tokenizer="rouge" knows a to z and 0 to 9 only, and they score 0; pass tokenizer="unicode"',
            UserWarning,
        )


def _scores(documents: _Documents, kind: str, left: np.ndarray, right: np.ndarray, weight: float) -> np.ndarray:
    """Return precision, recall and F-measure of each pair of a hypothesis and a reference: float64 [pairs, 3]."""
    tokens = documents.whole
    length, reference = tokens.lengths[left], tokens.lengths[right]
    if kind == "W":
        common = lcs_weighted(tokens, left, right, weight)
        shares = [common / np.maximum(size, 1) ** weight for size in (length, reference)]
        precision, recall = (share ** (1 / weight) for share in shares)
    else:
        if kind == "L":
            hits = lcs_length(tokens, left, right)
        elif kind == "Lsum":
            hits = lcs_union(documents.lines, documents.bounds, left, right)
        else:
            order = int(kind)
            length, reference = (totals(size, order)[:, -1] for size in (length, reference))
            hits = match_pairs(tokens, left, right, order)[:, -1]
        precision, recall = hits / np.maximum(length, 1), hits / np.maximum(reference, 1)
    below = precision + recall
    fmeasure = np.divide(2 * precision * recall, below, where=below > 0, out=np.zeros(len(below)))
    return np.stack([precision, recall, fmeasure], 1)


def _checked(types: Sequence[str], stemmer: bool, tokenizer: Tokenize, weight: float) -> list[str]:
    """Return what follows "rouge" in each type."""
    names = [types] if isinstance(types, str) else list(types)
    kinds = []
    for name in names:
        match = _TYPE.fullmatch(name) if isinstance(name, str) else None
        if match is None:
            raise ValueError(f"types: expected rouge1 to rouge9, rougeL, rougeLsum or rougeW, got {name!r}")
        kinds.append(match[1])
    if not kinds:
        raise ValueError("types: expected at least one of rouge1 to rouge9, rougeL, rougeLsum, rougeW, got none")
    flag("stemmer", stemmer)
    if not callable(tokenizer) and tokenizer not in ROUGE:
        raise ValueError(f"tokenizer: expected one of {', '.join(ROUGE)}, or a function, got {tokenizer!r}")
    if callable(tokenizer) and stemmer:
        raise ValueError("stemmer: a function as tokenizer stems its tokens itself, expected stemmer=False")
    number("weight", weight, minimum=1)
    return kinds


def rouge(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str | None]] | Sequence[str],
    types: Sequence[str] = ("rouge1", "rouge2", "rougeL"),
    stemmer: bool = False,
    *,
    tokenizer: Tokenize = "rouge",
    weight: float = 1.2,
    per_pair: bool = False,
) -> dict[str, RougeScore]:
    """Compute ROUGE scores of summaries, with rouge-score's numbers.

    ROUGE-N compares n-grams, ROUGE-L the longest common subsequence (LCS): precision is the share of the hypothesis that
    matches, recall that of the reference, the F-measure their harmonic mean. ROUGE-Lsum unites LCSs of the lines of both
    texts; ROUGE-W prefers matches in a row, of which k count k**weight.

    Args:
        hypotheses: n strings, such as a system's summaries.
        references: n strings, or streams of n strings each as in `bleu`; of several references the one with the best
            F-measure counts, for each type.
        types: "rouge1" to "rouge9", "rougeL", "rougeLsum" (sentences on lines of their own), "rougeW"
            (default rouge1, rouge2, rougeL).
        stemmer: whether words of more than three letters are stemmed by Porter's algorithm.
        tokenizer: "rouge" (default): runs of a to z and 0 to 9, as rouge-score splits English, so that a text in another
            script has no token; "unicode": runs of letters, marks and digits of any script, where Chinese characters and
            kana stand alone; or a function from a string to its tokens.
        weight: the exponent of ROUGE-W (default 1.2, that of ROUGE-1.5.5).
        per_pair: whether to return an array with a score for each pair instead of means.

    Returns:
        For each type precision, recall and F-measure, 0 to 1: means over the pairs, or float64 [n] each.

    Raises:
        TypeError: what is no string.
        ValueError: no hypothesis, references that are transposed or of another number, an unknown type.

    C.-Y. Lin, "ROUGE: a package for automatic evaluation of summaries", ACL 2004.

    >>> from seqnn.metrics import rouge
    >>> scores = rouge(["The cat was found under the bed."], ["The cat was under the bed."])
    >>> scores["rouge2"]
    RougeScore(precision=0.66..., recall=0.8, fmeasure=0.72...)
    >>> rouge(["die Straße"], ["die Straße war leer"], ["rouge1"], tokenizer="unicode")["rouge1"].recall
    0.5
    """
    kinds = _checked(types, stemmer, tokenizer, weight)
    segments = gather(hypotheses, references)
    documents = _read(segments.texts, segments.groups, tokenizer, stemmer)
    left, right, counts = segments.pairs()
    found = {}
    for kind in kinds:
        scores = _scores(documents, kind, left, right, weight)
        if segments.references != 1:
            scores = scores[best_of_runs(scores[:, 2], counts)]
        found[f"rouge{kind}"] = RougeScore(*scores.T) if per_pair else RougeScore(*scores.mean(0).tolist())
    return found


def rouge_matrix(
    hypotheses: Sequence[str],
    references: Sequence[str],
    type: str = "rougeL",
    stemmer: bool = False,
    *,
    tokenizer: Tokenize = "rouge",
    weight: float = 1.2,
) -> np.ndarray:
    """Compute the ROUGE F-measure of each hypothesis against each reference, as a utility for minimum Bayes risk decoding.

    Args:
        hypotheses: H strings.
        references: R strings.
        type: one of the types of `rouge` (default "rougeL").
        stemmer: as in `rouge`.
        tokenizer: as in `rouge`.
        weight: as in `rouge`.

    Returns:
        float64 [H, R].

    Raises:
        TypeError: what is no string.
        ValueError: an unknown type.

    >>> from seqnn.metrics import rouge_matrix
    >>> rouge_matrix(["a b c", "a c"], ["a b c d", "c a"]).round(2).tolist()
    [[0.86, 0.4], [0.67, 0.5]]
    """
    (kind,) = _checked([type], stemmer, tokenizer, weight)
    pairs = MatrixPairs.of(hypotheses, references)
    documents = _read(pairs.texts, np.array([0, len(pairs.texts)]), tokenizer, stemmer)
    return pairs.arrange(_scores(documents, kind, pairs.left, pairs.right, weight)[:, 2])
