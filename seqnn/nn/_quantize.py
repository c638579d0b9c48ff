"""Quantising the weights of a module's products."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..ops import QuantizedWeight
from ._parameter import Parameter
from ._tree import Tree


def quantize(module: Tree[Any], kind: str, among: Mapping[str, Parameter]) -> None:
    """Do what `Module.quantize` promises with the weights of products that are `among` some parameters."""
    found = {}
    for _, owner in module.named_modules():
        for name in owner._product_weights():
            weight = operator.attrgetter(name)(owner)
            found[id(weight)] = weight
    chosen = {name: weight for name, weight in among.items() if id(weight) in found}
    if not chosen:
        raise ValueError(
            f"quantize: none of {list(among)} is the weight of a linear layer, of attention or of an output"
        )
    made = {name: _quantized(name, weight, kind) for name, weight in chosen.items()}
    for name, weight in chosen.items():
        weight.zero_grad()
        weight.data = made[name]  # type: ignore[assignment]


def _quantized(name: str, weight: Parameter, kind: str) -> QuantizedWeight:
    """Return the weight in this kind."""
    if isinstance(weight.data, QuantizedWeight):
        if weight.data.kind != kind:
            raise ValueError(f"quantize: {name} is {weight.data.kind} already: quantise the float32 model")
        return weight.data
    if weight.data.dtype != np.float32:
        raise TypeError(f"quantize: {name} is {weight.data.dtype}, expected float32: call model.to(np.float32) before")
    try:
        return QuantizedWeight(weight.data, kind)
    except ValueError as error:
        raise ValueError(f"quantize: {name}: {error}") from None
