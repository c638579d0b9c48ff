"""Fine-tuning of classifiers on texts: what learns, and how fast."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from .. import ops, optim, random
from .._arguments import integer, number
from ..text import pad
from ..train import Batches, fit
from ..tune import Bottleneck, GradualUnfreezing, LoRA, PrefixTuning, layerwise_groups

__all__ = ["fine_tune", "start"]

_WAYS: dict[str, tuple[Any, float]] = {
    "full": (None, 5e-5), "gradual": (None, 5e-5), "head": (None, 1e-3), "lora": (LoRA(), 1e-3),
    "adapter": (Bottleneck(), 1e-3),
}  # fmt: skip
"""What `tune` may be -> the adapter that it adds, and the learning rate."""


def start(classifier: Any, tune: Any, name: str) -> tuple[float, list[Any]]:
    """Let learn what is to learn; return the learning rate for it, and callbacks that training takes.

    Args:
        classifier: whose model is meant.
        tune: as for `Classifier.fit`.
        name: of a new adapter.
    """
    if tune is None:
        return 1e-3, []
    config, rate = (tune, 1e-3) if not isinstance(tune, str) else _WAYS.get(tune, (None, 0.0))
    if not rate or not isinstance(config, LoRA | Bottleneck | PrefixTuning | None):
        raise ValueError(
            f"tune: expected one of {', '.join(_WAYS)}, a LoRA, Bottleneck or PrefixTuning, or None, got {tune!r:.60}"
        )
    if config is not None:
        if getattr(config, "modules_to_save", None) is None:
            config = replace(config, modules_to_save=_head_of(classifier))
        classifier.adapters.add(name, config)
        return rate, []
    if classifier.adapters.configs:
        there = ", ".join(classifier.adapters.configs)
        raise ValueError(f"tune: {tune!r} is for a model without adapters, got one with {there}: delete them first")
    classifier.model.unfreeze()
    if tune == "head":
        classifier.model.encoder.freeze()
    return rate, [GradualUnfreezing()] if tune == "gradual" else []


def _head_of(classifier: Any) -> list[str]:
    """Return the names of the head's modules in files."""
    names = classifier.adapters.names
    keys = [f"head.{key}" for key in classifier.model.head.state_dict() if key.endswith("weight")]
    return [names.of(key)[0].removesuffix(".weight") for key in keys]


def fine_tune(
    model: Any,
    rows: list[np.ndarray],
    targets: np.ndarray,
    loss: Any,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    decay: float | None,
    warmup: float,
    weight_decay: float,
    validation: Any,
    callbacks: Iterable[Any],
    seed: int,
    verbose: int,
) -> dict[str, list[Any]]:
    """Train what learns of a model by AdamW; the learning rate rises, then falls to 0, in straight lines.

    Args:
        model: a `WithHead`.
        rows: of token ids, [T], or [T, 2] with segments.
        targets: of the rows, [N].
        loss: of logits and targets.
        epochs, batch_size, warmup, weight_decay, callbacks, seed, verbose: as for `Classifier.fit`.
        learning_rate: of the head.
        decay: of the learning rate by depth; None: all have the same.
        validation: rows and targets, or None.

    Returns:
        The history: a list for each figure, one value an epoch.
    """
    data = _batches(rows, targets, batch_size, seed, True)
    check = None if validation is None else _batches(*validation, batch_size, seed, False)
    steps = integer("epochs", epochs, 1) * len(data)
    rise = min(max(round(number("warmup", warmup, minimum=0, below=1) * steps), 1), steps)
    if decay is None:
        learning = [*model.named_parameters()]
        groups: list[Any] = [
            {"params": [pair for pair in learning if pair[1].ndim >= 2], "weight_decay": weight_decay},
            {"params": [pair for pair in learning if pair[1].ndim < 2], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
    else:
        groups = layerwise_groups(model, learning_rate, decay=decay, weight_decay=weight_decay)

    def schedule(step: int) -> float:
        return (step + 1) / rise if step < rise else (steps - step) / max(steps - rise, 1)

    with random.seeded(seed):
        return fit(
            model, loss, data, epochs, optim.AdamW(groups, lr=learning_rate), schedule=schedule, clip_norm=1.0,
            validation=check, metrics=_METRICS.get(loss), callbacks=callbacks, verbose=verbose,
        )  # fmt: skip


def _batches(rows: list[np.ndarray], targets: np.ndarray, size: int, seed: int, shuffle: bool) -> Batches:
    def collate(pairs: list[tuple[np.ndarray, Any]]) -> tuple[np.ndarray, ...]:
        tokens, lengths = pad([row for row, _ in pairs])
        y = np.stack([target for _, target in pairs])
        return (tokens, lengths, y) if tokens.ndim == 2 else (tokens[..., 0], lengths, tokens[..., 1], y)

    lengths = [len(row) for row in rows]
    return Batches(rows, targets, batch_size=size, seed=seed, shuffle=shuffle, lengths=lengths, collate=collate)


def _accuracy(logits: np.ndarray, classes: np.ndarray) -> float:
    return float((logits.argmax(axis=1) == classes).mean())


_METRICS = {ops.cross_entropy: {"accuracy": _accuracy}}
"""A loss -> what else is told of the validation."""
