"""Data-parallel training on several ranks, started by mpiexec."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

try:
    from mpi4py import MPI
except (ImportError, RuntimeError) as missing:
    pytest.skip(f"no MPI: {missing}", allow_module_level=True)

from seqnn import Tensor, nn, ops, optim, random
from seqnn.autograd import op
from seqnn.distributed import _needs, mpi
from seqnn.train import Batches

RANKS = Path(__file__).with_name("ranks.py")
MPIEXEC = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
OPEN_MPI = {  # as root, and with more ranks than cores; other MPI libraries need no permission
    "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1", "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}  # fmt: skip
started = pytest.mark.skipif(MPIEXEC is None, reason="no mpiexec")


def start(ranks, task, folder, code=0):
    """Run a task of ranks.py; return what rank 0 left, or what was written to stderr where it fails."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | OPEN_MPI
    done = subprocess.run(
        [MPIEXEC, "-n", str(ranks), sys.executable, RANKS, task, folder], env=environment, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    if code:
        assert done.returncode
        return done.stderr
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "result.json").read_text())


@started
def test_one_rank_with_batches_of_64_and_four_with_16_have_the_same_losses(tmp_path):
    found = {ranks: start(ranks, "losses", tmp_path) for ranks in (1, 2, 4)}
    for ranks in (2, 4):
        assert found[ranks]["alike"]
        for name in ("loss", "grad_norm", "lr", "examples", "val_loss", "val_accuracy"):
            np.testing.assert_allclose(found[ranks]["history"][name], found[1]["history"][name], rtol=0, atol=1e-5)
        np.testing.assert_allclose(found[ranks]["more"]["loss"], found[1]["more"]["loss"], rtol=0, atol=1e-5)
        assert found[ranks]["unused"] and found[ranks]["bytes"] == found[1]["bytes"] > 0
    assert found[1]["history"]["loss"][-1] < found[1]["history"]["loss"][0]


@started
def test_a_run_from_a_checkpoint_in_the_middle_of_an_epoch_goes_on_bit_for_bit(tmp_path):
    found = start(2, "resumed", tmp_path)
    assert found["same"] and found["alike"] and found["history"]["loss"] == found["whole"]["loss"]


@started
def test_ranks_without_batches_or_with_other_layers_wait_for_nobody(tmp_path):
    found = start(3, "uneven", tmp_path)
    assert found["alike"] and found["moved"]
    assert found["steps"] == 2 * 5  # two epochs, of as many steps as the last rank has batches
    assert found["history"]["examples"] == [(1 + 3 + 5) * 7] * 2


@started
def test_a_rank_that_fails_ends_the_others_with_its_message(tmp_path):
    message = start(3, "raising", tmp_path, code=1)
    assert "a disk of rank 1 is gone" in message and "seqnn: rank 1 of 3 failed" in message
    message = start(2, "unlike", tmp_path, code=1)
    assert "model: expected the same parameters and steps on all ranks; rank 1 has" in message
    message = start(2, "unlike_data", tmp_path, code=1)
    assert "data: expected the same on all ranks; rank 1 has {'examples': 149" in message and "LocalBatches" in message


def test_sums_begin_while_backward_still_computes(monkeypatch):
    events = []

    class Comm:
        """One rank that notes when its sums begin."""

        rank, size = 0, 1

        def Iallreduce(self, how, buffer):  # noqa: N802
            events.append(f"sum of {buffer.size}")
            return MPI.COMM_SELF.Iallreduce(how, buffer)

        def __getattr__(self, name):
            return getattr(MPI.COMM_SELF, name)

    @op
    def noted(x):
        def backward(grad):
            events.append("backward")
            return grad

        return x * 1, backward

    class Model(nn.Module):
        def __init__(self):
            self.first, self.second = nn.Linear(3, 5, bias=False), nn.Linear(5, 2, bias=False)

        def forward(self, x):
            return self.second(noted(self.first(x)))

    model = Model()
    trainer = mpi.Trainer(
        model, ops.cross_entropy, optim.SGD(model.parameters(), lr=0.1), verbose=0, comm=Comm(), bucket_bytes=1
    )
    trainer.fit((np.ones((4, 3), np.float32), np.zeros(4, np.int64)), batch_size=4)
    assert events == ["sum of 10", "backward", "sum of 15", "sum of 6"]  # the last: loss, counts, which are used


def test_one_rank_is_a_trainer_as_ever_with_any_data_that_ranks_can_share(tmp_path):
    x, y = np.eye(4, dtype=np.float32), np.arange(4)
    for source in ((x, y), Batches(x, y, batch_size=3), mpi.LocalBatches([(x, y)]), mpi.LocalBatches(Batches(x, y))):
        model = nn.Linear(4, 4)
        trainer = mpi.Trainer(
            model, ops.cross_entropy, optim.SGD(model.parameters(), lr=1), verbose=0, checkpoint=tmp_path / "c"
        )
        history = trainer.fit(source, epochs=2, validation=source)
        assert history["examples"] == [4, 4] and history["val_loss"][1] < history["val_loss"][0]
        trainer.resume(tmp_path / "c")


