"""Models that learn part by part: gradual unfreezing from the head on, and learning rates by depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import nn
from .._arguments import integer, number
from .._callbacks import Callback
from ..train import set_training

__all__ = ["GradualUnfreezing", "layer_groups", "layerwise_groups"]


def layer_groups(model: nn.Module) -> list[list[str]]:
    """Return the names of a model's parameters in groups by depth: the head first, the embeddings last.

    What comes after the layers is one group, each layer is one, from the last to the first, and what comes before them is
    the last group. Of a model without a stack of layers each module directly below is a group.

    Args:
        model: whose parameters are grouped.

    Returns:
        A list of groups; each parameter is in one of them.

    Raises:
        TypeError: the model is no `nn.Module`.

    >>> from seqnn import tune
    >>> from seqnn.models import BERT, ClassificationHead, WithHead
    >>> model = WithHead(BERT(20, d_model=8, nhead=2, num_layers=2, pooler=False), ClassificationHead(8, 2))
    >>> [len(group) for group in tune.layer_groups(model)]
    [4, 12, 12, 5]
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model: expected an nn.Module, got {type(model).__name__}")
    names = [name for name, _ in model.named_parameters()]
    layers = [part for path, stack in _stacks(model) for part in _depths(path, stack)]
    if not layers:
        layers = [(f"{name}.",) for name, _ in model.named_children()]
    owners = [next((k for k, starts in enumerate(layers) if name.startswith(starts)), None) for name in names]
    first = next((i for i, owner in enumerate(owners) if owner is not None), len(names))
    before = [name for name, owner in zip(names[:first], owners[:first], strict=True) if owner is None]
    after = [name for name, owner in zip(names[first:], owners[first:], strict=True) if owner is None]
    of_layers = [[n for n, owner in zip(names, owners, strict=True) if owner == k] for k in range(len(layers))]
    return [group for group in [after, *reversed(of_layers), before] if group]


def _stacks(model: nn.Module) -> list[tuple[str, Any]]:
    """Return the paths of a model's stacks of layers, each with a dot where there is one, and they."""
    kinds = nn.TransformerEncoder | nn.TransformerDecoder
    return [(f"{path}." if path else "", m) for path, m in model.named_modules() if isinstance(m, kinds)]


def _depths(path: str, stack: Any) -> list[tuple[str, ...]]:
    """Return how the names begin that belong to each layer: what else the stack has goes with the last or the first one."""
    found = [[f"{path}layers.{i}."] for i in range(len(stack.layers))]
    found[-1].append(f"{path}norm.")
    found[0].append(f"{path}relative.")
    return [tuple(starts) for starts in found]


def layerwise_groups(
    model: nn.Module, lr: float, *, decay: float = 0.95, groups: Sequence[Sequence[str]] | None = None, **options: Any
) -> list[dict[str, Any]]:
    """Return groups of parameters for an optimiser whose learning rates fall with the depth: lr * decay^depth.

    Args:
        model: whose parameters are grouped.
        lr: of the head, depth 0.
        decay: factor from each group to the next; 1 / 2.6 is ULMFiT's.
        groups: names of parameters, as `layer_groups` returns them, which is the default.
        options: further ones of each group, such as weight_decay.

    Returns:
        Group dicts, which an optimiser of `seqnn.optim` takes.

    Raises:
        ValueError: a name is none of the model's, or a number is out of its range.

    Source: Howard, Ruder, "Universal language model fine-tuning for text classification", ACL 2018.

    >>> from seqnn import nn, optim, tune
    >>> model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> optimizer = optim.AdamW(tune.layerwise_groups(model, 0.01, decay=0.5))
    >>> [(group["param_names"], group["lr"]) for group in optimizer.param_groups]
    [(['2.weight', '2.bias'], 0.01), (['0.weight', '0.bias'], 0.005)]
    """
    lr, decay = number("lr", lr, minimum=0), number("decay", decay, above=0)
    chosen = _checked(model, layer_groups(model) if groups is None else groups)
    parameters = dict(model.named_parameters())
    return [
        {"params": [(name, parameters[name]) for name in group], "lr": lr * decay**depth, **options}
        for depth, group in enumerate(chosen)
    ]


