"""Texts with spans that a tagger found in them, to print and to show in notebooks."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Annotation", "Entity"]

COLORS = ("#FFD8A8", "#A5D8FF", "#B2F2BB", "#EEBEFA", "#FFC9C9", "#FFEC99", "#99E9F2", "#D0BFFF")
"""Light backgrounds of dark letters, told apart; types take them in turn."""


class Entity(NamedTuple):
    """A span of a text.

    Attributes:
        start: its first character.
        end: the character after its last one.
        type: its type, such as "PER"; for taggers of single tokens the tag.
        text: what stands there.
        score: the smallest probability that one of its tokens has of this type, 0 to 1.

    >>> from seqnn.models import Entity
    >>> Entity(0, 3, "PER", "Ada", 0.9).text
    'Ada'
    """

    start: int
    end: int
    type: str
    text: str
    score: float


class Annotation(NamedTuple):
    """A text and the spans in it; notebooks show it with coloured spans, and `plot.entities` draws it.

    Attributes:
        text: the text; that of a token list is the tokens joined by blanks.
        entities: the spans in order.
        types: all types that the tagger knows, which have their colours in this order.

    >>> from seqnn.models import Annotation, Entity
    >>> print(Annotation("Ada writes", [Entity(0, 3, "PER", "Ada", 0.9)], ["LOC", "PER"]))
    [Ada PER] writes
    """

    text: str
    entities: Sequence[Entity]
    types: Sequence[str]

    def __str__(self) -> str:
        return "".join(part if kind is None else f"[{part} {kind}]" for part, kind in self.parts())

    def parts(self) -> list[tuple[str, str | None]]:
        """Cut the text into its spans and what stands between them.

        Returns:
            (part, type) in order; the type is None between spans.
        """
        found: list[tuple[str, str | None]] = []
        end = 0
        for entity in self.entities:
            found += [(self.text[end : entity.start], None), (entity.text, entity.type)]
            end = entity.end
        return [part for part in [*found, (self.text[end:], None)] if part[0]]

    def color(self, kind: str) -> str:
        """Return the colour of a type.

        Args:
            kind: one of `types`.

        Returns:
            "#RRGGBB".

        Raises:
            ValueError: it is none of them.
        """
        if kind not in self.types:
            raise ValueError(f"kind: expected one of {list(self.types)}, got {kind!r}")
        return COLORS[list(self.types).index(kind) % len(COLORS)]

    def _repr_html_(self) -> str:
        """Show the text with coloured spans in a notebook."""
        cells = []
        for part, kind in self.parts():
            words = html.escape(part)
            if kind is not None:
                style = f"background:{self.color(kind)};color:#222;padding:0.1em 0.3em;border-radius:0.3em"
                words = f'<mark style="{style}">{words} <small><b>{html.escape(kind)}</b></small></mark>'
            cells.append(words)
        return f'<div style="line-height:2">{"".join(cells)}</div>'
