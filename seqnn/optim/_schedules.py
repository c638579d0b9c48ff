"""Schedules of the learning rate: functions of the step (0 for the first) that give a factor.

The learning rate of a step is the optimiser's `lr` times the factor. Schedules are small immutable objects, made to be
combined: `a.then(b)` goes over to b, `a * b` multiplies. Any function of the step will do as well.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ._optimizer import Optimizer


class Schedule:
    """A base of the schedules: a function of the step, counted from 0, that gives the learning rate's factor.

    Attributes:
        steps: the length of a schedule that has an end, after which its last factor stays; infinity for others.

    >>> from seqnn import optim
    >>> (optim.Linear(2, start=1.0, end=0.0) * optim.Constant(0.5))(1)
    0.25
    """

    steps: float = math.inf

    def __call__(self, step: int) -> float:
        raise NotImplementedError

    def then(self, schedule: Callable[[int], float]) -> Schedule:
        """Return the schedule that goes on to another one after `steps`, from its own step 0.

        Args:
            schedule: what follows, any function of the step.

        Raises:
            ValueError: where this schedule has no end.

        >>> from seqnn import optim
        >>> schedule = optim.Linear(2, start=0.0).then(optim.Cosine(4))
        >>> [round(schedule(step), 3) for step in range(7)]
        [0.0, 0.5, 1.0, 0.854, 0.5, 0.146, 0.0]
        """
        if math.isinf(self.steps):
            raise ValueError(f"then: {self} has no end, nothing can follow")
        return Sequence(self, schedule)

    def __mul__(self, other: Callable[[int], float]) -> Schedule:
        return Product(self, other)


@dataclass(frozen=True)
class Constant(Schedule):
    """A schedule of one factor.

    Args:
        factor: of the learning rate.
        steps: how long it holds, for what follows.

    >>> Constant(0.5)(1000)
    0.5
    """

    factor: float = 1.0
    steps: float = math.inf

    def __call__(self, step: int) -> float:
        return self.factor


@dataclass(frozen=True)
class Step(Schedule):
    """A schedule that falls every `step_size` steps: gamma^floor(step / step_size).

    Args:
        step_size: steps of one factor.
        gamma: from one factor to the next.

    >>> [Step(2, gamma=0.5)(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    step_size: int
    gamma: float = 0.1

    def __post_init__(self) -> None:
        _positive(step_size=self.step_size)

    def __call__(self, step: int) -> float:
        return self.gamma ** (step // self.step_size)


@dataclass(frozen=True)
class MultiStep(Schedule):
    """A schedule that falls at given steps: gamma^(number of milestones that are reached).

    Args:
        milestones: the steps.
        gamma: from one factor to the next.

    >>> [MultiStep((1, 3), gamma=0.5)(step) for step in range(4)]
    [1.0, 0.5, 0.5, 0.25]
    """

    milestones: tuple[int, ...]
    gamma: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "milestones", tuple(sorted(self.milestones)))

    def __call__(self, step: int) -> float:
        return self.gamma ** bisect.bisect_right(self.milestones, step)


@dataclass(frozen=True)
class Exponential(Schedule):
    """A schedule that falls at every step: gamma^step.

    Args:
        gamma: from one factor to the next.

    >>> Exponential(0.5)(3)
    0.125
    """

    gamma: float

    def __call__(self, step: int) -> float:
        return self.gamma**step


@dataclass(frozen=True)
class Linear(Schedule):
    """A schedule in a straight line: a warm-up (the default), or a decay.

    Args:
        steps: where the line ends.
        start: the factor at step 0.
        end: the factor at step `steps`.

    >>> [Linear(4, start=1.0, end=0.0)(step) for step in (0, 1, 4, 9)]
    [1.0, 0.75, 0.0, 0.0]
    """

    steps: int
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        _positive(steps=self.steps)

    def __call__(self, step: int) -> float:
        return self.start + (self.end - self.start) * min(step / self.steps, 1.0)


@dataclass(frozen=True)
class Cosine(Schedule):
    """A schedule along half a cosine: minimum + (1 - minimum) * (1 + cos(pi * step / steps)) / 2.

    Args:
        steps: where it arrives at `minimum`, and stays.
        minimum: the last factor.
        restarts: start anew at 1 instead.
        longer: how many times each round is as long as the one before.

    Source: Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    >>> [round(Cosine(2)(step), 3) for step in range(4)]
    [1.0, 0.5, 0.0, 0.0]
    >>> [round(Cosine(2, restarts=True, longer=2)(step), 3) for step in range(7)]
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0]
    """

    steps: int
    minimum: float = 0.0
    restarts: bool = False
    longer: int = 1

    def __post_init__(self) -> None:
        _positive(steps=self.steps, longer=self.longer)
        if self.longer != 1 and not self.restarts:
            raise ValueError(f"longer: expected 1 without restarts, got {self.longer}")

    def then(self, schedule: Callable[[int], float]) -> Schedule:
        """Return the schedule that goes on as `Schedule.then` says; not after restarts, which have no end.

        Args:
            schedule: what follows, any function of the step.
        """
        if self.restarts:
            raise ValueError(f"then: {self} has no end, nothing can follow")
        return super().then(schedule)

    def __call__(self, step: int) -> float:
        length = self.steps
        if self.restarts:
            while self.longer > 1 and step >= length:
                step, length = step - length, length * self.longer
            step %= length
        return _half_cosine(1.0, self.minimum, min(step / length, 1.0))


@dataclass(frozen=True)
class OneCycle(Schedule):
    """A schedule of one cycle: up to 1 along half a cosine, then down to almost nothing along another.

    The optimiser's lr is the largest learning rate, PyTorch's `max_lr`.

    Args:
        steps: where it arrives at `end`, and stays.
        warmup: the share of the steps that go up, in (0, 1).
        start: the factor at step 0.
        end: the last factor.

    Source: Smith, Topin, "Super-convergence: very fast training of neural networks using large learning rates", 2018.

    >>> [round(OneCycle(10, warmup=0.2, start=0.1, end=0.0)(step), 3) for step in (0, 1, 2, 6, 10)]
    [0.1, 0.55, 1.0, 0.5, 0.0]
    """

    steps: int
    warmup: float = 0.3
    start: float = 1 / 25
    end: float = 1 / 250_000

    def __post_init__(self) -> None:
        _positive(steps=self.steps)
        if not 0 < self.warmup < 1:
            raise ValueError(f"warmup: expected a share in (0, 1), got {self.warmup!r}")

    def __call__(self, step: int) -> float:
        top = self.warmup * self.steps
        if step <= top:
            return _half_cosine(self.start, 1.0, step / top)
        return _half_cosine(1.0, self.end, min((step - top) / (self.steps - top), 1.0))


@dataclass(frozen=True)
class InverseSquareRoot(Schedule):
    """A schedule min((step + 1) / warmup, sqrt(warmup / (step + 1))): a linear warm-up, then down with the square root.

    Args:
        warmup: steps up to the factor 1.

    >>> schedule = InverseSquareRoot(4)
    >>> [schedule(step) for step in (0, 3, 15)]
    [0.25, 1.0, 0.5]
    """

    warmup: int

    def __post_init__(self) -> None:
        _positive(warmup=self.warmup)

    def __call__(self, step: int) -> float:
        return min((step + 1) / self.warmup, math.sqrt(self.warmup / (step + 1)))


@dataclass(frozen=True)
class Noam(Schedule):
    """A schedule of the Transformer, for lr = 1: d_model^-0.5 * min((step + 1)^-0.5, (step + 1) * warmup^-1.5).

    Args:
        d_model: the size of the model's vectors.
        warmup: steps up to the largest factor.

    Source: Vaswani et al., "Attention is all you need", NeurIPS 2017, section 5.3.

    >>> round(Noam(512, warmup=4000)(3999), 6)
    0.000699
    """

    d_model: int
    warmup: int = 4000

    def __post_init__(self) -> None:
        _positive(d_model=self.d_model, warmup=self.warmup)

    def __call__(self, step: int) -> float:
        return self.d_model**-0.5 * min((step + 1) ** -0.5, (step + 1) * self.warmup**-1.5)


@dataclass(frozen=True)
class Sequence(Schedule):
    """A schedule `first` for its steps, then `second` from its own step 0; what `first.then(second)` makes."""

    first: Schedule
    second: Callable[[int], float]

    @property
    def steps(self) -> float:  # type: ignore[override]
        return self.first.steps + getattr(self.second, "steps", math.inf)

    def __call__(self, step: int) -> float:
        return self.first(step) if step < self.first.steps else self.second(step - int(self.first.steps))


@dataclass(frozen=True)
class Product(Schedule):
    """A product of two schedules; what `first * second` makes."""

    first: Callable[[int], float]
    second: Callable[[int], float]

    def __call__(self, step: int) -> float:
        return self.first(step) * self.second(step)


class Scheduler:
    """A schedule at work: it sets the learning rate of each group of an optimiser to what it is now, times the factor.

    It does so at once for step 0; `step()`, after every step of the optimiser, goes on to the next. `train.Trainer` does all
    that.

    Args:
        optimizer: whose learning rates are set.
        schedule: a function of the step.

    Raises:
        TypeError: where the schedule is no function.
        ValueError: for a factor that is negative or not finite.

    >>> from seqnn import Tensor, optim
    >>> optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=0.5)
    >>> scheduler = optim.Scheduler(optimizer, optim.Exponential(0.5))
    >>> scheduler.step()
    >>> optimizer.param_groups[0]["lr"]
    0.25
    """

    def __init__(self, optimizer: Optimizer, schedule: Callable[[int], float]) -> None:
        if not callable(schedule):
            raise TypeError(f"schedule: expected a function of the step, got {type(schedule).__name__}")
        self.optimizer = optimizer
        self.schedule = schedule
        self.base_lrs = [group["lr"] for group in optimizer.param_groups]
        self.steps = 0
        self._apply()

    def step(self) -> None:
        """Go on to the learning rates of the next step."""
        self.steps += 1
        self._apply()

    def state_dict(self) -> dict[str, Any]:
        """Return the step, and the learning rates that the factors multiply."""
        return {"steps": self.steps, "base_lrs": list(self.base_lrs)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave, and set the learning rates accordingly.

        Args:
            state_dict: of a Scheduler of as many groups.

        Raises:
            ValueError: for another number of groups.
        """
        if len(state_dict["base_lrs"]) != len(self.base_lrs):
            raise ValueError(
                f"state_dict: expected {len(self.base_lrs)} learning rates, got {len(state_dict['base_lrs'])}"
            )
        self.steps, self.base_lrs = int(state_dict["steps"]), list(state_dict["base_lrs"])
        self._apply()

    def _apply(self) -> None:
        factor = self.schedule(self.steps)
        if not (math.isfinite(factor) and factor >= 0):
            raise ValueError(f"schedule: expected a finite factor >= 0 at step {self.steps}, got {factor!r}")
        for group, lr in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = lr * factor


def _half_cosine(first: float, last: float, share: float) -> float:
    """Go from one factor to another along half a cosine."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


def _positive(**numbers: float) -> None:
    for name, value in numbers.items():
        if not value > 0:
            raise ValueError(f"{name}: expected a number > 0, got {value!r}")
