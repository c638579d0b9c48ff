"""What all ranks must have alike: arguments, weights, and buffers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import random
from ...nn import Module
from ._errors import MPI


def require_alike(comm: Any, advice: str = "", **mine: Any) -> None:
    """Raise a ValueError on every rank where a value differs between them: one would wait for ever for another."""
    theirs = comm.allgather(mine)
    for rank, values in enumerate(theirs):
        for name, value in values.items():
            if value != theirs[0][name]:
                raise ValueError(
                    f"{name}: expected the same on all ranks; rank {rank} has {value}, rank 0 has {theirs[0][name]}{advice}"
                )


def begin_alike(comm: Any, model: Module, steps: int) -> None:
    """Give all ranks the weights, buffers and random numbers of rank 0; refuse models that are not alike."""
    mine = [(name, array.shape, array.dtype.str) for name, array in model.state_dict().items()], steps
    theirs = comm.allgather(mine)
    if wrong := [rank for rank, other in enumerate(theirs) if other != theirs[0]]:
        raise ValueError(
            f"model: expected the same parameters and steps on all ranks; rank {wrong[0]} has {len(theirs[wrong[0]][0])} "
            f"arrays and {theirs[wrong[0]][1]} steps, rank 0 has {len(theirs[0][0])} and {theirs[0][1]}, or other shapes"
        )
    random.set_state(comm.bcast(random.get_state()))
    for array in [*(p.data for p in model.parameters()), *model.buffers()]:
        sent = np.ascontiguousarray(array)
        comm.Bcast(sent)
        if comm.rank and array.flags.writeable:
            array[...] = sent


def average_buffers(comm: Any, model: Module) -> None:
    """Set floating buffers (running means) to their mean over the ranks, others to those of rank 0."""
    if comm.size == 1:
        return
    for buffer in model.buffers():
        sent = np.ascontiguousarray(buffer)
        if buffer.dtype.kind == "f":
            sent = sent / comm.size
            comm.Allreduce(MPI.IN_PLACE, sent)
        else:
            comm.Bcast(sent)
        buffer[...] = sent
