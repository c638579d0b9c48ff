"""Words for who looks for PyTorch's or Lightning's names of data and training."""

from __future__ import annotations

from .._hints import give_hints

_NAMES = {
    "DataLoader": "train.Batches(x, y, batch_size=32), or give fit a tuple of arrays (x, y), or the DataLoader itself",
    "Dataset": "train.Batches(x, y)", "TensorDataset": "train.Batches(x, y)", "random_split": "slices of the arrays",
    "evaluate": "Trainer(...).evaluate(data)", "ModelCheckpoint": "Trainer(..., checkpoint=path)",
    "LightningModule": "nn.Module, and the loss as an argument of train.fit",
    "ReduceLROnPlateau": "optim.ReduceLROnPlateau, a callback",
}  # fmt: skip

give_hints(__package__, _NAMES)
