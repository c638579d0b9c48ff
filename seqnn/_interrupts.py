"""Ctrl-C between steps, never inside one: a long loop stays consistent and still stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class DeferredInterrupt:
    """Context in which Ctrl-C waits for the next `check()`.

    Python would raise `KeyboardInterrupt` between any two bytecodes, for example after a kernel has changed the
    weights and before the position is noted. Takes over SIGINT only in the main thread and only from Python's own
    handler; elsewhere it changes nothing.
    """

    def __init__(self) -> None:
        self._pending = False
        self._installed = False

    def __enter__(self) -> DeferredInterrupt:
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):
            signal.signal(signal.SIGINT, self._note)
            self._installed = True
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if self._installed:
            self._installed = False
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if kind is None:
            self.check()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._pending = True

    def check(self) -> None:
        """Raise the `KeyboardInterrupt` that is waiting, if any."""
        if self._pending:
            self._pending = False
            raise KeyboardInterrupt

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Context inside this one in which Ctrl-C acts at once again: for the user's code and for long copies."""
        self.check()
        if not self._installed:
            yield
            return
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, self._note)
