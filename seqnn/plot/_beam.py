"""The tree of a beam search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..decode import Generation, SearchTree
from ._axes import BLUE, GREEN, GREY, INK, LEADER, new_axes, no_ticks, style
from ._fonts import families, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {"kept": BLUE, "finished": GREEN, "dropped": LEADER}


def beam(
    tree: SearchTree | Generation,
    tokenizer: Any = None,
    *,
    prompt: str = "prompt",
    dropped: bool = True,
    scores: bool = True,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the tree of a beam search: prefixes that were kept, finished or dropped; a thick line leads to the best sequence.

    A column is a step; the number below a token is the score of the prefix that it ends: the sum of its log-probabilities,
    normalised by length as the search does.

    Args:
        tree: the record of a search, or a result of one prompt that has it: `decode.generate(..., return_tree=True)`.
        tokenizer: what makes texts of token ids: an object with decode(ids), such as a `Vocabulary`, or a list of tokens;
            default: that of the result, or the numbers.
        prompt: what the root is called.
        dropped: whether the prefixes that were dropped are shown.
        scores: whether scores are written.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: a result has no tree, or those of several prompts; the list of tokens is too short.
        TypeError: there is something else than a tree or a result.

    >>> import numpy as np
    >>> from seqnn import decode, plot
    >>> table = np.log([[0.1, 0.6, 0.3], [0.1, 0.1, 0.8], [0.9, 0.05, 0.05]])
    >>> step = lambda ids, state: (table[ids[:, -1]], state)
    >>> found = decode.beam_search(step, [1], 2, max_new_tokens=2, return_tree=True)
    >>> ax = plot.beam(found, ["the", "cat", "sat"], scores=False)
    >>> [text.get_text() for text in ax.texts]
    ['prompt', 'sat', 'the', 'cat', 'the', 'cat', 'cat', 'sat']
    """
    if isinstance(tree, Generation):
        tokenizer = tree.tokenizer if tokenizer is None else tokenizer
        if not tree.trees or len(tree.trees) > 1:
            count = len(tree.trees or ())
            raise ValueError(
                f"tree: expected a result with the tree of one prompt, got {count}: generate(..., return_tree=True), and "
                "plot.beam(result.trees[i])"
            )
        tree = tree.trees[0]
    if not isinstance(tree, SearchTree):
        raise TypeError(f"tree: expected a SearchTree or a Generation that has one, got {type(tree).__name__}")
    nodes = [n for n in range(len(tree)) if dropped or tree.fates[n] != "dropped"]
    names = {n: shown(prompt if n == 0 else token_name(tree.tokens[n], tokenizer)) for n in nodes}
    depths, heights = _layout(tree, nodes)
    steps, leaves = max(depths.values()), 1 + max(heights.values())
    widest = max((len(names[n]) for n in nodes if n), default=1)
    ax = new_axes(ax, (1.4 + (0.75 + 0.085 * widest) * max(1, steps), 1.0 + (0.34 if scores else 0.26) * leaves))
    style(ax, title=title, spines=())
    best = set(_ancestors(tree, tree.best[0])) if tree.best else set()
    fonts = families(names.values())
    for n in nodes[1:]:
        x, y = _edge(depths[n] - 1, heights[tree.parents[n]], heights[n])
        good = n in best
        ax.plot(
            x, y, color=COLORS[tree.fates[n]] if not good else GREEN, linewidth=2.6 if good else 0.9, zorder=2 if good else 1,
            solid_capstyle="round",
        )  # fmt: skip
    for n in nodes:
        color = INK if n == 0 else GREEN if n in best else COLORS[tree.fates[n]]
        ax.text(
            depths[n], heights[n], names[n], ha="center", va="center", fontsize=9, fontfamily=fonts, zorder=3,
            color=GREY if tree.fates[n] == "dropped" else INK, fontweight="bold" if n in best else "normal",
            bbox={"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": color, "linewidth": 1.6 if n in best else 0.8},
        )  # fmt: skip
    if scores:
        for n in nodes[1:]:
            ax.annotate(
                f"{tree.scores[n]:.2f}".replace("-", "−"), (depths[n], heights[n]), xytext=(0, -8.5), textcoords="offset points",
                ha="center", va="top", fontsize=6.5, color=GREY, zorder=4,
            )  # fmt: skip
    no_ticks(ax)
    ax.set_xlim(-0.5, steps + 0.5)
    ax.set_ylim(leaves - 0.4, -0.6)
    for fate in COLORS if dropped else ("kept", "finished"):
        ax.plot([], [], color=COLORS[fate], linewidth=2, label=fate)
    ax.legend(
        frameon=False, fontsize=8.5, loc="upper left", bbox_to_anchor=(0, 0), ncols=3, handlelength=1.2, borderaxespad=0.3,
    )  # fmt: skip
    return ax


def token_name(token: int, tokenizer: Any) -> str:
    """Return a token as a text."""
    if tokenizer is None:
        return str(token)
    if not hasattr(tokenizer, "decode"):
        if token >= len(tokenizer):
            raise ValueError(f"tokenizer: expected a name for token {token}, got {len(tokenizer)} names")
        return str(tokenizer[token])
    text = tokenizer.decode([token])
    return text if isinstance(text, str) else " ".join(text)


def _layout(tree: SearchTree, nodes: Sequence[int]) -> tuple[dict[int, int], dict[int, float]]:
    """Return the depth of each node, and its height: leaves stand one below another, the best child at the top."""
    children: dict[int, list[int]] = {n: [] for n in nodes}
    for n in nodes[1:]:
        children[tree.parents[n]].append(n)
    depths, heights, leaves = {0: 0}, {}, 0
    stack = [(0, False)]
    while stack:
        n, seen = stack.pop()
        below = children[n]
        if not below:
            heights[n], leaves = float(leaves), leaves + 1
        elif seen:
            heights[n] = (heights[below[0]] + heights[below[-1]]) / 2
        else:
            stack.append((n, True))
            for child in reversed(below):
                depths[child] = depths[n] + 1
                stack.append((child, False))
    return depths, heights


def _ancestors(tree: SearchTree, node: int) -> list[int]:
    found = [node]
    while found[-1] > 0:
        found.append(tree.parents[found[-1]])
    return found


def _edge(left: float, start: float, end: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the points of a smooth line to the next column."""
    t = np.linspace(0, 1, 30)
    return left + t, start + (end - start) * t * t * (3 - 2 * t)
