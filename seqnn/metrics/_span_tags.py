"""Tags of one scheme into those of another, and what a scheme does not allow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np

from .._arguments import flag, integer
from ._schemes import CONLLEVAL, PREFIXES, Scheme, find_scheme
from ._spans import Span, Tags, find_spans, spans_by_sentence
from ._tags import TaggedSentences, read_tags


class InvalidTag(NamedTuple):
    """A tag that its scheme does not allow where it stands.

    Attributes:
        sentence: its number.
        token: the tag's place in it.
        tag: the tag.
        reason: what the scheme asks for.

    >>> from seqnn.metrics import find_invalid_tags
    >>> find_invalid_tags([["O"], ["O", "I-LOC"]], "IOB2")[0].token
    1
    """

    sentence: int
    token: int
    tag: str
    reason: str


def find_invalid_tags(tags: Tags, scheme: str, *, suffix: bool = False) -> list[InvalidTag]:
    """Find tags that the scheme does not allow where they stand, such as I-PER after O in IOB2.

    Args:
        tags: tags of each sentence.
        scheme: "IOB1", "IOB2", "IOE1", "IOE2", "IOBES" or "BILOU".
        suffix: whether tags have the form PER-B.

    Returns:
        The places in order, with the reason.

    Raises:
        TypeError: what is no list of lists of strings.
        ValueError: an unknown scheme, a tag that the scheme does not have.

    >>> from seqnn.metrics import find_invalid_tags
    >>> find_invalid_tags([["O", "I-PER"], ["B-PER", "I-LOC"]], "IOB2")[0]
    InvalidTag(sentence=0, token=1, tag='I-PER', reason='it must follow B-PER or I-PER, and follows O')
    """
    found = find_scheme(scheme)
    return _invalid(read_tags({"tags": tags}, found, flag("suffix", suffix))["tags"], found, suffix)


def _invalid(tagged: TaggedSentences, scheme: Scheme, suffix: bool) -> list[InvalidTag]:
    out = []
    for sentence, (first, last) in enumerate(
        zip(tagged.offsets[:-1].tolist(), tagged.offsets[1:].tolist(), strict=True)
    ):
        numbers = tagged.tags[first:last].tolist()
        names = [tagged.names[n] for n in numbers]
        for token, number in enumerate(numbers):
            for wanted, other, verb in ((scheme.before, token - 1, "follow"), (scheme.after, token + 1, "precede")):
                allowed = _allowed(tagged, number, wanted, scheme, suffix)
                neighbour = names[other] if 0 <= other < len(names) else None
                if allowed and neighbour not in allowed:
                    here = "nothing" if neighbour is None else neighbour
                    reason = f"it must {verb} {' or '.join(allowed)}, and {verb}s {here}"
                    out.append(InvalidTag(sentence, token, names[token], reason))
                    break
    return out


def _allowed(tagged: TaggedSentences, number: int, wanted: dict[str, str], scheme: Scheme, suffix: bool) -> list[str]:
    prefix = PREFIXES[tagged.prefixes[number]]
    kind = tagged.type_names[tagged.types[number]] if tagged.types[number] >= 0 else ""
    return [write_tag(p, kind, scheme, suffix) for p in wanted.get(prefix, "")]


def write_tag(prefix: str, kind: str, scheme: Scheme, suffix: bool) -> str:
    """Return a tag of a type, its prefix given as one of O, B, I, E, S."""
    if scheme.name == "BILOU":
        prefix = {"E": "L", "S": "U"}.get(prefix, prefix)
    if kind == "_":
        return prefix
    return f"{kind}-{prefix}" if suffix else f"{prefix}-{kind}"


def spans_to_tags(
    spans: Iterable[Span | tuple[int, int, str]], length: int, scheme: str, *, suffix: bool = False
) -> list[str]:
    """Return the tags of a sentence with these spans.

    Args:
        spans: (start, end, type) of each span, tokens start to end - 1; they must not overlap.
        length: the number of tokens.
        scheme: "IOB1", "IOB2", "IOE1", "IOE2", "IOBES" or "BILOU".
        suffix: whether tags have the form PER-B.

    Returns:
        A tag for each token.

    Raises:
        ValueError: an unknown scheme, spans that overlap or lie outside the sentence.

    >>> from seqnn.metrics import spans_to_tags
    >>> spans_to_tags([(0, 2, "PER"), (3, 4, "LOC")], 4, "BILOU")
    ['B-PER', 'L-PER', 'O', 'U-LOC']
    """
    target, length = find_scheme(scheme), integer("length", length, 0)
    tags = ["O"] * length
    ordered = sorted((int(start), int(end), str(kind)) for start, end, kind in spans)
    for i, (start, end, kind) in enumerate(ordered):
        if not 0 <= start < end <= length or (i and start < ordered[i - 1][1]):
            raise ValueError(
                f"spans: expected spans of at least one token within 0 and {length} that do not overlap, got {(start, end, kind)}"
            )
        after_same = i > 0 and ordered[i - 1][1:] == (start, kind)
        before_same = i + 1 < len(ordered) and (ordered[i + 1][0], ordered[i + 1][2]) == (end, kind)
        prefixes = _prefixes(target.name, end - start, after_same, before_same)
        tags[start:end] = [write_tag(prefix, kind, target, suffix) for prefix in prefixes]
    return tags


def _prefixes(scheme: str, size: int, after_same: bool, before_same: bool) -> str:
    """Return the prefixes of a span, which may follow or precede one of the same type."""
    inside = "I" * size
    if scheme == "IOB2" or (scheme == "IOB1" and after_same):
        return "B" + inside[1:]
    if scheme == "IOE2" or (scheme == "IOE1" and before_same):
        return inside[1:] + "E"
    if scheme in ("IOBES", "BILOU"):
        return "S" if size == 1 else "B" + inside[2:] + "E"
    return inside


def convert_tags(
    tags: Tags, source: str, target: str, *, invalid: Literal["raise", "repair"] = "raise", suffix: bool = False
) -> list[list[str]]:
    """Convert tags from one scheme to another.

    Args:
        tags: tags of each sentence in the scheme `source`.
        source: "IOB1", "IOB2", "IOE1", "IOE2", "IOBES" or "BILOU".
        target: one of these.
        invalid: what happens to tags that the source's scheme does not allow where they stand: "raise" an error (default),
            or "repair", read the spans as conlleval does.
        suffix: whether tags have the form PER-B, in both.

    Returns:
        The tags of each sentence in the scheme `target`.

    Raises:
        TypeError: what is no list of lists of strings.
        ValueError: an unknown scheme, a tag that the scheme does not have or does not allow where it stands.

    >>> from seqnn.metrics import convert_tags
    >>> convert_tags([["B-PER", "I-PER", "O", "B-LOC"]], "IOB2", "IOBES")
    [['B-PER', 'E-PER', 'O', 'S-LOC']]
    """
    reader = find_scheme(source)
    find_scheme(target)
    if invalid not in ("raise", "repair"):
        raise ValueError(f"invalid: expected 'raise' or 'repair', got {invalid!r}")
    tagged = read_tags({"tags": tags}, reader, flag("suffix", suffix))["tags"]
    wrong = _invalid(tagged, reader, suffix)
    if wrong and invalid == "raise":
        first = wrong[0]
        raise ValueError(
            f"tags[{first.sentence}][{first.token}]: {first.tag} is not allowed here in {reader.name}: {first.reason} "
            f"({len(wrong)} such tags; invalid='repair' reads them as conlleval does)"
        )
    found = find_spans(tagged, CONLLEVAL, strict=False)
    lengths = np.diff(tagged.offsets).tolist()
    by_sentence = spans_by_sentence(tagged, found)
    return [spans_to_tags(spans, n, target, suffix=suffix) for spans, n in zip(by_sentence, lengths, strict=True)]
