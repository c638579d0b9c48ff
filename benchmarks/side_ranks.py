"""A rank of the benchmark of MPI: `mpiexec -n 2 python -m benchmarks.side_ranks REQUEST`; rank 0 prints what was found."""

import json
import sys
import time

import numpy as np

from seqnn import Tensor, ops, optim, random
from seqnn.distributed import mpi
from seqnn.models import RecurrentLM


def main(request: dict) -> None:
    """Train a language model, and print CPU seconds of the steps of all ranks together, and the losses."""
    random.seed(0)
    words = np.random.default_rng(0).integers(
        0, request["words"], (request["steps"] * request["batch"], request["length"] + 1)
    )
    model = RecurrentLM(request["words"], embedding_size=request["size"], hidden_size=request["size"], num_layers=2)
    trainer = mpi.Trainer(model, loss, optim.Adam(model.parameters(), lr=1e-3), verbose=0)
    size = request["batch"] // trainer.comm.size
    trainer.fit((words[: request["batch"], :-1], words[: request["batch"], 1:]), epochs=1, batch_size=size)
    start = time.process_time()
    history = trainer.fit((words[:, :-1], words[:, 1:]), epochs=2, batch_size=size)
    seconds = trainer.comm.allreduce(time.process_time() - start)
    if trainer.comm.rank == 0:
        print(json.dumps({"seconds": seconds, "losses": history["loss"]}))


def loss(logits: Tensor, targets: np.ndarray) -> Tensor:
    """Return the mean cross-entropy of the words."""
    return ops.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.ravel())


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
