"""Encoders of sentences that are fine-tuned to be free of a bias."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from .. import nn, optim
from .._arguments import integer, number
from ..autograd import Tensor
from ..models import by_length
from ..text import pad
from ..train import Batches, fit
from ._encoder import Encoder

__all__ = ["debias_encoder"]


def debias_encoder(
    encoder: Encoder,
    targets: Sequence[str],
    attributes: Sequence[Sequence[str]],
    *,
    strength: float = 0.2,
    epochs: int = 3,
    batch_size: int = 32,
    learning_rate: float = 5e-5,
    seed: int = 0,
    verbose: int = 1,
) -> Encoder:
    """Fine-tune an encoder so that sentences about targets say nothing of an attribute, such as gender.

    The vectors of the groups of attribute sentences, without what the groups share, span the directions U of the bias. The
    loss is strength * |U h|^2 for the tokens h of the targets, which are to become orthogonal to it, plus
    (1 - strength) * |h - h_before|^2 for those of the attributes, which are to stay; both are means over tokens.
    `embed.seat` measures the bias before and after.

    Args:
        encoder: an `Encoder`; it stays as it is.
        targets: sentences that are to be neutral, such as those about occupations.
        attributes: at least two groups of sentences, such as those about women and those about men.
        strength: of the first part of the loss, above 0 and below 1.
        epochs: passes over the targets.
        batch_size: target sentences of a step; as many attribute sentences are drawn.
        learning_rate: of Adam; it falls to 0 in a straight line.
        seed: of the order and the draws.
        verbose: 0 shows no bar.

    Returns:
        A new encoder.

    Raises:
        TypeError: it is no `Encoder`, or sentences are no lists.
        ValueError: there are no targets or fewer than two groups, or the groups do not differ.

    Source: Kaneko, Bollegala, "Debiasing pre-trained contextualised embeddings", EACL 2021: their loss on the tokens of
    sentences and the last layer, with directions in place of single attribute words.

    >>> from pathlib import Path
    >>> from types import SimpleNamespace
    >>> from seqnn.models import BERT
    >>> from seqnn.pretrained import Encoder, debias_encoder
    >>> loaded = SimpleNamespace(model=BERT(20, d_model=8, nhead=2, num_layers=1).eval(), config={})
    >>> encoder = Encoder(loaded, None, Path())
    >>> debias_encoder(encoder, [[3, 4], [5, 6]], [[[7, 8]], [[9, 8]]], verbose=0).embed([[3, 4]]).shape
    (1, 8)
    """
    if not isinstance(encoder, Encoder):
        raise TypeError(f"encoder: expected an Encoder, got {type(encoder).__name__}")
    number("strength", strength, above=0, below=1)
    sentences, parts = (
        _listed(targets, "targets"),
        [_listed(group, "attributes") for group in _listed(attributes, "attributes")],
    )
    size = integer("batch_size", batch_size, 1)
    if not sentences or len(parts) < 2 or not all(parts):
        sizes = [*map(len, parts)]
        raise ValueError(
            f"attributes: expected targets and at least two groups of sentences, got {len(sentences)} and groups of {sizes}"
        )
    learner = encoder.copy()
    if not any(parameter.requires_grad for parameter in learner.network.parameters()):
        learner.network.unfreeze()
    rows = encoder.token_ids(sentences)
    groups = [encoder.token_ids(group) for group in parts]
    states = [by_length(group, size, lambda part: _states(encoder, part)) for group in groups]
    network = _Debiasing(learner.network, _directions(states), strength)
    kept = [*zip(chain(*groups), chain(*states), strict=True)]
    draw = np.random.default_rng(integer("seed", seed, 0))

    def together(part: list[Any]) -> tuple[Any, ...]:
        chosen = [kept[i] for i in draw.integers(len(kept), size=len(part))]
        ids, lengths = pad([*part, *(ids for ids, _ in chosen)])
        return ids, lengths, len(part), pad([state for _, state in chosen])[0]

    data = Batches(rows, batch_size=size, seed=seed, collate=together)
    steps = integer("epochs", epochs, 1) * len(data)
    optimizer = optim.Adam(network.parameters(), lr=learning_rate)
    fit(
        network, None, data, epochs, optimizer, schedule=optim.Linear(steps, start=1.0, end=0.0), clip_norm=1.0,
        verbose=verbose,
    )  # fmt: skip
    return learner


class _Debiasing(nn.Module):
    """The loss of a network on a batch of target sentences, followed by attribute sentences."""

    def __init__(self, network: nn.Module, directions: np.ndarray, strength: float) -> None:
        self.network, self.strength = network, strength
        self._directions = directions.T.astype(np.float32)

    def forward(self, ids: np.ndarray, lengths: np.ndarray, targets: int, before: np.ndarray) -> Tensor:
        hidden = getattr(self.network, "encode", self.network)(ids, lengths)
        counted = (np.arange(ids.shape[1]) < lengths[:, None])[:, :, None].astype(np.float32)
        along = (hidden[:targets] @ self._directions) * counted[:targets]
        moved = (hidden[targets:, : before.shape[1]] - before) * counted[targets:, : before.shape[1]]
        first = (along * along).sum() / float(counted[:targets].sum())
        second = (moved * moved).sum() / float(counted[targets:].sum())
        return self.strength * first + (1 - self.strength) * second


def _listed(given: Any, name: str) -> list[Any]:
    """Return sentences, or groups of them, as a list."""
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise TypeError(f"{name}: expected lists of sentences, got {given!r:.60}")
    return [*given]


def _states(encoder: Encoder, ids: list[np.ndarray]) -> list[np.ndarray]:
    """Return the hidden states [T, D] of the tokens of each sentence."""
    hidden, lengths = encoder.hidden(ids)
    return [row[:length] for row, length in zip(hidden, lengths.tolist(), strict=True)]


def _directions(groups: list[list[np.ndarray]]) -> np.ndarray:
    """Return an orthonormal basis [k, D] of what the mean vectors of the groups differ by."""
    means = np.stack([np.mean([states.mean(axis=0) for states in group], axis=0) for group in groups]).astype(
        np.float64
    )
    _, sizes, axes = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    found = axes[sizes > 1e-6 * np.linalg.norm(means)]
    if not len(found):
        raise ValueError("attributes: expected groups of sentences that differ, got groups with equal vectors")
    return found
