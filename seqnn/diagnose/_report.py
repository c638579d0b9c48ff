"""A judgement of the records of a Watch, in words with advice."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._flow import Flow, gradient_flow
from ._layer import Layer

__all__ = ["Finding", "Report"]

DEAD, SATURATED, UPDATE = 0.4, 0.5, 0.2
"""Reported from here on: share of dead units, share of saturated values, change of the weights in one step."""
SURE = 100
"""How many values of each unit are needed before single units are called dead."""
SMALLEST = float(np.finfo(np.float32).smallest_subnormal)


@dataclass(frozen=True)
class Finding:
    """A finding of something unusual.

    Args:
        kind: "vanishing", "exploding", "dead", "saturated", "not finite", "no gradient", "zero gradient", "large update" or
            "no update".
        where: {layer or parameter: the figure that is unusual}, first to last.
        text: what it is, and advice.

    >>> print(Finding("dead", {"1": 1.0}, "all 8 units of 1 (ReLU) are zero."))
    Dead: all 8 units of 1 (ReLU) are zero.
    """

    kind: str
    where: dict[str, float]
    text: str

    def __str__(self) -> str:
        return f"{self.kind.capitalize()}: {self.text}"


@dataclass(frozen=True)
class Report:
    """A report of what a Watch found; `print` it.

    Args:
        findings: empty where all is as it should be.
        flow: of the gradients at the outputs of the layers, first to last; None where there are fewer than three.
        steps: how many were recorded.
        layers: how many were seen.

    >>> print(Report((), None, 10, 3))
    Nothing unusual in 10 recorded steps, 3 layers.
    """

    findings: tuple[Finding, ...]
    flow: Flow | None
    steps: int
    layers: int

    def __str__(self) -> str:
        seen = f"{_count(self.steps, 'recorded step')}, {_count(self.layers, 'layer')}"
        if not self.findings:
            return f"Nothing unusual in {seen}."
        lines = [f"{_count(len(self.findings), 'finding')} in {seen}."]
        for finding in self.findings:
            lines += textwrap.wrap(str(finding), 110, initial_indent="* ", subsequent_indent="  ")
        return "\n".join(lines)


def judge(
    history: Mapping[str, Any], types: Mapping[str, str], layers: Sequence[Layer], window: int, limit: float
) -> Report:
    """Report on the last `window` records; numbers that are not finite are looked for in all."""
    recent = {
        figure: {name: values[-window:] for name, values in of.items()}
        for figure, of in history.items()
        if figure != "step"
    }
    labels = {n: label(n, kind) for n, kind in types.items()}
    dead = {layer.name: layer.dead for layer in layers if layer.dead is not None}
    closed = [name for name, units in dead.items() if units.all()]
    flow = _flow(recent["gradient"], closed, limit)
    findings = [
        *_not_finite(history, labels),
        *_flow_finding(flow, recent["gradient"], labels),
        *_dead({layer.name: layer for layer in layers}, dead, labels),
        *_saturated(recent["saturated"], labels),
        *_no_gradient(history["weight_gradient"]),
        *_zero_gradient(recent["weight_gradient"], [labels[name] for name in closed]),
        *_updates(recent),
    ]
    return Report(tuple(findings), flow, len(history["step"]), len(types))


def _flow(gradients: Mapping[str, np.ndarray], closed: list[str], limit: float) -> Flow | None:
    """Judge the gradients through the layers, from the last one whose units are all dead, below which there are none."""
    names = list(gradients)
    if closed:
        names = names[max(map(names.index, closed)) + 1 :]
    norms = [m for m in (_median(gradients[name]) for name in names) if m is not None]
    if len(norms) < 3 or not any(norms):
        return None
    return gradient_flow([max(n, SMALLEST) for n in norms], limit=limit)


def _flow_finding(flow: Flow | None, gradients: Mapping[str, np.ndarray], labels: Mapping[str, str]) -> list[Finding]:
    if flow is None or flow.kind not in ("vanishing", "exploding"):
        return []
    norms = {name: m for name, values in gradients.items() if (m := _median(values)) is not None}
    (first, a), *_, (last, z) = norms.items()
    text = f"the gradient norm is {a:.2g} at {labels[first]} and {z:.2g} at {labels[last]}. {flow}"
    return [Finding(flow.kind, norms, text)]


def _not_finite(history: Mapping[str, Any], labels: Mapping[str, str]) -> list[Finding]:
    """Find the first record in which something was not finite, and the first layer there; in backward the last one."""
    for r, step in enumerate(history["step"].tolist()):
        outputs = {n: float(values[r]) for n, values in history["finite"].items() if values[r] < 1}
        gradients = {n: float(v[r]) for n, v in history["gradient"].items() if np.isinf(v[r])}
        weights = {n: float(v[r]) for n, v in history["weight_gradient"].items() if np.isinf(v[r])}
        advice = "Lower the learning rate, clip the gradient norm, warm up, check the data."
        if outputs:
            name, share = next(iter(outputs.items()))
            text = f"in step {step} the output of {labels[name]} was the first with NaN or infinity ({1 - share:.2g} of it)."
            return [Finding("not finite", outputs, f"{text} {advice}")]
        if gradients:
            text = f"in step {step} all outputs were finite, but not the gradient at {labels[list(gradients)[-1]]}."
            return [Finding("not finite", gradients, f"{text} {advice}")]
        if weights:
            text = f"in step {step} the gradient of {_names(weights)} was not finite."
            return [Finding("not finite", weights, f"{text} {advice}")]
    return []


def _dead(layers: Mapping[str, Layer], dead: Mapping[str, np.ndarray], labels: Mapping[str, str]) -> list[Finding]:
    shares = {n: float(units.mean()) for n, units in dead.items() if units.size}
    found = {n: s for n, s in shares.items() if s == 1 or (s > DEAD and layers[n].positions >= SURE)}
    if not found:
        return []
    each = [f"{labels[n]} {int(dead[n].sum())} of {dead[n].size} units ({share:.0%})" for n, share in found.items()]
    text = (
        f"ReLUs that were zero for every example lately: {_list(each)}. They learn nothing any more. Try a smaller learning "
        "rate, He initialisation with biases of 0, normalisation before the ReLU, or a LeakyReLU or GELU."
    )
    return [Finding("dead", found, text)]


def _saturated(shares: Mapping[str, np.ndarray], labels: Mapping[str, str]) -> list[Finding]:
    """Find saturated hidden layers; the output layer may be sure of itself."""
    medians = {n: _median(values) for n, values in list(shares.items())[:-1]}
    found = {n: m for n, m in medians.items() if m is not None and m > SATURATED}
    if not found:
        return []
    each = [f"{labels[n]} {share:.0%}" for n, share in found.items()]
    text = (
        f"outputs at the flat ends of the function: {_list(each)}. Little gradient passes there. Try smaller (Xavier) initial "
        "weights, inputs of mean 0 and variance 1, normalisation before the function, or a smaller learning rate."
    )
    return [Finding("saturated", found, text)]


def _no_gradient(norms: Mapping[str, np.ndarray]) -> list[Finding]:
    some = any(not np.isnan(values).all() for values in norms.values())
    absent = {n: np.nan for n, values in norms.items() if some and np.isnan(values).all()}
    if not absent:
        return []
    text = (
        f"{_names(absent)} never got a gradient. Does forward use it, is nothing detached or under no_grad on the way to "
        "the loss? If it is meant to stay as it is: model.freeze(...)."
    )
    return [Finding("no gradient", absent, text)]


def _zero_gradient(norms: Mapping[str, np.ndarray], closed: list[str]) -> list[Finding]:
    zero = {n: 0.0 for n, values in norms.items() if _median(values) == 0 == np.nanmax(values)}
    if not zero:
        return []
    why = (
        f"The dead ReLUs of {_list(closed)} let none through."
        if closed
        else "Underflow, saturation, weights of 0 after it, or a loss that does not depend on it do that."
    )
    return [
        Finding("zero gradient", zero, f"the gradient of {_names(zero)} is exactly 0: nothing is learnt there. {why}")
    ]


def _updates(recent: Mapping[str, Mapping[str, np.ndarray]]) -> list[Finding]:
    """Find steps that are large for the weights (below 1e-2 is usual), and weights with a gradient that do not move."""
    findings = []
    medians = {n: m for n, values in recent["update"].items() if (m := _median(values)) is not None}
    large = {n: m for n, m in medians.items() if m > UPDATE and n.split(".")[-1] != "bias"}
    if large:
        each = [f"{n} by {m:.2g}" for n, m in large.items()]
        text = f"one step changes {_list(each)} of its size; 1e-3 is usual, 1e-2 much. Try a smaller learning rate."
        findings.append(Finding("large update", large, text))
    still = {n: 0.0 for n, m in medians.items() if m == 0 and (_median(recent["weight_gradient"][n]) or 0) > 0}
    if still:
        text = f"{_names(still)} has a gradient but does not change: is it in the optimizer, is the learning rate large enough?"
        findings.append(Finding("no update", still, text))
    return findings


def _median(values: np.ndarray) -> float | None:
    """Take the median of the finite numbers; None without one."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else None


def label(name: str, kind: str) -> str:
    """Join path and type of a layer; functions, and a model that is a layer itself, have the type in the path."""
    return name if kind.islower() or name == kind else f"{name} ({kind})"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _list(items: Sequence[str]) -> str:
    """Join up to six of them as words."""
    items = list(items)
    return ", ".join(items) if len(items) <= 6 else f"{', '.join(items[:5])} and {len(items) - 5} more"


def _names(found: Mapping[str, float]) -> str:
    return _list(list(found))
