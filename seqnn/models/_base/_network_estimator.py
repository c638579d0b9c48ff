"""What all estimators of networks share: which examples are held out, the training, and the network in a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Self

import numpy as np

from ... import nn, optim, random, train
from ..._callbacks import Callback
from ..._settings import Integer, Number
from ...autograd import Tensor
from ._estimator import Estimator
from ._learnt import Arrays, History, Learnt, Plain, Sizes
from ._random_state import RandomState, as_seed

__all__ = ["Network", "NetworkEstimator", "Watch"]

Loss = Callable[[Any, Any], Tensor]


class Network(Learnt[Any]):
    """The network of an estimator, made anew by `estimator._make()` when a file is read.

    Args:
        kind: its class.
        sizeless: names of its arguments that are no sizes of its arrays; a file may give any numbers for these.
    """

    last = True

    def __init__(self, kind: type[nn.Module], *, sizeless: Sequence[str] = ()) -> None:
        super().__init__()
        self.kind, self.sizeless = kind, sizeless

    def pack(self, value: nn.Module, key: str, arrays: Arrays) -> Any:
        arrays |= {f"{key}.{name}": array for name, array in value.state_dict().items()}
        return {"frozen": [name for name, parameter in value.named_parameters() if not parameter.requires_grad]}

    def unpack(self, record: Any, key: str, arrays: Arrays, sizes: Sizes, owner: Any) -> nn.Module:
        state = {name.removeprefix(f"{key}."): arrays.pop(name) for name in [*arrays] if name.startswith(f"{key}.")}
        model = self._new(owner, state)
        counts = {name for name, array in model.state_dict().items() if array.dtype == np.int64}  # such as of batches
        for name, array in state.items():
            if array.dtype not in ((np.int64,) if name in counts else (np.float32, np.float64)):
                due = "64-bit integers" if name in counts else "floating numbers"
                raise ValueError(f"{key}.{name}: expected {due}, got {array.dtype}")
        if any(array.dtype == np.float64 for array in state.values()):
            with nn.init.skipped():
                model.to(np.float64)
        model.load_state_dict(state)
        if record["frozen"]:
            model.freeze(*record["frozen"])
        return model.eval()

    def _new(self, owner: Any, state: Arrays) -> nn.Module:
        """Return a network for these arrays."""
        sizes = {name: value for name, value in owner._arguments().items() if name not in self.sizeless}
        _refuse_sizes_beyond(sizes, state)
        with nn.init.skipped():
            return owner._make()


def _refuse_sizes_beyond(arguments: Mapping[str, Any], state: Arrays) -> None:
    """Refuse to make a network that is larger than the arrays that a file has for it."""
    most = max([len(state), *(n for array in state.values() for n in array.shape)])
    for name, value in arguments.items():
        for number in value if isinstance(value, tuple | list) else [value]:
            if isinstance(number, int) and number > most:
                raise ValueError(f"{name}: {number} is more than the arrays have")


class Watch(Callback):
    """Measure the network after each epoch; early stopping goes by the figure.

    Args:
        name: of the figure in the history; more is better, unless it ends in "loss".
        measure: from the network, in evaluation mode, to the figure.
    """

    def __init__(self, name: str, measure: Callable[[Any], float]) -> None:
        self.name, self._measure = name, measure

    def on_epoch_end(self, model: Any) -> None:
        """Note the figure in the history of the trainer."""
        model.history_[-1][self.name] = self._measure(model.model.eval())


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

    def _prepare(self, model: Any) -> None:
        """Give a new network what is known before training, such as vectors of words."""

    def _optimizer(self, parameters: Any) -> optim.Optimizer:
        """Return the optimiser of the network: AdamW with a constant learning rate."""
        return optim.AdamW(parameters, lr=self._used.learning_rate, weight_decay=self._used.weight_decay)

    def _train(
        self,
        loss: Loss | None,
        data: Any,
        validation: Any,
        *,
        metrics: Mapping[str, Callable] | None = None,
        schedule: optim.Schedule | None = None,
        model: nn.Module | None = None,
        callbacks: Sequence[Any] = (),
        watch: Watch | None = None,
    ) -> Self:
        """Train a network, and keep it with its history; after Ctrl-C with what there is.

        Args:
            loss: as for `train.fit`.
            data: batches to learn from.
            validation: batches that are held out, or None.
            metrics: as for `train.fit`.
            schedule: of the learning rate; default: constant.
            model: the network to go on with; default: a new one.
            callbacks: as for `train.fit`, before that which stops early.
            watch: what early stopping goes by; default: the loss of the validation.
        """
        settings = self._used
        figure = "val_loss" if watch is None else watch.name
        stop = train.EarlyStopping(figure, patience=settings.n_iter_no_change, restore_best=True)
        with random.seeded(settings.seed):
            if model is None:
                model = self._make()
                self._prepare(model)
            trainer = self._trainer(
                model, loss, self._optimizer(model.parameters()), schedule=schedule, metrics=metrics,
                callbacks=[*callbacks, *([watch, stop] if watch else [] if validation is None else [stop])],
                verbose=settings.verbose,
            )  # fmt: skip
            vars(self).pop("_stepper", None)
            try:
                trainer.fit(
                    data, settings.max_iter, validation=validation, batch_size=settings.batch_size, seed=settings.seed
                )
            except KeyboardInterrupt as error:
                _put_back(stop, trainer)
                error.__notes__ = [
                    f"Training stopped after {len(trainer.history_)} of {settings.max_iter} epochs. The estimator keeps the "
                    "best weights so far and can be used; another fit begins anew."
                ]
                raise
            finally:
                history = trainer.history
                self.model_, self.history_, self.n_iter_ = model.eval(), history, len(history.get("loss", ()))
        return self

    def _train_further(self, loss: Loss | None, data: Any) -> Self:
        """Train one more epoch, with an optimiser that remembers the epochs before."""
        settings, first = self._used, "model_" not in vars(self)
        done = 0 if first else self.n_iter_
        data.seed = settings.seed + done
        with random.seeded(settings.seed + done):
            model = self._make() if first else self.model_
            if first:
                self._prepare(model)
            stepper = vars(self).get("_stepper") or self._optimizer(model.parameters())
            trainer = self._trainer(model, loss, stepper, verbose=0)
            trainer.epochs_trained = done
            trainer.fit(data, 1)
        history, before = trainer.history, {} if first else self.history_
        self.history_ = {
            name: [*before.get(name, [None] * done), *history.get(name, [None])] for name in {**before, **history}
        }
        self.model_, self._stepper, self.n_iter_ = model, stepper, done + 1
        return self

    def _trainer(
        self, model: nn.Module, loss: Loss | None, optimizer: optim.Optimizer, **options: Any
    ) -> train.Trainer:
        return train.Trainer(model, loss, optimizer, clip_norm=getattr(self._used, "clip_norm", None), **options)


def _put_back(stop: train.EarlyStopping, trainer: train.Trainer) -> None:
    """Return to the weights of the best epoch, if there is one, of a run that was broken off."""
    best = stop.state_dict()
    for i, array in enumerate(trainer._trained_arrays() if best else ()):
        array[...] = best[f"best.{i}"]
    stop.on_train_end(trainer)
