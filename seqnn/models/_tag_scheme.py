"""The tags of a tagger: single labels, or spans, which are learnt in a scheme of their own."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ..metrics import convert_tags, find_invalid_tags, spans, spans_to_tags
from ._base import Labels, Learner, Plain

_SPAN = re.compile(r"[BIESLU]-.")
_SCHEMES = ("IOB2", "IOBES", "BILOU", "IOB1", "IOE2", "IOE1")
"""The schemes that tags may be of, in the order in which they are tried."""

_PREFIXES = {"IOB2": "BI", "IOBES": "BIES", "BILOU": "BILU"}
"""The schemes that can be learnt."""

LEARNT = tuple(_PREFIXES)

Sentences = list[list[str]]


class TagScheme(Learner):
    """How the tags of `fit` become classes, and classes become tags.

    Args:
        tags: of the sentences to learn from.
        learnt: the scheme in which spans are learnt: "IOB2", "IOBES" or "BILOU"; None: tags are single labels.

    Raises:
        ValueError: tags look like spans and are of no scheme.
    """

    given = Plain(str)
    """The scheme of the tags of `fit`; "" where they are single labels."""

    learnt = Plain(str)
    types = Labels("K")
    """The types of spans, or the labels."""

    def __init__(self, tags: Sentences, learnt: str | None) -> None:
        met = {tag for row in tags for tag in row}
        self.given = "" if learnt is None or not _are_spans(met) else _scheme(tags, met)
        self.learnt = learnt if self.given and learnt is not None else ""
        kinds = {tag.partition("-")[2] for tag in met if tag != "O"} if self.given else met
        self.types = np.array(sorted(kinds))

    @property
    def spans(self) -> bool:
        """Tell whether tags stand for spans."""
        return self.given != ""

    def classes(self) -> np.ndarray:
        """Return all tags that can be learnt, sorted."""
        types = self.types.tolist()
        if not self.spans:
            return self.types
        return np.array(sorted(["O", *(f"{prefix}-{kind}" for prefix in _PREFIXES[self.learnt] for kind in types)]))

    def check(self, tags: Sentences, name: str) -> None:
        """Raise a ValueError for a tag that stands for no span where those of `fit` do."""
        for i, row in enumerate(tags):
            for j, tag in enumerate(row):
                if self.spans and tag != "O" and not _SPAN.match(tag):
                    raise ValueError(
                        f"{name}[{i}][{j}]: expected O or a tag of a span as fit got, such as B-PER, got {tag!r}"
                    )

    def to_learn(self, tags: Sentences) -> Sentences:
        """Return the tags of `fit` as those that are learnt."""
        return convert_tags(tags, self.given, self.learnt) if self.spans else tags

    def found(self, tags: Sentences) -> Sentences:
        """Return predicted tags as those of `fit`; what the scheme does not allow is read as conlleval does."""
        if not self.spans:
            return tags
        rows = spans(tags, mode="conlleval", scheme=self.learnt)
        return [spans_to_tags(row, len(one), self.given) for row, one in zip(rows, tags, strict=True)]

    def in_sentence(self, tags: list[str]) -> list[tuple[int, int, str]]:
        """Return (start, end, type) of the spans of a sentence, whose tags are those of `fit`; or of its labels."""
        if self.spans:
            return [tuple(span) for span in spans([tags], mode="conlleval", scheme=self.given)[0]]
        return [(i, i + 1, tag) for i, tag in enumerate(tags)]

    def members(self, classes: np.ndarray) -> np.ndarray:
        """Return which classes belong to which type, booleans [types, classes]."""
        kinds = [tag.partition("-")[2] for tag in classes.tolist()] if self.spans else classes.tolist()
        return np.array(kinds)[None] == self.types[:, None]


def _are_spans(met: set[str]) -> bool:
    return any(map(_SPAN.match, met)) and all(tag == "O" or _SPAN.match(tag) for tag in met)


def _scheme(tags: Sentences, met: set[str]) -> str:
    """Return the scheme of span tags."""
    first: Any = None
    for name in _SCHEMES:
        try:
            wrong = find_invalid_tags(tags, name)
        except ValueError:  # a prefix that the scheme does not have
            continue
        if not wrong:
            return name
        first = first or (name, wrong[0], len(wrong))
    if first is None:
        raise ValueError(f"y: the tags {sorted(met)[:9]} are of none of the schemes {', '.join(_SCHEMES)}")
    name, place, count = first
    raise ValueError(
        f"y[{place.sentence}][{place.token}]: {place.tag} is not allowed here in {name}: {place.reason} ({count} such tags; "
        f"metrics.convert_tags(y, {name!r}, {name!r}, invalid='repair') reads them as conlleval does; scheme=None takes tags "
        "as single labels)"
    )
