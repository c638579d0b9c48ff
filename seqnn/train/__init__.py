"""Training of networks: batches, the training loop, checkpoints, metrics.

Names that are imported `as` themselves are for the other packages, not for users.
"""

from .._callbacks import Callback, EarlyStopping
from . import _pytorch  # noqa: F401 - who looks for PyTorch's names gets advice
from ._batches import Batches
from ._batches import GivenBatches as GivenBatches
from ._batches import as_source as as_source
from ._diverged import explain as explain
from ._loop import BatchRun as BatchRun
from ._metrics import accuracy
from ._modes import evaluating as evaluating
from ._modes import kept_in_eval as kept_in_eval
from ._modes import set_training as set_training
from ._streams import Carried, Streams
from ._trainer import Trainer, fit

__all__ = ["Batches", "Callback", "Carried", "EarlyStopping", "Streams", "Trainer", "accuracy", "fit"]
