"""What all estimators of networks share: which examples are held out, and the training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .. import nn, optim, random, train
from .._arguments import integer, number
from ..autograd import Tensor


class Estimator:
    """Trains a network by AdamW, with early stopping on examples that are held out.

    Args:
        batch_size, learning_rate, weight_decay: of AdamW; the learning rate is constant.
        clip_norm: limit of the gradients' norm, or None.
        max_iter: epochs at most.
        validation_fraction: share of the examples that is held out (0: none, and all epochs are run).
        n_iter_no_change: stop when the loss of those has not fallen for so many epochs, and go back to the best weights.
        random_state: seed of the weights, the order of the examples, and dropout.
        verbose: 1 shows a bar.

    Training sets `model_`, the network, and `history_`.
    """

    def __init__(
        self,
        *,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        max_iter: int = 100,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: int = 0,
        verbose: int = 0,
    ) -> None:
        if not 0 <= validation_fraction < 1:
            raise ValueError(f"validation_fraction: expected a number >= 0 and < 1, got {validation_fraction}")
        self.batch_size = integer("batch_size", batch_size, 1)
        self.learning_rate = number("learning_rate", learning_rate, minimum=0)
        self.weight_decay = number("weight_decay", weight_decay, minimum=0)
        self.clip_norm = None if clip_norm is None else number("clip_norm", clip_norm, above=0)
        self.max_iter = integer("max_iter", max_iter, 1)
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = integer("n_iter_no_change", n_iter_no_change, 0)
        self.random_state = integer("random_state", random_state, 0)
        self.verbose = verbose

    def _split(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """(the examples to learn from, those that are held out) of `count`, in a random order."""
        order = np.random.default_rng(self.random_state).permutation(count)
        held = min(max(1, round(count * self.validation_fraction)), count - 1) if self.validation_fraction else 0
        return order[held:], order[:held]

    def _optimizer(self) -> optim.Optimizer:
        """The optimiser of `model_`."""
        return optim.AdamW(self.model_.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)

    def _train(
        self,
        make: Callable[[], nn.Module],
        loss: Callable[[Any, Any], Tensor] | None,
        data: Any,
        validation: Any,
        metrics: Mapping[str, Callable] | None = None,
        schedule: optim.Schedule | None = None,
    ) -> None:
        """Make the network and train it; `data` and `validation` as for `train.fit`, None where nothing is held out."""
        stop = train.EarlyStopping("val_loss", patience=self.n_iter_no_change, restore_best=True)
        with random.seeded(self.random_state):
            self.model_ = make()
            self.history_ = train.fit(
                self.model_,
                loss,
                data,
                self.max_iter,
                self._optimizer(),
                schedule=schedule,
                clip_norm=self.clip_norm,
                validation=validation,
                metrics=metrics,
                callbacks=[] if validation is None else [stop],
                batch_size=self.batch_size,
                seed=self.random_state,
                verbose=self.verbose,
            )
