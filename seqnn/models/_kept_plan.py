"""The plan of a network that reads again and again: it is made once, and anew when anything in the network is another one."""

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from .. import nn
from ._transformer_plan import StepPlan

__all__ = ["keep_plan"]


class _Kept(NamedTuple):
    """A plan, and what it was made of. Nothing in it holds the model, which may go at any time."""

    plan: StepPlan
    parts: list[nn.Module]
    values: list[list[Any]]
    parameters: list[tuple[nn.Parameter, np.ndarray]]

    def holds(self, model: nn.Module) -> bool:
        """Tell whether all attributes of all modules are the objects that they were."""
        for part, values in zip([model, *self.parts], self.values, strict=True):
            now = vars(part).values()
            if len(now) != len(values) or not all(map(is_, now, values)):
                return False
        return all(parameter.data is array for parameter, array in self.parameters)


_plans: WeakKeyDictionary[nn.Module, _Kept] = WeakKeyDictionary()


def keep_plan(model: nn.Module, make: Callable[[], StepPlan | None]) -> tuple[StepPlan | None, bool]:
    """Return the plan of a model, and whether it is known that all its modules are in evaluation mode.

    Args:
        model: that reads.
        make: makes the plan; None where there is none.
    """
    kept = _plans.get(model)
    if kept is not None and kept.holds(model):
        return kept.plan, True
    plan = make()
    parts = [*model.modules()]
    if plan is None or any(part.training for part in parts):
        _plans.pop(model, None)
        return plan, False
    values = [[*vars(part).values()] for part in parts]
    _plans[model] = _Kept(plan, parts[1:], values, [(p, p.data) for p in model.parameters()])
    return plan, True
