"""The threads that compute answers."""

import asyncio
import threading

import pytest

from seqnn.serve._fields import Fields, RequestError
from seqnn.serve._work import StoppedError, Work


class Questions:
    """Questions about a model, which wait until they may go on, and one about words."""

    def __init__(self):
        self.go_on, self.running, self.most = threading.Event(), 0, 0
        self.heavy, self.light = {"slow": self.slow}, {"quick": lambda fields: {"of": fields.text("text", 9)}}

    def slow(self, fields):
        self.running += 1
        self.most = max(self.most, self.running)
        assert self.go_on.wait(60) and threading.current_thread().daemon
        self.running -= 1
        return {}


def test_a_model_computes_one_answer_at_a_time_and_words_do_not_wait_for_it():
    asked = Questions()

    async def main():
        work = Work(asked)
        assert "slow" in work and "quick" in work and "other" not in work
        slow = [asyncio.create_task(work.answer("slow", Fields(b"{}"))) for _ in range(3)]
        assert await work.answer("quick", Fields(b'{"text": "a"}')) == {"of": "a"}
        with pytest.raises(RequestError, match="text: expected a text, got None"):
            await work.answer("quick", Fields(b"{}"))
        assert not any(task.done() for task in slow)
        asked.go_on.set()
        assert await asyncio.gather(*slow) == [{}, {}, {}]

    asyncio.run(main())
    assert asked.most == 1


def test_nobody_waits_for_a_server_that_stops():
    asked = Questions()

    async def main():
        work = Work(asked)
        tasks = [asyncio.create_task(work.answer("slow", Fields(b"{}"))) for _ in range(2)]
        while not asked.running:
            await asyncio.sleep(0.01)
        work.stop()
        assert [type(end) for end in await asyncio.gather(*tasks, return_exceptions=True)] == [StoppedError] * 2

    asyncio.run(main())
    asked.go_on.set()
    assert asked.most == 1
