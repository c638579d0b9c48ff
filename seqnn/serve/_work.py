"""Threads that compute the answers."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from threading import Thread
from typing import Any

from ._explored import Explored
from ._fields import Fields

__all__ = ["StoppedError", "Work"]


class StoppedError(Exception):
    """The server ended before the answer was there."""


class Work:
    """Computes answers beside the server, which goes on answering and can end at any time.

    A model computes one answer at a time; questions about words need not wait for it.

    Args:
        explored: knows the answers.
    """

    def __init__(self, explored: Explored) -> None:
        self._lanes = [(explored.heavy, asyncio.Semaphore(1)), (explored.light, asyncio.Semaphore(4))]
        self._waiting: set[asyncio.Future[Any]] = set()
        self._stopped = False

    def __contains__(self, question: str) -> bool:
        """Tell whether there are answers to a question."""
        return any(question in actions for actions, _ in self._lanes)

    async def answer(self, question: str, fields: Fields) -> dict[str, Any]:
        """Compute an answer; StoppedError where the server ends before."""
        compute, free = next((actions[question], free) for actions, free in self._lanes if question in actions)
        async with free:
            if self._stopped:
                raise StoppedError
            result: Future[dict[str, Any]] = Future()
            result.set_running_or_notify_cancel()

            def work() -> None:
                try:
                    result.set_result(compute(fields))
                except BaseException as error:
                    result.set_exception(error)

            # Python waits for the threads of an executor when it ends, and for these it does not.
            Thread(target=work, name=f"seqnn {question}", daemon=True).start()
            waiting = asyncio.wrap_future(result)
            self._waiting.add(waiting)
            try:
                return await waiting
            except asyncio.CancelledError:
                if self._stopped:
                    raise StoppedError from None
                raise
            finally:
                self._waiting.discard(waiting)

    def stop(self) -> None:
        """Let those who wait go without an answer."""
        self._stopped = True
        for waiting in self._waiting:
            waiting.cancel()
