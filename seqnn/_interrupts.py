"""Ctrl-C between steps, never inside one: a long loop stays consistent and still stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class DeferredInterrupt:
    """A context in which Ctrl-C waits for the next `check()`.

    Python would raise `KeyboardInterrupt` between any two bytecodes, for example after a kernel has changed the
    weights and before the position is noted. The context takes SIGINT (and SIGTERM, where a program treats it alike) over
    only in the main thread and only from Python's own handler of Ctrl-C; elsewhere it changes nothing.
    """

    def __init__(self) -> None:
        self._pending = False
        self._signals: list[signal.Signals] = []

    def __enter__(self) -> DeferredInterrupt:
        if threading.current_thread() is threading.main_thread():
            ours = signal.default_int_handler
            self._signals = [s for s in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(s) is ours]
            self._handle(self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._handle(signal.default_int_handler)
        self._signals = []
        if kind is None:
            self.check()

    def _handle(self, handler: Callable[[int, FrameType | None], object]) -> None:
        for number in self._signals:
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._pending = True

    def check(self) -> None:
        """Raise the `KeyboardInterrupt` that is waiting, if any."""
        if self._pending:
            self._pending = False
            raise KeyboardInterrupt

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Let Ctrl-C act at once again in a context inside this one: for the user's code and for long copies."""
        self.check()
        self._handle(signal.default_int_handler)
        try:
            yield
        finally:
            self._handle(self._note)