def test_a_step_after_an_error_in_backward_is_that_of_a_new_trainer():
    x, y = np.ones((4, 3), np.float32), np.zeros(4, np.int64)
    broken = []

    @op
    def breaking(x):
        def backward(grad):
            if broken:
                raise OSError(broken.pop())
            return grad

        return x * 1, backward

    class Model(nn.Module):
        def __init__(self):
            random.seed(0)
            self.first, self.second = nn.Linear(3, 5), nn.Linear(5, 2)

        def forward(self, x):
            return self.second(breaking(self.first(x)))

    def trainer_of(model):
        return mpi.Trainer(model, ops.cross_entropy, optim.SGD(model.parameters(), lr=1), verbose=0, bucket_bytes=1)

    trainer, fresh = trainer_of(Model()), trainer_of(Model())
    broken.append("a sum has begun by now")
    with pytest.raises(OSError, match="a sum has begun"):
        trainer.fit((2 * x, 1 - y), batch_size=4)
    for each in (trainer, fresh):
        each.fit((x, y), batch_size=4, epochs=2)
    for mine, theirs in zip(trainer.model.parameters(), fresh.model.parameters(), strict=True):
        assert (mine.data == theirs.data).all()


def test_arguments_that_differ_between_ranks_are_refused():
    class Comm:
        """Rank 1, where rank 0 has something else."""

        rank, size = 1, 2

        def allgather(self, mine):
            return [mine | {"checkpoint": "a file"}, mine]

        Iallreduce = bcast = None

        def Abort(self, code):  # noqa: N802
            raise

    model = nn.Linear(4, 4)
    trainer = mpi.Trainer(model, ops.cross_entropy, optim.SGD(model.parameters(), lr=1), verbose=0, comm=Comm())
    with pytest.raises(
        ValueError, match="checkpoint: expected the same on all ranks; rank 1 has None, rank 0 has a file"
    ):
        trainer.fit((np.eye(4, dtype=np.float32), np.arange(4)))
    with pytest.raises(ValueError, match="drop_last: 4 examples do not fill one batch of 3 on each of 2 ranks"):
        trainer.evaluate(Batches(np.eye(4, dtype=np.float32), np.arange(4), batch_size=3, drop_last=True))


def test_a_generator_of_local_batches_serves_one_epoch():
    model = nn.Linear(4, 4)
    trainer = mpi.Trainer(model, ops.cross_entropy, optim.SGD(model.parameters(), lr=1), verbose=0)
    batches = mpi.LocalBatches(batch for batch in [(np.eye(4, dtype=np.float32), np.arange(4))])
    with pytest.raises(ValueError, match="data: the batches of rank 0 can be gone through only once: give a list"):
        trainer.fit(batches, epochs=2)
    assert trainer.epochs_trained == 1


def test_a_missing_mpi_library_is_an_import_error_that_says_what_to_install(monkeypatch):
    def load(name):
        raise RuntimeError("cannot load MPI library")

    monkeypatch.setattr(_needs, "import_module", load)
    with pytest.raises(
        ImportError, match=r"seqnn\.distributed\.mpi needs mpi4py: pip install .* \(cannot load MPI library\)"
    ):
        _needs.needed("mpi", "mpi4py.MPI")


def test_what_does_not_fit_is_refused():
    for wrong, name in (("world", "str"), (MPI.COMM_NULL, "COMM_NULL")):
        with pytest.raises(TypeError, match=f"comm: expected a communicator of mpi4py, got {name}"):
            mpi.Trainer(nn.Linear(4, 4), None, None, comm=wrong)
    model = nn.Linear(4, 4)
    trainer = mpi.Trainer(model, ops.cross_entropy, optim.SGD(model.parameters(), lr=1), verbose=0)
    with pytest.raises(TypeError, match=r"data: expected train.Batches or a tuple .* or mpi.LocalBatches"):
        trainer.fit([(np.eye(4, dtype=np.float32), np.arange(4))])
    with pytest.raises(TypeError, match=r"batches: expected train\.Batches or an iterable"):
        mpi.LocalBatches(mpi.LocalBatches([]))
    with pytest.raises(ValueError, match="optimizer: expected lazy=False"):
        mpi.Trainer(model, None, optim.Adam(model.parameters(), lazy=True))
    with pytest.raises(ValueError, match="bucket_bytes: expected"):
        mpi.Trainer(model, None, optim.SGD(model.parameters()), bucket_bytes=0)
    with pytest.raises(ValueError, match="at least one batch"):
        trainer.evaluate(mpi.LocalBatches([]))
    with pytest.raises(FloatingPointError, match="the loss is nan"):
        trainer.fit((np.full((4, 4), np.nan, np.float32), np.arange(4)))
    assert isinstance(model.weight, Tensor)
