"""The base of all optimisers: groups, state, and one pass of a fused kernel over all parameters of a group."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from .._arguments import flag
from .._memory import big_zeros
from ..autograd import Tensor, enable_grad, gathered, grad_array, has_grad
from ._groups import Group, collect

BIG = 1 << 21
"""From how many bytes on state lies on huge pages."""


class Optimizer(abc.ABC):
    """A base of the optimisers.

    State is made at a parameter's first step. A subclass passes its `defaults`, names its state arrays in `_state_values`,
    and updates in `_update`.

    Args:
        params: Tensors, (name, Tensor) pairs or group dicts.
        defaults: the options, by name.

    Attributes:
        param_groups: a list of dicts: the options (`lr`, ...), which may be changed between steps, `params` (Tensors) and
            `param_names`.
        defaults: options of a group that does not give its own.

    Raises:
        TypeError: for what are no parameters.
        ValueError: for options out of range.

    >>> from seqnn import Tensor, optim
    >>> optim.SGD([("w", Tensor([1.0], requires_grad=True))], lr=0.5).param_groups[0]["param_names"]
    ['w']
    """

    def __init__(self, params: Iterable[Any], defaults: Mapping[str, Any]) -> None:
        self.defaults = dict(defaults)
        self.param_groups: list[Group] = collect(params, self.defaults)
        self._states: list[list[dict[str, Any]]] = [[{} for _ in group["params"]] for group in self.param_groups]
        for group in self.param_groups:
            self._check(group)

    def step(self, closure: Callable[[], Any] | None = None, *, scale: float = 1.0) -> Any:
        """Update every parameter that has a gradient.

        A parameter whose `.grad` is None is left alone, with its state, as in PyTorch.

        Args:
            closure: computes the loss and calls `backward`, as in PyTorch; None where that is done already.
            scale: multiplies the gradients (clipping, accumulation).

        Returns:
            What `closure` returned.
        """
        result = None
        if closure is not None:
            with enable_grad():
                result = closure()
        for group, states in zip(self.param_groups, self._states, strict=True):
            factor = -scale if group["maximize"] else scale
            rows = self._rows_suffice(group)
            dense: dict[np.dtype, list[tuple[Tensor, dict]]] = {}
            for k, (param, state) in enumerate(zip(group["params"], states, strict=True)):
                if not has_grad(param):
                    continue
                flags = param.data.flags
                if not (flags.c_contiguous and flags.writeable and param.data.dtype.isnative):
                    _make_updatable(group["param_names"][k], param)
                if not state:
                    state["step"] = 0
                    for name, value in self._state_values(group).items():
                        state[name] = _filled(param, value)
                state["step"] += 1
                if rows and (touched := gathered(param)):
                    self._update_rows(group, param.data, *touched.summed(), state, factor)
                else:
                    dense.setdefault(param.dtype, []).append((param, state))
            for members in dense.values():
                params, grads = [p.data for p, _ in members], [grad_array(p) for p, _ in members]
                self._update(group, params, grads, [s for _, s in members], factor)
        return result

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters.

        Args:
            set_to_none: False keeps arrays of zeros instead, as in PyTorch.
        """
        for group in self.param_groups:
            for param in group["params"]:
                param.zero_grad(set_to_none)

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Train further parameters, such as those of a layer that is no longer frozen.

        Args:
            param_group: `params` and options of their own; the other options are the optimiser's defaults.

        Raises:
            TypeError: for what is no group.
            ValueError: for options out of range, or a parameter that there is already.
        """
        known = [member for group in self.param_groups for member in group["params"]]
        (group,) = collect([dict(param_group)], self.defaults, known, len(self.param_groups))
        self._check(group)
        self.param_groups.append(group)
        self._states.append([{} for _ in group["params"]])

    def state_dict(self) -> dict[str, Any]:
        """Return options and state, laid out as PyTorch's: {"state": {index: {...}}, "param_groups": [...]}.

        `step` is an int, everything else an array (the optimiser's own, not a copy). Together with the weights this is
        all that later steps depend on.
        """
        groups, index = [], 0
        for group in self.param_groups:
            count = len(group["params"])
            groups.append({**group, "params": list(range(index, index + count))})
            index += count
        states = [state for group in self._states for state in group]
        return {"state": {i: dict(state) for i, state in enumerate(states) if state}, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave. Later steps are bit-identical to those of the optimiser that was saved.

        Args:
            state_dict: of the same class, here or in PyTorch; its groups have the same numbers of parameters, of the same
                shapes.

        Raises:
            ValueError: one that lists all that does not fit; nothing is changed then.
        """
        groups, saved = state_dict["param_groups"], {int(i): s for i, s in state_dict["state"].items()}
        sizes, expected = [len(g["params"]) for g in groups], [len(g["params"]) for g in self.param_groups]
        if sizes != expected:
            raise ValueError(f"state_dict: expected groups of {expected} parameters, got {sizes}")
        fresh, wrong, index = [], [], 0
        for mine, theirs in zip(self.param_groups, groups, strict=True):
            theirs = self._without_pytorch(mine, theirs)
            if theirs.keys() != mine.keys():
                wrong.append(f"options {sorted(theirs.keys() ^ mine.keys())} are on one side only")
                continue
            options = {key: tuple(v) if isinstance(v := theirs[key], list) else v for key in self.defaults}
            names = ("step", *self._state_values(options))
            states = []
            for param, label in zip(mine["params"], mine["param_names"], strict=True):
                state, problem = _restored(saved.get(index, {}), param, names)
                wrong += [f"{label}: {problem}"] if problem else []
                states.append(state)
                index += 1
            fresh.append((options, states))
        if wrong:
            raise ValueError("state_dict does not fit these parameters:\n  " + "\n  ".join(wrong))
        for group, (options, _) in zip(self.param_groups, fresh, strict=True):
            group.update(options)
        self._states = [states for _, states in fresh]

    def _without_pytorch(self, mine: Group, theirs: Mapping[str, Any]) -> dict[str, Any]:
        """Leave out what PyTorch's groups say about the way of computing, and add what only groups here have."""
        decoupled = getattr(self, "_decoupled", False)
        if not theirs.keys() & _PYTORCH or theirs.get("decoupled_weight_decay", decoupled) != decoupled:
            return dict(theirs)
        own = {key: mine[key] for key in ("param_names", "lazy") if key in mine}
        return own | {key: value for key, value in theirs.items() if key not in _PYTORCH}

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(g['params'])} parameters at lr={g['lr']:g}" for g in self.param_groups)
        return f"{type(self).__name__}({counts})"

    @abc.abstractmethod
    def _state_values(self, group: Group) -> dict[str, float]:
        """Name the arrays of state that a parameter of this group has, and the value that each is filled with at first."""

    @abc.abstractmethod
    def _update(self, group: Group, params: list, grads: list, states: list[dict], scale: float) -> None:
        """Update parameters of one dtype in one fused pass."""

    def _rows_suffice(self, group: Group) -> bool:
        """Tell whether rows with a zero gradient may be left out."""
        return False

    def _update_rows(
        self, group: Group, param: np.ndarray, ids: np.ndarray, grad: np.ndarray, state: dict, scale: float
    ) -> None:
        """Update the rows `ids` of a table; `grad` has these rows only."""
        raise NotImplementedError

    def _check(self, group: Group) -> None:
        """Refuse options outside of their ranges."""
        for name in FLAGS & group.keys():
            group[name] = flag(name, group[name])
        for name, (low, high) in RANGES.items():
            for value in np.atleast_1d(group[name]) if name in group else ():
                if not isinstance(value, int | float | np.number):
                    raise TypeError(f"{name}: expected a number in [{low:g}, {high:g}), got {group[name]!r}")
                if not (math.isfinite(value) and low <= value < high):
                    raise ValueError(f"{name}: expected a number in [{low:g}, {high:g}), got {group[name]!r}")


