"""Running text whose words have coloured backgrounds: what speaks for an answer, and what a tagger found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..models import Annotation, Explanation
from ._axes import BLUE, GREY, INK, VERMILION, new_axes, no_ticks, style
from ._fonts import families, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE, _SMALL, _LINE, _GAP, _WIDTH = 11.0, 7.0, 21.0, 4.5, 7.0
"""Points of letters, of labels, of a line and between words; inches of a new figure."""


class _Part(NamedTuple):
    """A word, or some that stand together."""

    text: str
    color: str | None = None
    strength: float = 1.0
    label: str = ""
    joined: bool = False
    """Whether no blank stands before it."""


def highlight(
    explanations: Explanation | tuple | Sequence[Any], *, title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw texts whose words are coloured by how much they count: blue for the answer, red against it.

    Args:
        explanations: an `Explanation`, as `SequenceClassifier.explain` gives them, a pair (words, weights), or a list of
            such, which stand below each other. The colours are as strong in one text as in another only relative to its
            own weightiest word.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: there is no word, or not a finite weight for each.
        TypeError: an explanation is neither.

    >>> from seqnn import plot
    >>> ax = plot.highlight((["not", "good"], [0.5, -0.25]))
    >>> [text.get_text() for text in ax.texts], len(ax.patches)
    (['not', 'good'], 2)
    """
    is_one = isinstance(explanations, Explanation) or (
        isinstance(explanations, tuple) and len(explanations) == 2 and not isinstance(explanations[0], Explanation)
    )
    given = [explanations] if is_one or not isinstance(explanations, Iterable) else explanations
    return _draw("explanations", [_weighed(one) for one in given], title, ax)


def entities(
    annotations: Annotation | Sequence[Annotation], *, title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw texts with the spans that a tagger found, each type in a colour of its own.

    Args:
        annotations: an `Annotation`, as `Tagger.annotate` gives them, or a list of such, which stand below each other.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: there is no text.
        TypeError: something else than annotations is given.

    >>> from seqnn import plot
    >>> from seqnn.models import Annotation, Entity
    >>> ax = plot.entities(Annotation("Ada writes", [Entity(0, 3, "PER", "Ada", 0.9)], ["LOC", "PER"]))
    >>> [text.get_text() for text in ax.texts]
    ['Ada', 'PER', 'writes']
    """
    given = (
        [annotations] if isinstance(annotations, Annotation) or not isinstance(annotations, Iterable) else annotations
    )
    return _draw("annotations", [_spans(one) for one in given], title, ax)


def _weighed(one: Any) -> list[_Part]:
    """Return the words of an explanation, after its label."""
    if isinstance(one, str) or not hasattr(one, "__len__") or len(one) < 2:
        raise TypeError(f"explanations: expected an Explanation or a pair (words, weights), got {one!r:.60}")
    tokens, weights = one[0], np.asarray(one[1], np.float64)
    if not len(tokens) or weights.shape != (len(tokens),) or not np.isfinite(weights).all():
        raise ValueError(f"explanations: expected a finite weight for each of {len(tokens)} words, got {weights.shape}")
    most = np.abs(weights).max() or 1.0
    head = [_Part(f"{one.label}:", None)] if isinstance(one, Explanation) else []
    pairs = zip(tokens, (weights / most).tolist(), strict=True)
    return head + [_Part(token, BLUE if weight > 0 else VERMILION, 0.6 * abs(weight)) for token, weight in pairs]


def _spans(one: Annotation) -> list[_Part]:
    """Return the words between the spans one by one, and the spans whole."""
    if not isinstance(one, Annotation):
        raise TypeError(f"annotations: expected an Annotation or a list of them, got {one!r:.60}")
    parts: list[_Part] = []
    for text, kind in one.parts():
        if kind is None:
            joined = [bool(parts) and not text[0].isspace(), *[False] * len(text)]
            parts += [_Part(word, joined=near) for word, near in zip(text.split(), joined, strict=False)]
        else:
            parts.append(_Part(" ".join(text.split()), one.color(kind), 1.0, kind))
    return parts


def _draw(name: str, texts: list[list[_Part]], title: str | None, ax: Axes | None) -> Axes:
    """Draw texts below each other, in lines as long as the axes are wide."""
    if not any(texts):
        raise ValueError(f"{name}: expected at least one text with words, got none")
    if ax is None:
        width = 72 * _WIDTH - 8
    else:
        ax = new_axes(ax, (1, 1))
        width = 72 * ax.get_window_extent().width / ax.figure.dpi
    placed, lines = _placed(texts, width)
    ax = new_axes(ax, (_WIDTH, (lines * _LINE + 12) / 72 + 0.3 * (title is not None)))
    from matplotlib.patches import FancyBboxPatch

    style(ax, title=title, spines=())
    no_ticks(ax)
    ax.set_xlim(0, width)
    ax.set_ylim(lines * _LINE + 4, -4)
    for part, x, y, size, whole in placed:
        if part.color is not None:
            box = FancyBboxPatch(
                (x - 1, y - 0.72 * _SIZE), whole + 2, 1.2 * _SIZE, boxstyle="round,pad=0.6,rounding_size=2",
                facecolor=part.color, alpha=part.strength, edgecolor="none",
            )  # fmt: skip
            ax.add_patch(box)
        word = shown(part.text)
        ax.text(x, y, word, fontsize=_SIZE, color=INK, va="center_baseline", fontfamily=families([word]))
        if part.label:
            ax.text(
                x + size + _GAP, y, shown(part.label), fontsize=_SMALL, color=GREY, va="center_baseline", weight="bold"
            )
    return ax


def _placed(texts: list[list[_Part]], width: float) -> tuple[list[tuple[_Part, float, float, float, float]], int]:
    """Return each part with its place, the width of its words and of all of it; and how many lines there are."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    def points(text: str, size: float, weight: str = "normal") -> float:
        font = FontProperties(family=families([text]), size=size, weight=weight)
        return 1.03 * text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]  # letters are hinted

    found, line = [], 0
    for parts in texts:
        x = 2.0
        for part in parts:
            size = points(shown(part.text), _SIZE)
            x += _GAP if x > 2 and not part.joined else 0
            whole = size + (_GAP + points(shown(part.label), _SMALL, "bold") if part.label else 0)
            if x > 2 and x + whole > width - 2:
                x, line = 2.0, line + 1
            found.append((part, x, (line + 0.5) * _LINE, size, whole))
            x += whole + 1
        line += 1
    return found, line
