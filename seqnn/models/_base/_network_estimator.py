"""What all estimators of networks share: which examples are held out, the training, and the network in a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, Self

import numpy as np

from ... import nn, optim, random, train
from ..._settings import Integer, Number
from ...autograd import Tensor
from ._estimator import Estimator
from ._learnt import Arrays, History, Learnt, Plain, Sizes
from ._random_state import RandomState, as_seed

__all__ = ["Network", "NetworkEstimator"]


class Network(Learnt[Any]):
    """The network of an estimator, made anew by `estimator._make()` when a file is read.

    Args:
        kind: its class.
    """

    last = True

    def __init__(self, kind: type[nn.Module]) -> None:
        super().__init__()
        self.kind = kind

    def pack(self, value: nn.Module, key: str, arrays: Arrays) -> Any:
        arrays |= {f"{key}.{name}": array for name, array in value.state_dict().items()}
        return {"frozen": [name for name, parameter in value.named_parameters() if not parameter.requires_grad]}

    def unpack(self, record: Any, key: str, arrays: Arrays, sizes: Sizes, owner: Any) -> nn.Module:
        state = {name.removeprefix(f"{key}."): arrays.pop(name) for name in [*arrays] if name.startswith(f"{key}.")}
        if wrong := [name for name, array in state.items() if array.dtype not in (np.float32, np.float64)]:
            raise ValueError(f"{key}.{wrong[0]}: expected floating numbers, got {state[wrong[0]].dtype}")
        _refuse_sizes_beyond(owner._arguments(), state)
        with nn.init.skipped():
            model = owner._make()
        if any(array.dtype == np.float64 for array in state.values()):
            model.to(np.float64)
        model.load_state_dict(state)
        if record["frozen"]:
            model.freeze(*record["frozen"])
        return model.eval()


def _refuse_sizes_beyond(arguments: Mapping[str, Any], state: Arrays) -> None:
    """Refuse to make a network that is larger than the arrays that a file has for it."""
    most = max([len(state), *(n for array in state.values() for n in array.shape)])
    for name, value in arguments.items():
        for number in value if isinstance(value, tuple | list) else [value]:
            if isinstance(number, int) and number > most:
                raise ValueError(f"{name}: {number} is more than the arrays have")


class NetworkEstimator(Estimator):
    """Train a network, with early stopping on examples that are held out.

    Args:
        batch_size: examples a step.
        max_iter: epochs at most.
        validation_fraction: share of the examples that is held out (0: none, and all epochs are run).
        n_iter_no_change: stop when the loss of what is held out has not fallen for more epochs than this, and go back to
            the best weights.
        random_state: seed of the weights, the order of the examples, and dropout; a generator of NumPy's, or None for a
            fresh seed in every fit.
        verbose: 1 shows a bar.

    Attributes:
        model_: the network.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.
    """

    batch_size = Integer(32, minimum=1)
    max_iter = Integer(100, minimum=1)
    validation_fraction = Number(0.1, minimum=0, below=1)
    n_iter_no_change = Integer(10)
    random_state = RandomState(0)
    verbose = Integer(0)

    model_ = Network(nn.Module)
    history_ = History()
    n_iter_ = Plain(int)

    def __init__(
        self,
        *,
        batch_size: int = 32,
        max_iter: int = 100,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    def _begin(self) -> SimpleNamespace:
        settings = super()._begin()
        settings.seed = as_seed(settings.random_state)
        return settings

    def _arguments(self) -> dict[str, Any]:
        """Return the arguments of the network, which depend on the settings of the fit and on what was learnt before."""
        raise NotImplementedError

    def _make(self) -> Any:
        """Return a new network."""
        return type(self).model_.kind(**self._arguments())

    def _optimizer(self, parameters: Any) -> optim.Optimizer:
        """Return the optimiser of the network: AdamW with a constant learning rate."""
        return optim.AdamW(parameters, lr=self._used.learning_rate, weight_decay=self._used.weight_decay)

    def _train(
        self,
        loss: Callable[[Any, Any], Tensor] | None,
        data: Any,
        validation: Any,
        *,
        metrics: Mapping[str, Callable] | None = None,
        schedule: optim.Schedule | None = None,
    ) -> Self:
        """Make the network and train it; `data` and `validation` as for `train.fit`, None where nothing is held out."""
        settings = self._used
        stop = train.EarlyStopping("val_loss", patience=settings.n_iter_no_change, restore_best=True)
        with random.seeded(settings.seed):
            model = self._make()
            history = train.fit(
                model,
                loss,
                data,
                settings.max_iter,
                self._optimizer(model.parameters()),
                schedule=schedule,
                clip_norm=getattr(settings, "clip_norm", None),
                validation=validation,
                metrics=metrics,
                callbacks=[] if validation is None else [stop],
                batch_size=settings.batch_size,
                seed=settings.seed,
                verbose=settings.verbose,
            )
        self.model_, self.history_, self.n_iter_ = model, history, len(history["loss"])
        return self
