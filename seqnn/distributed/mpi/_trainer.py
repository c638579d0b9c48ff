"""`Trainer`: the training loop of `seqnn.train`, with every step taken together by all ranks."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from ... import random, train
from ..._arguments import integer
from ..._files import Path
from ...autograd import Tensor, when_final
from ...nn import Module
from ...optim import Optimizer
from ._alike import average_buffers, begin_alike, require_alike
from ._errors import MPI, abort_on_error, communicator
from ._reducer import Reducer
from ._sources import NOTHING, Present, form_of, source_of

STEP_STREAM = 1 << 44
"""Streams of random numbers of the steps."""


class _MpiRun(train.BatchRun):
    """A run in which the ranks add their gradients up before each update, and change the weights alike."""

    _means_add_up = False  # ranks may have different numbers of targets

    def _batches(self) -> Iterator[Any]:
        """Yield this rank's batches, and NOTHING while only others have one."""
        batches, rounds = super()._batches(), self.source.rounds()
        if rounds is not None:
            yield from batches
            return
        while True:
            batch = next(batches, NOTHING)
            if not self.model.comm.allreduce(batch is not NOTHING, MPI.LOR):
                return
            yield batch

    def _step(self, group: list[Any]) -> None:
        trainer = self.model
        reducer = trainer._reducer_of_now()
        reducer.begin()
        self._when_final = when_final(reducer.parameters, reducer.ready)
        self.position.unit += sum(batch is NOTHING for batch in group)
        self._random_state = random.get_state()
        random.seed(trainer._step_seed())
        try:
            super()._step([batch for batch in group if batch is not NOTHING])
        except BaseException:
            random.set_state(self._random_state)
            raise

    def _backward(self, loss: Tensor, gradient: np.ndarray, last: bool) -> None:
        if not last:
            super()._backward(loss, gradient, last)
            return
        with self._when_final:
            super()._backward(loss, gradient, last)

    def _together(self, *sums: float) -> tuple[Any, ...]:
        random.set_state(self._random_state)  # callbacks and checkpoints see that of the run
        loss, total, share, examples = self.model._reducer.finish(sums)
        return loss, total, share, int(examples)

    def interrupted(self, error: KeyboardInterrupt) -> str:
        return ""  # writing a checkpoint takes all ranks

    def end_epoch(self) -> None:
        trainer = self.model
        trainer.stop_training = trainer.comm.allreduce(bool(trainer.stop_training), MPI.LOR)
        super().end_epoch()


