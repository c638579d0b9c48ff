"""What each rank trains on: its share of every batch, or batches of its own."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...text import is_one_shot
from ...train import Batches, GivenBatches, as_source

NOTHING = object()
"""What a rank has in a round that others still have a batch in."""


class Share(Batches):
    """The share of one rank of batches that all ranks cut alike: every size-th example, from the rank-th one on.

    Args:
        batches: what all ranks have; their `batch_size` is that of one rank.
        comm: the communicator.
    """

    def __init__(self, batches: Batches, comm: Any) -> None:
        vars(self).update(vars(copy.copy(batches)))
        self.batch_size = batches.batch_size * comm.size
        if not len(self):
            raise ValueError(
                f"drop_last: {self.examples} examples do not fill one batch of {batches.batch_size} on each of {comm.size} ranks"
            )
        self._rank, self._size = comm.rank, comm.size

    def rounds(self) -> int:
        """Return how many batches an epoch has, on every rank."""
        return len(self)

    def order(self, epoch: int) -> list[np.ndarray]:
        """Return which examples this rank has of each batch of an epoch."""
        return [ids[self._rank :: self._size] for ids in super().order(epoch)]

    def _batch(self, ids: np.ndarray) -> Any:
        return super()._batch(ids) if len(ids) else NOTHING


class LocalBatches:
    """Batches that a rank has for itself, such as those of its own files.

    A rank whose batches are used up takes part in the steps of the others without one, until all have ended. To be resumed
    exactly an iterable must give the same batches again in each epoch.

    Args:
        batches: `seqnn.train.Batches`, or any iterable of batches.

    >>> import numpy as np
    >>> from seqnn import nn, optim, ops
    >>> from seqnn.distributed import mpi
    >>> model = nn.Linear(2, 2)
    >>> mine = mpi.LocalBatches([(np.eye(2, dtype=np.float32), np.array([0, 1]))])
    >>> trainer = mpi.Trainer(model, ops.cross_entropy, optim.SGD(model.parameters(), lr=0.1), verbose=0)
    >>> len(trainer.fit(mine, epochs=2)["loss"])
    2
    """

    foreign = True

    def __init__(self, batches: Any) -> None:
        if isinstance(batches, LocalBatches | Share):
            raise TypeError(f"batches: expected train.Batches or an iterable of batches, got {type(batches).__name__}")
        self._source = as_source(batches, "batches", 1, 0, False)
        self._comm: Any = None
        self._left = [1 if is_one_shot(batches) else math.inf]
        """How often the batches can be gone through; one list for all copies."""

    def of(self, comm: Any) -> LocalBatches:
        """Return the same batches, as those of a rank of a communicator.

        Args:
            comm: the communicator.
        """
        mine = copy.copy(self)
        mine._comm = comm
        return mine

    def rounds(self) -> None:
        """Return nothing: ranks may have different numbers of batches."""
        return

    def batches(self) -> int | None:
        """Return how many steps an epoch takes, where all ranks know it."""
        counts = self._comm.allgather(self._source.batches())
        return None if None in counts else max(counts)

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Return the batches of an epoch.

        Args:
            number: of the epoch, from 0.
            start: the batch to begin with.

        Raises:
            ValueError: the second epoch of a generator, without which the other ranks would go on.
        """
        if not self._left[0]:
            raise ValueError(
                f"data: the batches of rank {self._comm.rank} can be gone through only once: give a list, or train.Batches"
            )
        self._left[0] -= 1
        if isinstance(self._source, GivenBatches):
            return itertools.islice(self._source.epoch(number), start, None)
        return iter(self._source.epoch(number, start))

    def describe(self) -> dict[str, Any]:
        """Return what decides about the order, on all ranks."""
        return {"local": self._comm.allgather(self._source.describe())}


class Present(GivenBatches):
    """The batches of one epoch that a rank really has."""

    def __init__(self, source: Any) -> None:
        super().__init__([])
        self._source = source

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Return the batches of an epoch."""
        return (batch for batch in self._source.epoch(number, start) if batch is not NOTHING)


def form_of(data: Any) -> str:
    """Return how data is given, which must be alike on all ranks."""
    return "None" if data is None else "LocalBatches" if isinstance(data, LocalBatches) else "data for all ranks"


def source_of(data: Any, name: str, comm: Any, batch_size: int, seed: int, shuffle: bool) -> Any:
    """Return what a rank goes through."""
    if isinstance(data, Share | Present):
        return data
    if isinstance(data, LocalBatches):
        return data.of(comm)
    source = as_source(data, name, batch_size, seed, shuffle)
    if not isinstance(source, Batches):
        raise TypeError(
            f"{name}: expected train.Batches or a tuple of arrays (x, y), of which each rank takes its share, or "
            f"mpi.LocalBatches(...) for what each rank has for itself; got {type(data).__name__}"
        )
    return Share(source, comm)
