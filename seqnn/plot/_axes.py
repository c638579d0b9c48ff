"""The look that all pictures share; the only module that imports matplotlib, and only when a picture is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette: told apart with any colour vision, and in print.
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
INK, GREY, LEADER, FAINT = "#222222", "#767676", "#A8A8A8", "#D9D9D9"


def new_axes(ax: Any, size: tuple[float, float]) -> Axes:
    """Return the given Axes, or those of a new figure of that size (inches)."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("pictures need matplotlib: pip install 'seqnn-cpu[plot]'") from error
    from matplotlib.axes import Axes

    if ax is None:
        return plt.subplots(figsize=size, layout="constrained")[1]
    if not isinstance(ax, Axes):
        raise TypeError(f"ax: expected matplotlib Axes or None, got {type(ax).__name__}")
    return ax


def style(ax: Axes, *, title: str | None, spines: tuple[str, ...] = ("left", "bottom")) -> None:
    """Draw thin grey spines, only those named, small grey tick labels, and a left-aligned title."""
    for name, spine in ax.spines.items():
        spine.set_visible(name in spines)
        spine.set_linewidth(0.6)
        spine.set_color(GREY)
    ax.tick_params(width=0.6, length=3, color=GREY, labelcolor=INK, labelsize=9)
    if title:
        ax.set_title(title, loc="left", fontsize=11, color=INK, pad=10)


def no_ticks(ax: Axes) -> None:
    """Remove the ticks, as for maps, whose coordinates mean nothing by themselves."""
    ax.set_xticks([])
    ax.set_yticks([])