class GradualUnfreezing(Callback):
    """A callback of `train.Trainer` that lets a model learn part by part: the head first, then a further group each time.

    The optimiser gets all parameters at the beginning; those that are frozen rest, and cost no gradients.

    Args:
        every: epochs, or steps, from one group to the next.
        unit: "epochs" or "steps" of the optimiser.
        groups: names of parameters, as `layer_groups` returns them, which is the default.

    Attributes:
        history_: how many parameters learnt in each epoch, or from each new group's step on.

    Raises:
        ValueError: a number or a unit is none, or, when training begins, a name is none of the model's.

    Source: Howard, Ruder, "Universal language model fine-tuning for text classification", ACL 2018.

    >>> import numpy as np
    >>> from seqnn import nn, ops, optim, train, tune
    >>> model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> data = np.ones((8, 4), np.float32), np.zeros(8, int)
    >>> unfreezing = tune.GradualUnfreezing(every=2)
    >>> _ = train.fit(
    ...     model, ops.cross_entropy, data, 3, optim.AdamW(model.parameters()), callbacks=[unfreezing], verbose=0
    ... )
    >>> unfreezing.history_
    [10, 10, 30]
    """

    def __init__(self, every: int = 1, *, unit: str = "epochs", groups: Sequence[Sequence[str]] | None = None) -> None:
        self.every = integer("every", every, 1)
        if unit not in ("epochs", "steps"):
            raise ValueError(f"unit: expected 'epochs' or 'steps', got {unit!r}")
        self.unit, self.groups = unit, groups
        self.history_: list[int] = []
        self._begun: int | None = None

    def on_train_begin(self, model: Any) -> None:
        """Freeze all but the first group; a run that goes on has as many as it had.

        Args:
            model: the trainer.
        """
        if self._begun is None or not model._position.begun:
            self._begun, self.history_ = self._count(model), []
        self._thawed(model)

    def on_epoch_begin(self, model: Any) -> None:
        """Let the next group learn where its epoch has come.

        Args:
            model: the trainer.
        """
        self._thawed(model)
        if self.unit == "epochs":
            self.history_.append(_learning(model.model))

    def on_step_end(self, model: Any) -> None:
        """Let the next group learn where its step has come.

        Args:
            model: the trainer.
        """
        if self.unit == "steps" and (model.steps - (self._begun or 0)) % self.every == 0:
            self._thawed(model)
            self.history_.append(_learning(model.model))
            set_training(model.model, model._kept)

    def state_dict(self) -> dict[str, Any]:
        """Return where the run began."""
        return {"begun": np.array([self._begun or 0])}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned, for the run that is resumed.

        Args:
            state: arrays by name.
        """
        self._begun = int(state["begun"][0])

    def _count(self, trainer: Any) -> int:
        return trainer.steps if self.unit == "steps" else trainer.epochs_trained

    def _thawed(self, trainer: Any) -> None:
        """Freeze the groups whose time has not come, and let the others learn."""
        groups = _checked(trainer.model, layer_groups(trainer.model) if self.groups is None else self.groups)
        count = 1 + (self._count(trainer) - (self._begun or 0)) // self.every
        parameters = dict(trainer.model.named_parameters())
        due = {name for group in groups[:count] for name in group}
        later = [name for name in parameters if name not in due]
        asleep = [name for name in due if not parameters[name].requires_grad]
        if later:
            trainer.model.freeze(*later)
        if asleep:
            trainer.model.unfreeze(*asleep)


def _learning(model: nn.Module) -> int:
    return sum(parameter.size for parameter in model.parameters() if parameter.requires_grad)


def _checked(model: nn.Module, groups: Sequence[Sequence[str]]) -> list[list[str]]:
    """Refuse what are no groups, and names that the model has not."""
    several = isinstance(groups, Sequence) and not any(isinstance(group, str) for group in (groups, *groups))
    if not several or not all(groups) or not groups:
        raise ValueError(
            f"groups: expected names of parameters, got {groups!r:.60} instead of lists with some: see layer_groups"
        )
    names = {name for name, _ in model.named_parameters()}
    if unknown := [name for group in groups for name in group if name not in names]:
        raise ValueError(f"groups: expected names of parameters, got {unknown[:3]}: see layer_groups")
    return [list(group) for group in groups]
