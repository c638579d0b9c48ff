"""Training of networks: batches, the training loop, checkpoints, metrics."""

from .._callbacks import Callback, EarlyStopping
from . import _pytorch  # noqa: F401 - who looks for PyTorch's names gets advice
from ._batches import Batches
from ._metrics import accuracy
from ._streams import Carried, Streams
from ._trainer import Trainer, fit

__all__ = ["Batches", "Callback", "Carried", "EarlyStopping", "Streams", "Trainer", "accuracy", "fit"]
