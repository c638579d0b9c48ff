"""What several strategies of decoding write, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .._arguments import integer
from ..decode import Generation
from ._axes import GREY, INK, new_axes, style
from ._beam import token_name
from ._fonts import families, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def strategies(
    results: Mapping[str, Generation],
    tokenizer: Any = None,
    *,
    rows: int = 4,
    tokens: int = 16,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what strategies write for one prompt, side by side: each token on a field that is dark where it was probable.

    The probability is the one that `token_log_probs` tells. At the right: its mean logarithm, and the share of different
    tokens among those that a strategy wrote.

    Args:
        results: {name: what `decode.generate` returned}.
        tokenizer: as for `beam`.
        rows: sequences of each that are shown.
        tokens: new tokens of each that are shown.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: there is no result, or one without tokens.

    >>> import numpy as np
    >>> from seqnn import decode, plot
    >>> table = np.log([[0.1, 0.6, 0.3], [0.1, 0.1, 0.8], [0.9, 0.05, 0.05]])
    >>> step = lambda ids, state: (table[ids[:, -1]], state)
    >>> greedy, drawn = decode.generate(step, [1], max_new_tokens=3), decode.sample(step, [1], max_new_tokens=3, seed=1)
    >>> ax = plot.strategies({"greedy": greedy, "drawn": drawn}, ["the", "cat", "sat"])
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['greedy', 'drawn']
    """
    rows, tokens = integer("rows", rows, 1), integer("tokens", tokens, 1)
    if not results:
        raise ValueError("results: expected at least one, got none")
    lines: list[tuple[float, list[str], np.ndarray]] = []
    marks, notes, y = [], [], 0.0
    for name, found in results.items():
        if not found.lengths.any():
            raise ValueError(f"results: expected tokens of {name!r}, got none")
        own = found.tokenizer if tokenizer is None else tokenizer
        count = min(rows, len(found.lengths))
        marks.append((y + (count - 1) / 2, name))
        written = np.concatenate(found.new_tokens)
        mean = found.token_log_probs.sum() / found.lengths.sum()
        notes.append((y + (count - 1) / 2, mean, len(np.unique(written)) / len(written)))
        for i in range(count):
            ids = found.new_tokens[i][:tokens]
            lines.append(
                (y, [shown(token_name(int(t), own)) for t in ids], np.exp(found.token_log_probs[i, : len(ids)]))
            )
            y += 1
        y += 0.5
    sizes = [[max(3, len(name)) + 1.6 for name in names] for _, names, _ in lines]
    width = max(sum(row) for row in sizes)
    ax = new_axes(ax, (2.6 + 0.082 * width, 0.9 + 0.27 * y))
    style(ax, title=title, spines=())

    shades, fonts = _probabilities(), families([name for _, names, _ in lines for name in names])
    for (at, names, probabilities), row in zip(lines, sizes, strict=True):
        left = np.cumsum([0.0, *row[:-1]])
        ax.barh(at, np.array(row) - 0.25, 0.86, left, color=shades.to_rgba(probabilities))
        for x, name, p, size in zip(left, names, probabilities, row, strict=True):
            ax.text(
                x + size / 2 - 0.12, at, name, ha="center", va="center", fontsize=8, fontfamily=fonts,
                color="white" if p > 0.65 else INK,
            )  # fmt: skip
    for at, mean, different in notes:
        note = f"{mean:.2f}   {different:.0%}".replace("-", "−")
        ax.text(1.01, at, note, transform=ax.get_yaxis_transform(), fontsize=8.5, color=GREY, va="center")
    ax.text(1.01, -0.9, "log p   different", transform=ax.get_yaxis_transform(), fontsize=7.5, color=GREY, va="bottom")
    ax.set_xlim(0, width)
    ax.set_ylim(y - 0.4, -0.8)
    ax.set_yticks([at for at, _ in marks], [name for _, name in marks])
    ax.set_xticks([])
    ax.tick_params(axis="y", length=0)
    bar = ax.figure.colorbar(shades, ax=ax, shrink=0.5, pad=0.12, aspect=20, ticks=[0, 0.5, 1])
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8)
    bar.set_label("probability", fontsize=8.5, color=GREY)
    return ax


def _probabilities() -> Any:
    """Return the colours of probabilities 0 to 1."""
    from matplotlib import cm, colormaps
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    colors = colormaps["Blues"](np.linspace(0, 0.85, 64))
    return cm.ScalarMappable(Normalize(0, 1), LinearSegmentedColormap.from_list("probability", colors))
