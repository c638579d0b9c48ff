"""Shards of a corpus, and tasks on them: each a function of its shard alone, so that a lost one can be done again."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from ...text import is_one_shot, is_open_file
from .._needs import needed

distributed = needed("dask", "distributed")

FAN_IN = 8
"""Results that a task merges: the tree of merges depends on the number of shards only."""


def checked(client: Any, shards: Any) -> list[Any]:
    """Return the shards as a list; an error says what is wrong with them or the client."""
    if not isinstance(client, distributed.Client):
        raise TypeError(f"client: expected a distributed.Client, got {type(client).__name__}")
    if client.asynchronous:
        raise TypeError("client: expected one that waits for results, got Client(asynchronous=True)")
    if isinstance(shards, str | bytes | os.PathLike):
        raise TypeError(
            f"shards: expected a list of shards, got the one path {os.fsdecode(shards)!r}: give [path, ...]"
        )
    if is_one_shot(shards) or not isinstance(shards, Sequence):
        raise TypeError(f"shards: expected a list of shards, got {type(shards).__name__}")
    if not shards:
        raise ValueError("shards: expected at least one, got none")
    for number, shard in enumerate(shards):
        if is_open_file(shard):
            raise TypeError(f"shards[{number}]: expected the path of a file, got an open file")
        if is_one_shot(shard):
            raise TypeError(
                f"shards[{number}]: expected what can be read again when a worker is lost (a path or a list of sentences), "
                f"got {type(shard).__name__}"
            )
    return [os.fspath(shard) if isinstance(shard, os.PathLike) else shard for shard in shards]


def on_each(client: Any, function: Callable, shards: Sequence[Any], *args: Any, **options: Any) -> list[Any]:
    """Let the workers compute function(shard, *args, **options) for every shard; return futures, in order."""
    return [
        _submit(client, _on_shard, function, number, _Held(shard), args, options, key=_key(function, number))
        for number, shard in enumerate(shards)
    ]


def joined(client: Any, function: Callable[[list], Any], futures: Sequence[Any]) -> Any:
    """Merge results in the order of the shards, FAN_IN at a time; return the future of the merged one."""
    level = list(futures)
    while len(level) > 1:
        level = [
            client.submit(function, level[i : i + FAN_IN], pure=False, key=_key(function, i))
            for i in range(0, len(level), FAN_IN)
        ]
    return level[0]


def sent(client: Any, value: Any) -> Any:
    """Return the future of a value that every task needs: it travels to each worker once, and outlives lost ones."""
    return _submit(client, _itself, value)


def _submit(client: Any, function: Callable, *args: Any, **options: Any) -> Any:
    """Submit a task with its arguments, however large they are: Dask's advice, to scatter them, would lose them with a worker."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
        return client.submit(function, *args, pure=False, **options)


def _itself(value: Any) -> Any:
    return value


def result(future: Any) -> Any:
    """Wait for a future's result."""
    try:
        return future.result()
    except distributed.KilledWorker as error:
        error.add_note(
            "A task's workers died again and again, often for want of memory: make more and smaller shards, or give each "
            "worker more memory."
        )
        raise


def _key(function: Callable, number: int) -> str:
    """Make a new name of a task, under which dashboards show it."""
    return f"seqnn-{function.__name__.strip('_')}-{number}-{os.urandom(8).hex()}"


class _Held:
    """A shard that Dask passes on as it is, without looking for futures among its words."""

    def __init__(self, shard: Any) -> None:
        self.shard = shard


def _on_shard(function: Callable, number: int, held: _Held, args: tuple, options: dict[str, Any]) -> Any:
    shard = held.shard
    try:
        return function(shard, *args, **options)
    except Exception as error:
        error.add_note(f"This was shards[{number}], {_described(shard)}, on {distributed.get_worker().address}.")
        raise


def _described(shard: Any) -> str:
    if isinstance(shard, str):
        return f"the file {shard!r}, which every worker must see under this name"
    return f"a {type(shard).__name__}" + (f" of {len(shard)}" if hasattr(shard, "__len__") else "")
