"""Span scoring: precision, recall and F1 of named entities, chunks and other spans of tagged tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from .. import _core
from .._arguments import flag
from ._schemes import CONLLEVAL, Scheme, find_scheme
from ._span_scores import SpanScore, SpanScores
from ._tags import Numbers, TaggedSentences, number_tags, read_tags

Mode = Literal["conlleval", "strict"]
Tags = Sequence[Sequence[str]]


class _Found(NamedTuple):
    begins: np.ndarray
    ends: np.ndarray
    kinds: np.ndarray


def find_spans(tagged: TaggedSentences, scheme: Scheme, strict: bool) -> _Found:
    """Return begins, ends (exclusive) and numbers of types of all spans, in order."""
    begins, ends, kinds, count = _core.spans_find(
        tagged.tags, tagged.offsets, tagged.prefixes, tagged.types, scheme.flags, strict
    )  # fmt: skip
    return _Found(begins[: count[0]], ends[: count[0]], kinds[: count[0]])


def reading(mode: Any, scheme: str | None) -> tuple[Scheme, Scheme | None]:
    """Return the scheme that finds spans and the one that was asked for. Raises `ValueError` for an unknown mode."""
    if mode not in ("conlleval", "strict"):
        raise ValueError(f"mode: expected 'conlleval' or 'strict', got {mode!r}")
    if mode == "strict" and scheme is None:
        raise ValueError("scheme: mode='strict' needs the scheme of the tags, such as 'IOB2', got None")
    asked = None if scheme is None else find_scheme(scheme)
    return (asked if mode == "strict" and asked is not None else CONLLEVAL), asked


def span_f1(gold: Tags, predicted: Tags, *, mode: Mode, scheme: str | None = None, suffix: bool = False) -> SpanScores:
    """Compute precision, recall and F1 of the spans that tags stand for.

    A predicted span is right if a gold span has the same first and last token and the same type.

    Args:
        gold: tags of each sentence, such as [["B-PER", "I-PER", "O"]].
        predicted: tags of the same sentences.
        mode: "conlleval" counts as the CoNLL shared tasks' script (and seqeval's default) do: a span starts wherever
            neighbours suggest it, as at I-PER after O, whatever the scheme. "strict" counts as seqeval's strict mode: what
            the scheme does not allow is no span.
        scheme: "IOB1", "IOB2" (BIO), "IOE1", "IOE2", "IOBES" or "BILOU"; mode "strict" needs it. In mode "conlleval" it
            only says which prefixes may occur.
        suffix: whether tags have the form PER-B.

    Returns:
        The scores; printed, they read as conlleval's output.

    Raises:
        TypeError: what is no list of lists of strings.
        ValueError: an unknown mode or scheme, a tag that the scheme does not have, sentences of different lengths.

    E. Tjong Kim Sang and F. De Meulder, "Introduction to the CoNLL-2003 shared task", 2003; H. Nakayama, seqeval, 2018.

    >>> from seqnn.metrics import span_f1
    >>> gold = [["B-PER", "I-PER", "O", "B-LOC"]]
    >>> print(span_f1(gold, [["B-PER", "I-PER", "O", "I-LOC"]], mode="conlleval"))
    processed 4 tokens with 2 phrases; found: 2 phrases; correct: 2. (mode: conlleval)
    accuracy:  75.00%; precision: 100.00%; recall: 100.00%; FB1: 100.00
                  LOC: precision: 100.00%; recall: 100.00%; FB1: 100.00  1
                  PER: precision: 100.00%; recall: 100.00%; FB1: 100.00  1
    >>> span_f1(gold, [["B-PER", "I-PER", "O", "I-LOC"]], mode="strict", scheme="IOB2").recall
    0.5
    """
    reader, asked = reading(mode, scheme)
    sides = read_tags({"gold": gold, "predicted": predicted}, asked or reader, flag("suffix", suffix))
    right, found = sides["gold"], sides["predicted"]
    check_lengths(right.offsets, found.offsets)
    spans = {name: find_spans(side, reader, mode == "strict") for name, side in sides.items()}
    names, size = right.type_names, len(right.type_names)
    counts = [np.bincount(side.kinds, minlength=size) for side in (spans["gold"], spans["predicted"])]
    counts.append(np.bincount(_common(spans["gold"], spans["predicted"]), minlength=size))
    order = sorted((n for n in range(size) if counts[0][n] or counts[1][n]), key=names.__getitem__)
    types = {names[n]: SpanScore.of(*(int(count[n]) for count in counts)) for n in order}
    micro = SpanScore.of(*(int(count.sum()) for count in counts))
    tokens = len(right.tags)
    accuracy = float(np.count_nonzero(right.tags == found.tags) / tokens) if tokens else 0.0
    return SpanScores(mode, None if asked is None else asked.name, types, micro, accuracy, tokens)


def _common(first: _Found, second: _Found) -> np.ndarray:
    """Return the types of the spans that are in both."""
    if not len(second.begins):
        return np.zeros(0, np.int32)
    place = np.minimum(np.searchsorted(second.begins, first.begins), len(second.begins) - 1)
    same = (
        (second.begins[place] == first.begins)
        & (second.ends[place] == first.ends)
        & (second.kinds[place] == first.kinds)
    )
    return first.kinds[same]


def check_lengths(gold: np.ndarray, predicted: np.ndarray) -> None:
    """Raise `ValueError` unless both sides have as many sentences, and of the same lengths."""
    if len(gold) != len(predicted):
        raise ValueError(f"predicted: expected {len(gold) - 1} sentences as in gold, got {len(predicted) - 1}")
    differ = np.flatnonzero(np.diff(gold) != np.diff(predicted))
    if len(differ):
        s = int(differ[0])
        raise ValueError(
            f"predicted[{s}]: expected {gold[s + 1] - gold[s]} tags as in gold[{s}], got {predicted[s + 1] - predicted[s]}"
        )


class Span(NamedTuple):
    """A span of a sentence.

    Attributes:
        start: its first token.
        end: the token after its last one.
        type: its type, "_" where tags have none.

    >>> from seqnn.metrics import spans
    >>> spans([["O", "B-PER", "I-PER"]], mode="conlleval")
    [[Span(start=1, end=3, type='PER')]]
    """

    start: int
    end: int
    type: str


def spans(tags: Tags, *, mode: Mode, scheme: str | None = None, suffix: bool = False) -> list[list[Span]]:
    """Return the spans of each sentence.

    Args:
        tags: tags of each sentence.
        mode: "conlleval" or "strict", as in `span_f1`.
        scheme: as in `span_f1`.
        suffix: whether tags have the form PER-B.

    Returns:
        For each sentence its spans in order.

    Raises:
        TypeError: what is no list of lists of strings.
        ValueError: an unknown mode or scheme, a tag that the scheme does not have.

    >>> from seqnn.metrics import spans
    >>> spans([["B-PER", "I-PER", "O", "B-LOC"]], mode="strict", scheme="IOB2")
    [[Span(start=0, end=2, type='PER'), Span(start=3, end=4, type='LOC')]]
    """
    reader, asked = reading(mode, scheme)
    tagged = read_tags({"tags": tags}, asked or reader, flag("suffix", suffix))["tags"]
    return spans_by_sentence(tagged, find_spans(tagged, reader, mode == "strict"))


def spans_by_sentence(tagged: TaggedSentences, found: _Found) -> list[list[Span]]:
    """Return found spans sentence by sentence, with places in the sentence."""
    sentences = np.searchsorted(tagged.offsets, found.begins, side="right") - 1
    starts = tagged.offsets[sentences]
    out: list[list[Span]] = [[] for _ in range(len(tagged.offsets) - 1)]
    rows = zip(
        sentences.tolist(),
        (found.begins - starts).tolist(),
        (found.ends - starts).tolist(),
        found.kinds.tolist(),
        strict=True,
    )
    for sentence, start, end, kind in rows:
        out[sentence].append(Span(start, end, tagged.type_names[kind]))
    return out


def token_accuracy(gold: Tags, predicted: Tags) -> float:
    """Return the share of tokens whose tag is right, as for part-of-speech tags.

    Args:
        gold: tags of each sentence, of any kind.
        predicted: tags of the same sentences.

    Returns:
        The accuracy, 0 to 1.

    Raises:
        TypeError: what is no list of tag lists.
        ValueError: sentences of different lengths, no token.

    >>> from seqnn.metrics import token_accuracy
    >>> token_accuracy([["DET", "NOUN"], ["VERB"]], [["DET", "VERB"], ["VERB"]])
    0.6666666666666666
    """
    sides, numbers = [], Numbers()
    for name, sentences in (("gold", gold), ("predicted", predicted)):
        sides.append(number_tags(name, sentences, numbers))
    check_lengths(sides[0][1], sides[1][1])
    if not len(sides[0][0]):
        raise ValueError("gold: expected at least one token, got none")
    return float(np.mean(sides[0][0] == sides[1][0]))
