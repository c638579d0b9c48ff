"""Training of networks: batches, the training loop, checkpoints, metrics."""

from .._callbacks import Callback, EarlyStopping
from ._batches import Batches
from ._metrics import accuracy
from ._trainer import Trainer, fit

__all__ = ["Batches", "Callback", "EarlyStopping", "Trainer", "accuracy", "fit"]
