"""Data-parallel training of any Module by MPI: gradients are summed over the ranks while backward computes the others.

* `Trainer`: `seqnn.train.Trainer`, on all ranks of a communicator
* `LocalBatches`: data that each rank has for itself
* `abort_on_error`: a block whose errors end all ranks, so that none waits for one that is gone

Start it by `mpiexec -n 4 python script.py`.
"""

from ._errors import abort_on_error
from ._sources import LocalBatches
from ._trainer import Trainer

__all__ = ["LocalBatches", "Trainer", "abort_on_error"]
