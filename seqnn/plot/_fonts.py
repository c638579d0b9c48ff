"""Letters of every script in pictures, where a font that has them is installed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from .._arguments import warn_caller

__all__ = ["families", "shown"]


def families(texts: Iterable[str]) -> list[str]:
    """Return the font families that have the letters of texts: matplotlib's own, and one more where that lacks some.

    Where no installed font has them, one warning says so, and the letters are drawn as boxes.
    """
    from matplotlib import rcParams

    usual = [*rcParams["font.family"]]
    missing = frozenset(letter for text in texts for letter in text if ord(letter) > 0x17F)
    further = _family_with(missing) if missing else None
    return usual if further is None else [*usual, further]


@cache
def _family_with(letters: frozenset[str]) -> str | None:
    """Return a further family with those of the letters that the usual font lacks; None where nothing is to be added."""
    from matplotlib.font_manager import FontProperties, findfont, fontManager

    wanted = {ord(letter) for letter in letters} - _letters(findfont(FontProperties()))
    if not wanted:
        return None
    fonts = [font for font in fontManager.ttflist if "Last Resort" not in font.name]  # that one has boxes for all
    found = max(fonts, key=lambda font: len(wanted & _letters(font.fname)), default=None)
    if found is None or not wanted & _letters(found.fname):
        some = "".join(map(chr, sorted(wanted)[:5]))
        warn_caller(f"no installed font has {some!r}: install one, such as Noto Sans CJK", UserWarning)
        return None
    return found.name


@cache
def _letters(path: str) -> frozenset[int]:
    """Return the letters that a font file has."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


def shown(token: object) -> str:
    """Return a token as it is written in a picture: blanks and line ends can be seen, and a dollar begins no formula."""
    text = str(token)
    visible = text if text.strip() else text.replace(" ", "␣") or "␣"
    return visible.replace("\n", "⏎").replace("\t", "⇥").replace("$", r"\$")
