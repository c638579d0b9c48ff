"""Sums of gradients over the ranks, bucket by bucket, while backward computes the gradients that are not final yet."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd import Tensor, grad_array, has_grad
from ._errors import MPI


class _Bucket:
    """Parameters whose gradients travel together, one after the other in a buffer."""

    def __init__(self, members: list[tuple[int, Tensor]]) -> None:
        self.members = members
        self.buffer = np.empty(sum(parameter.size for _, parameter in members), members[0][1].dtype)
        self.missing = len(members)
        ends = np.cumsum([parameter.size for _, parameter in members]).tolist()
        self.places = [slice(end - parameter.size, end) for end, (_, parameter) in zip(ends, members, strict=True)]


class Reducer:
    """The buckets of some parameters. They are sent in one order on all ranks, whichever gradients a rank has.

    Args:
        comm: the communicator.
        parameters: the same on all ranks, in one order.
        bucket_bytes: the size from which on a bucket is full.
    """

    def __init__(self, comm: Any, parameters: Sequence[Tensor], bucket_bytes: int) -> None:
        self.comm, self.parameters = comm, list(parameters)
        self.buckets = [_Bucket(members) for members in _cut(self.parameters, bucket_bytes)]
        self.bytes = sum(bucket.buffer.nbytes for bucket in self.buckets)
        self.wait_seconds = 0.0
        """Time for which sums were waited for after the end of backward."""
        self._of = {parameter: bucket for bucket in self.buckets for _, parameter in bucket.members}
        self._requests: list[Any] = []

    def begin(self) -> None:
        """Begin a step; what an error has left of the one before is dropped."""
        MPI.Request.Waitall(self._requests)
        self._requests = []
        for bucket in self.buckets:
            bucket.missing = len(bucket.members)

    def ready(self, parameter: Tensor) -> None:
        """Note that the gradient of a parameter is final, and start the buckets that are full."""
        self._of[parameter].missing -= 1
        while len(self._requests) < len(self.buckets) and not self.buckets[len(self._requests)].missing:
            self._start()
        if self._requests:
            MPI.Request.Testall(self._requests)  # many MPI libraries move data only while they are called

    def _start(self) -> None:
        bucket = self.buckets[len(self._requests)]
        for (_, parameter), place in zip(bucket.members, bucket.places, strict=True):
            bucket.buffer[place] = grad_array(parameter).ravel() if has_grad(parameter) else 0
        self._requests.append(self.comm.Iallreduce(MPI.IN_PLACE, bucket.buffer))

    def finish(self, sums: Sequence[float]) -> list[float]:
        """Sum what is left, and some figures; the gradients are those of all ranks afterwards.

        A parameter that no rank has a gradient of keeps none.
        """
        used = [float(has_grad(parameter)) for parameter in self.parameters]
        while len(self._requests) < len(self.buckets):
            self._start()
        figures = np.array([*sums, *used])
        began = time.perf_counter()
        self._requests.append(self.comm.Iallreduce(MPI.IN_PLACE, figures))
        MPI.Request.Waitall(self._requests)
        self.wait_seconds += time.perf_counter() - began
        used = figures[len(sums) :].tolist()
        for bucket in self.buckets:
            for (number, parameter), place in zip(bucket.members, bucket.places, strict=True):
                parameter.zero_grad()
                if used[number]:
                    parameter.grad = bucket.buffer[place].reshape(parameter.shape)
        return figures[: len(sums)].tolist()


def _cut(parameters: Sequence[Tensor], bucket_bytes: int) -> list[list[tuple[int, Tensor]]]:
    """Cut parameters into buckets of one dtype, the last ones first: their gradients are final first."""
    buckets: list[list[tuple[int, Tensor]]] = []
    size = 0
    for number in range(len(parameters) - 1, -1, -1):
        parameter = parameters[number]
        if not buckets or size >= bucket_bytes or buckets[-1][0][1].dtype != parameter.dtype:
            buckets.append([])
            size = 0
        buckets[-1].append((number, parameter))
        size += parameter.data.nbytes
    return buckets
