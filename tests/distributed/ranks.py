"""What the tests of MPI let ranks do: `mpiexec -n 4 python ranks.py TASK FOLDER`; rank 0 leaves result.json in the folder."""

import json
import sys
from pathlib import Path

import numpy as np

from seqnn import Callback, nn, ops, optim, random, train
from seqnn.distributed import mpi

FOLDER = Path(sys.argv[2]) if len(sys.argv) > 2 else Path()


class Reader(nn.Module):
    """Embedded words, a hidden layer, a layer that is not used, and one whose use depends on the rank."""

    def __init__(self, dropout=0.0, batch_norm=False, only=None):
        self.table = nn.Embedding(20, 6)
        self.hidden = nn.Linear(6, 12)
        self.unused = nn.Linear(3, 3)
        self.sometimes = nn.Linear(12, 12)
        self.norm = nn.BatchNorm1d(12) if batch_norm else None
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(12, 3)
        self.only = only

    def forward(self, ids):
        h = self.hidden(self.table(ids).mean(axis=1)).tanh()
        if self.only:
            h = h + self.sometimes(h)
        if self.norm is not None:
            h = self.norm(h)
        return self.out(self.dropout(h))


def data(examples=150):
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 20, (examples, 5))
    targets = ids.sum(axis=1) % 3
    targets[rng.random(examples) < 0.3] = -100  # not as many on each rank
    targets[:20] = -100
    return ids, targets


def trainer_of(seed=1, **options):
    random.seed(seed)
    model = Reader(**{name: options.pop(name) for name in ("dropout", "batch_norm", "only") if name in options})
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    return mpi.Trainer(model, ops.cross_entropy, optimizer, verbose=0, bucket_bytes=200, **options)


def bits(trainer):
    """All numbers of a model, as text."""
    return b"".join(array.tobytes() for array in trainer.model.state_dict().values()).hex()


def leave(trainer, **figures):
    """Write what was found; all ranks must have the same weights."""
    alike = len(set(trainer.comm.allgather(bits(trainer)))) == 1
    if trainer.comm.rank == 0:
        (FOLDER / "result.json").write_text(json.dumps({"alike": alike, "bits": bits(trainer)} | figures))


def losses():
    """Train with validation, clipping, accumulation, averages and a schedule on a share of each batch of 64."""
    trainer = trainer_of(clip_norm=0.5, ema=0.9, schedule=optim.Linear(4), metrics={"accuracy": train.accuracy})
    size = trainer.comm.size
    history = trainer.fit(data(), epochs=3, batch_size=64 // size, validation=data(30))
    accumulating = trainer_of(accumulate=2)
    more = accumulating.fit(data(), epochs=2, batch_size=32 // size)
    leave(
        trainer, history=history, more=more, unused=trainer.model.unused.weight.grad is None, bytes=trainer.step_bytes
    )


class Keep(Callback):
    """Keep a checkpoint of step 4, in the middle of an epoch."""

    def on_step_end(self, trainer):
        if trainer.steps == 4:
            trainer.save(FOLDER / "checkpoint")


def resumed():
    """Go on from a checkpoint, with dropout and batch norm; then once more by what rank 0 has alone."""
    whole = trainer_of(dropout=0.3, batch_norm=True, callbacks=[Keep()])
    whole.fit(data(), epochs=3, batch_size=20)
    again = trainer_of(seed=2, dropout=0.3, batch_norm=True)
    again.resume(FOLDER / "checkpoint")
    history = again.fit(data(), epochs=3, batch_size=20)
    leave(again, same=bits(whole) == bits(again), history=history, whole=whole.history)


def uneven():
    """Train on batches of one's own, more on later ranks, with a layer that only rank 1 uses, until rank 1 stops."""

    class Stop(Callback):
        def on_epoch_end(self, trainer):
            trainer.stop_training = trainer.comm.rank == 1 and trainer.epochs_trained == 2

    rank = mpi_rank()
    trainer = trainer_of(only=rank == 1, callbacks=[Stop()])
    ids, targets = data()
    mine = [(ids[i : i + 7], targets[i : i + 7]) for i in range(60 + rank, 60 + 8 * (2 * rank + 1), 8)]
    before = trainer.model.sometimes.weight.data.copy()
    history = trainer.fit(mpi.LocalBatches(mine), epochs=5)
    moved = bool((trainer.model.sometimes.weight.data != before).any())
    masks = trainer.comm.allgather(ops.dropout(np.ones(64, np.float32), 0.5).tolist() if rank == 0 else None)
    leave(trainer, history=history, moved=moved, steps=trainer.steps, masks=masks[0])


def raising():
    """Fail on rank 1 in the middle of a step."""

    class Fail(Callback):
        def on_step_end(self, trainer):
            if trainer.comm.rank == 1 and trainer.steps == 2:
                raise RuntimeError("a disk of rank 1 is gone")

    trainer_of(callbacks=[Fail()]).fit(data(), epochs=50, batch_size=4)


def unlike():
    """Make another model on rank 1."""
    random.seed(0)
    model = nn.Linear(5, 3 + mpi_rank())
    trainer = mpi.Trainer(model, ops.cross_entropy, optim.SGD(model.parameters(), lr=0.1), verbose=0)
    ids, targets = data()
    trainer.fit((ids.astype(np.float32), targets), batch_size=4)


def unlike_data():
    """Give each rank examples of its own as if they were those of all."""
    ids, targets = data(150 - mpi_rank())
    trainer_of().fit((ids, targets), batch_size=4)


def mpi_rank():
    from mpi4py import MPI

    return MPI.COMM_WORLD.rank


if __name__ == "__main__":
    globals()[sys.argv[1]]()