_PYTORCH = {"foreach", "fused", "capturable", "differentiable", "initial_lr", "decoupled_weight_decay"}
"""Options of PyTorch's groups that say how it computes, and not what."""

RANGES = {
    "lr": (0, math.inf), "momentum": (0, math.inf), "weight_decay": (0, math.inf), "eps": (0, math.inf),
    "alpha": (0, 1), "betas": (0, 1), "lr_decay": (0, math.inf), "initial_accumulator_value": (0, math.inf),
}  # fmt: skip
"""What options may be: from the first number up to, but not including, the second."""
FLAGS = {"amsgrad", "nesterov", "maximize", "lazy", "centered"}


def steps(states: list[dict]) -> np.ndarray:
    """Return how many steps each parameter has made, this one included."""
    return np.array([state["step"] for state in states], np.int64)


def _make_updatable(name: str, param: Tensor) -> None:
    """Copy an array that is not in C order or has another machine's order of bytes; refuse a read-only one."""
    if not param.data.flags.writeable:
        raise ValueError(f"{name}: the array is read-only; unfreeze the parameter, or leave it out of the optimiser")
    param.data = np.ascontiguousarray(param.data, param.data.dtype.newbyteorder("="))


def _filled(param: Tensor, value: float | np.ndarray) -> np.ndarray:
    array = (np.zeros if param.data.nbytes < BIG else big_zeros)(param.shape, param.dtype)
    if not (np.isscalar(value) and value == 0):
        array[...] = value
    return array


def _restored(saved: Mapping[str, Any], param: Tensor, names: tuple[str, ...]) -> tuple[dict[str, Any], str]:
    """Copy a parameter's saved state, and say what is wrong with it."""
    saved = {name: value for name, value in saved.items() if value is not None}
    if not saved:
        return {}, ""
    if "step" not in saved and saved.keys() == set(names[1:]):
        saved["step"] = 1  # PyTorch's SGD does not count; all that matters is that it was not the first
    if saved.keys() != set(names):
        return {}, f"expected the state {list(names)}, got {list(saved)}"
    if not float(saved["step"]) >= 0:
        return {}, f"step: expected a number >= 0, got {saved['step']!r}"
    state: dict[str, Any] = {"step": int(saved["step"])}
    for name in names[1:]:
        array = np.asarray(saved[name])
        if array.shape != param.shape or array.dtype != param.dtype:
            return {}, f"{name}: expected {param.dtype}{param.shape}, got {array.dtype}{array.shape}"
        state[name] = _filled(param, array)
    return state, ""
