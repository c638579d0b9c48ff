"""Vanishing or exploding gradients: a judgement of a row of norms, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Flow", "gradient_flow"]

_ADVICE = {
    "vanishing": "Early {places} learn next to nothing. Try residual connections, normalisation, orthogonal or He "
    "initialisation, activations that do not saturate{time}.",
    "exploding": "One step can throw the weights far away. Try clipping the gradient norm, a smaller learning rate, "
    "smaller or orthogonal initial weights, normalisation.",
    "stable": "Nothing to do.",
    "not finite": "Look for the first layer whose output is not finite: lower the learning rate, clip the gradients, "
    "check the data.",
}


@dataclass(frozen=True)
class Flow:
    """A judgement by `gradient_flow`; `print(flow)` says it in words.

    Args:
        kind: "vanishing", "exploding", "stable" or "not finite".
        factor: the mean factor from one place to the one before.
        norms: as given, first place to last.
        through: "depth" or "time".

    >>> gradient_flow([1.0, 1.1, 0.9]).kind
    'stable'
    """

    kind: str
    factor: float
    norms: tuple[float, ...]
    through: str

    def __str__(self) -> str:
        places = "steps" if self.through == "time" else "layers"
        time = ", or gated cells (LSTM, GRU, STLM) with a forget bias of 1 or more" if self.through == "time" else ""
        advice = _ADVICE[self.kind].format(places=places, time=time)
        if self.kind == "not finite":
            bad = [i for i, n in enumerate(self.norms) if not np.isfinite(n)]
            return (
                f"Gradients are not finite in {len(bad)} of {len(self.norms)} {places} (the last: {bad[-1]}). {advice}"
            )
        share = self.factor ** (len(self.norms) - 1)
        verb = {"vanishing": "shrink", "exploding": "grow", "stable": "keep their size"}[self.kind]
        return (
            f"Gradients {verb} backwards through {self.through}: a factor {self.factor:.3g} per {places[:-1]}, "
            f"{share:.2g} over {len(self.norms)} {places}. {advice}"
        )


def gradient_flow(norms: Sequence[float], *, through: str = "depth", limit: float = 100.0) -> Flow:
    """Judge gradient or Jacobian norms, first layer (or step) to last.

    The factor is exp of the slope of log(norm) against the place (least squares), from the last place backwards:
    vanishing if factor ** (places - 1) < 1 / limit, exploding if > limit. Norms of zero count as the smallest number.

    Args:
        norms: one number per place, first to last; `jacobian_norms(...).mean(axis=1)`, or gradient norms per layer.
        through: "depth" or "time", for the words.
        limit: how much the norm may change over all places, > 1.

    Returns:
        A `Flow`.

    Raises:
        ValueError: for less than two norms, negative ones, or another option.

    Sources: Hochreiter, "Untersuchungen zu dynamischen neuronalen Netzen", 1991; Bengio, Simard, Frasconi, "Learning
    long-term dependencies with gradient descent is difficult", 1994; Pascanu, Mikolov, Bengio, "On the difficulty of training
    recurrent neural networks", ICML 2013.

    >>> from seqnn.diagnose import gradient_flow
    >>> print(gradient_flow([1e-6, 1e-4, 1e-2, 1.0]))
    Gradients shrink backwards through depth: a factor 0.01 per layer, 1e-06 over 4 layers. Early layers learn next to
    nothing. Try residual connections, normalisation, orthogonal or He initialisation, activations that do not saturate.
    """
    if through not in ("depth", "time"):
        raise ValueError(f"through: expected 'depth' or 'time', got {through!r}")
    if limit <= 1:
        raise ValueError(f"limit: expected a number > 1, got {limit}")
    values = np.asarray(norms, np.float64)
    if values.ndim != 1 or len(values) < 2 or (values < 0).any():
        raise ValueError(f"norms: expected at least two numbers >= 0, got {list(norms)}")
    if not np.isfinite(values).all():
        return Flow("not finite", float("nan"), tuple(values.tolist()), through)
    logs = np.log(np.maximum(values, np.finfo(np.float64).tiny))
    places = np.arange(len(values)) - (len(values) - 1) / 2
    factor = float(np.exp(-(places @ logs) / (places @ places)))
    share = factor ** (len(values) - 1)
    kind = "vanishing" if share < 1 / limit else "exploding" if share > limit else "stable"
    return Flow(kind, factor, tuple(values.tolist()), through)
