"""Progress bars: tqdm's, imported when the first one is shown."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from typing import Any


class NoBar:
    """A bar that shows nothing, and starts no thread as tqdm's do even when disabled."""

    disable = True
    n = 0
    total: int | None = None

    def __enter__(self) -> NoBar:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def update(self, done: int) -> None:
        """Move nothing."""

    def set_postfix(self, **figures: object) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Leave nothing."""


def progress_bar(
    description: str, unit: str, *, show: bool, total: int | None = None, initial: int = 0, delay: float = 0
) -> Any:
    """Open a tqdm bar (a context manager) over `total` units; it appears after `delay` seconds, and only with `show`."""
    if not show:
        return NoBar()
    if "tqdm.auto" not in sys.modules:
        with warnings.catch_warnings():  # a notebook without ipywidgets gets a bar of text, which is no reason to warn
            warnings.filterwarnings("ignore", "IProgress not found")
            import_module("tqdm.auto")
    from tqdm.auto import tqdm

    return tqdm(desc=description, unit=unit, unit_scale=True, total=total, initial=initial, delay=delay)


def advance(bar: Any, done: int, total: int | None) -> None:
    """Move the bar to `done` units of `total`."""
    bar.total = total
    bar.update(done - bar.n)


def end_bar(bar: Any) -> None:
    """Close the bar of a run that has ended well, perhaps before its last epoch: it is full then."""
    if not bar.disable and bar.total != bar.n:
        done, began = bar.n, bar.start_t
        bar.reset(total=done)  # only so does the widget of a notebook learn its new length
        bar.n, bar.start_t = done, began
    bar.close()
