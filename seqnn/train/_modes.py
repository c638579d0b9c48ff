"""Training and evaluation modes of a model's modules, each kept as the user has set it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from ..nn import Module


def kept_in_eval(model: Module) -> list[Module]:
    """Return the modules that the user has put into evaluation mode in a model that is in training mode."""
    return [module for module in model.modules() if not module.training] if model.training else []


def set_training(model: Module, kept: Collection[Module]) -> None:
    """Put a model into training mode, but for the modules in `kept` and for those whose parameters are all frozen.

    So dropout and the running means of batch norm rest in what does not learn.
    """
    model.train()
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            module.eval()
    for module in kept:
        module.training = False


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Put a model into evaluation mode; afterwards each module has its own mode again."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