class Trainer(train.Trainer):
    """The training of a model by all ranks of a communicator, each on its share of every batch.

    It is `seqnn.train.Trainer` with the same arguments, of which these have more to them. A step is that of one machine on
    the ranks' batches together: gradients and losses are means over all targets that count, on whatever rank they are, so
    4 ranks with batches of 16 do what 1 rank does with batches of 64, up to rounding. Gradients are summed in buckets as
    soon as they are final, while backward goes on. Parameters that take no part on some ranks, ranks without a batch, and
    batches of different sizes are fine.

    At the beginning of `fit` all ranks get the weights of rank 0. Random numbers of a step (dropout) depend on rank 0's
    `seqnn.random`, on the step and on the rank. Layers with statistics of a batch (`nn.BatchNorm1d` and its kin) see the
    examples of their rank alone, so their results do depend on the number of ranks; their running means are averaged over
    the ranks before an evaluation and a checkpoint. They refuse a single example, which a rank may have of the last batch:
    `train.Batches(drop_last=True)` leaves it out. `nn.LayerNorm` and the like need none of this.

    Callbacks run on every rank, and see the figures of all ranks. An error on one rank ends all of them with its message.

    Args:
        model: an `nn.Module`, made alike on all ranks.
        loss, optimizer, schedule, clip_norm, clip_value, accumulate, ema, metrics, callbacks: as for
            `seqnn.train.Trainer`. `optim.Adam(lazy=True)` is refused: sums of gradients have all rows of a table.
        checkpoint, checkpoint_every: given on all ranks; rank 0 writes the file, and a run may be resumed by another
            number of ranks.
        verbose: 0 shows no bar; only rank 0 shows one.
        comm: the communicator; by default all ranks.
        bucket_bytes: the size from which on gradients are sent.

    Attributes:
        comm: the communicator.
        step_bytes: bytes of gradients that a step sums.
        wait_seconds: seconds for which this rank has waited for sums after the end of backward.

    Source: Li et al. 2020, "PyTorch Distributed: experiences on accelerating data parallel training".

    >>> import numpy as np
    >>> from seqnn import nn, ops, optim
    >>> from seqnn.distributed import mpi
    >>> model = nn.Linear(4, 2)
    >>> trainer = mpi.Trainer(model, ops.cross_entropy, optim.Adam(model.parameters(), lr=0.1), verbose=0)
    >>> x = np.random.default_rng(0).standard_normal((64, 4)).astype(np.float32)
    >>> history = trainer.fit((x, (x[:, 0] > 0).astype(int)), epochs=3, batch_size=16)
    >>> history["loss"][-1] < history["loss"][0], trainer.step_bytes
    (True, 40)
    """

    _run_type = _MpiRun

    def __init__(
        self,
        model: Module,
        loss: Any,
        optimizer: Optimizer,
        *,
        comm: Any = None,
        bucket_bytes: int = 1 << 22,
        verbose: int = 1,
        **options: Any,
    ) -> None:
        self.comm = communicator(comm)
        with abort_on_error(self.comm):
            super().__init__(model, loss, optimizer, verbose=verbose if self.comm.rank == 0 else 0, **options)
            self.bucket_bytes = integer("bucket_bytes", bucket_bytes, 1)
            if any(group.get("lazy") for group in optimizer.param_groups):
                raise ValueError(
                    "optimizer: expected lazy=False, sums over ranks have all rows of a table; got lazy=True"
                )
        self._reducer: Any = None

    @property
    def step_bytes(self) -> int:
        """The bytes of gradients that a step sums; 0 before the first."""
        return 0 if self._reducer is None else self._reducer.bytes

    @property
    def wait_seconds(self) -> float:
        """The seconds for which this rank has waited for sums after the end of backward."""
        return 0.0 if self._reducer is None else self._reducer.wait_seconds

    def fit(
        self,
        data: Any,
        epochs: int | None = None,
        *,
        steps: int | None = None,
        validation: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int = 0,
        resume: bool = True,
    ) -> dict[str, list[Any]]:
        """Train for some epochs, as `seqnn.train.Trainer.fit`; all ranks call it alike.

        Args:
            data: `train.Batches` or a tuple of arrays (x, y), which all ranks have and of which each takes (and of
                memory-mapped files reads) its share; or `LocalBatches`, which each rank has for itself.
            epochs, steps: of the run.
            validation: what is evaluated after each epoch, in the same forms as `data`.
            batch_size: examples a rank and batch, as that of `train.Batches`: all ranks together take as many times more.
            shuffle, seed: for tuples of arrays.
            resume: False drops an interrupted run and begins a new one.

        Returns:
            `history`, the same on all ranks but for "seconds".

        Raises:
            ValueError: models, arguments or numbers of examples that are not alike on all ranks.
        """
        with abort_on_error(self.comm):
            require_alike(
                self.comm,
                epochs=epochs,
                steps=steps,
                resume=resume,
                data=form_of(data),
                validation=form_of(validation),
                accumulate=self.accumulate,
                checkpoint="None" if self.checkpoint is None else "a file",
                checkpoint_every=self.checkpoint_every,
            )
            begin_alike(self.comm, self.model, self.steps)
            history = super().fit(
                data, epochs, steps=steps, validation=validation, batch_size=batch_size, shuffle=shuffle, seed=seed,
                resume=resume,
            )  # fmt: skip
            self._average_buffers()
            return history

    def evaluate(self, data: Any, *, batch_size: int = 32) -> dict[str, float]:
        """Compute the mean loss and metrics over the data of all ranks, in evaluation mode; all ranks call it alike.

        Args:
            data: as for `fit`.
            batch_size: for tuples of arrays.

        Returns:
            "loss" and the metrics by name, each the mean over all targets that count.
        """
        with abort_on_error(self.comm):
            self._average_buffers()
            return super().evaluate(Present(self._source(data, "data", batch_size, 0, False)))

    def save(self, path: Path) -> None:
        """Write everything that the rest of the run depends on; all ranks call it, rank 0 writes.

        Args:
            path: the file (safetensors with JSON).
        """
        with abort_on_error(self.comm):
            self._average_buffers()
            if self.comm.rank == 0:
                super().save(path)

    def resume(self, path: Path) -> None:
        """Take over what `save` wrote, on all ranks; only rank 0 needs to see the file.

        Args:
            path: the file.

        Raises:
            ValueError: a file that is damaged or does not fit; nothing is changed then.
        """
        with abort_on_error(self.comm):
            if self.comm.size == 1:
                super().resume(path)
                return
            content = None
            if self.comm.rank == 0:
                with open(path, "rb") as file:
                    content = file.read()
            content = self.comm.bcast(content)
            with tempfile.TemporaryDirectory() as folder:
                copy = os.path.join(folder, "checkpoint")
                with open(copy, "wb") as file:
                    file.write(content)
                super().resume(copy)

    def _source(self, data: Any, name: str, batch_size: int, seed: int, shuffle: bool) -> Any:
        return source_of(data, name, self.comm, batch_size, seed, shuffle)

    def _together(self, *figures: Any) -> tuple[Any, ...]:
        sums: dict[str, float] = {}
        counts: dict[str, float] = {}
        batches = 0
        for theirs in self.comm.allgather(figures):
            for total, part in zip((sums, counts), theirs, strict=False):
                for name, figure in part.items():
                    total[name] = total.get(name, 0.0) + figure
            batches += theirs[2]
        return sums, counts, batches

    def _begin(self, epochs: int, steps: int | None, source: Any, resume: bool) -> None:
        require_alike(self.comm, "; mpi.LocalBatches is for what each rank has for itself", data=source.describe())
        super()._begin(epochs, steps, source, resume)

    def _average_buffers(self) -> None:
        average_buffers(self.comm, self.model)

    def _reducer_of_now(self) -> Reducer:
        """Return the sums of the parameters that learn at present: layers may be frozen or thawed on the way."""
        learning = [parameter for parameter in self._trained if parameter.requires_grad]
        known = [] if self._reducer is None else self._reducer.parameters
        if len(known) != len(learning) or any(a is not b for a, b in zip(known, learning, strict=True)):
            waited = self.wait_seconds
            self._reducer = Reducer(self.comm, learning, self.bucket_bytes)
            self._reducer.wait_seconds = waited
        return self._reducer

    def _step_seed(self) -> int:
        """Return the seed of this step's random numbers on this rank."""
        state = random.get_state()
        low, high = random.bits(1, seed=state["seed"], stream=STEP_STREAM + self.steps)[:2].tolist()
        low, high = random.bits(1, seed=low | (high >> 1) << 32, stream=self.comm.rank)[:2].tolist()
        return low | (high >> 1) << 32
