"""Prompt tuning: learnt vectors of tokens that no text has, before those of a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import nn, ops
from .._arguments import integer
from ..autograd import Tensor
from ._holding import Holder, can_hold, hold, register
from ._targets import Names

__all__ = ["PromptTuning", "with_prompt"]


@dataclass(frozen=True)
class PromptTuning:
    """Prompt tuning: vectors of virtual tokens, put before those of a sequence, are all that learns.

    Their ids follow those of the vocabulary: `Adapters.with_prompt(ids)` puts them before ids, which takes up positions.
    They start as vectors of tokens of the vocabulary, drawn at random.

    Args:
        num_virtual_tokens: how many there are.

    Raises:
        ValueError: there is less than one.

    Source: Lester, Al-Rfou, Constant, "The power of scale for parameter-efficient prompt tuning", EMNLP 2021.

    >>> from seqnn import tune
    >>> from seqnn.models import GPT
    >>> model = GPT(50, d_model=16, nhead=2, num_layers=1)
    >>> adapters = tune.Adapters(model)
    >>> adapters.add("prompt", tune.PromptTuning(4))
    >>> adapters.with_prompt([[7, 8], [9, 5]])
    array([[50, 51, 52, 53,  7,  8],
           [50, 51, 52, 53,  9,  5]])
    """

    num_virtual_tokens: int = 20
    modules_to_save: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        integer("num_virtual_tokens", self.num_virtual_tokens, 1)

    def place(self, model: nn.Module, name: str, names: Names) -> None:
        """Put the vectors of a new adapter into a model.

        Args:
            model: that gets them.
            name: of the adapter.
            names: of the model's modules.
        """
        for table in _tables(model):
            hold(table, name, Prompt(table, self.num_virtual_tokens))


def with_prompt(model: nn.Module, ids: Any) -> Any:
    """Do what `Adapters.with_prompt` promises."""
    counts = {
        sum(len(prompt.vectors) for prompt in table._prompts()) for table in _tables(model) if isinstance(table, Holder)
    }
    virtual = np.arange(next(iter(counts), 0)) + _tables(model)[0].num_embeddings
    if isinstance(ids, np.ndarray) and ids.ndim == 2:
        return np.concatenate([np.broadcast_to(virtual, (len(ids), len(virtual))), ids], axis=1)
    rows = [np.concatenate([virtual, np.asarray(row)]) for row in ids]
    return np.stack(rows) if len({len(row) for row in rows}) == 1 else rows


def _tables(model: nn.Module) -> list[Any]:
    """Return the tables of tokens of a model; a ValueError says that there are none."""
    found = [m for path, m in model.named_modules() if path.split(".")[-1] == "embedding" and can_hold(m)]
    if len(found) != 1:
        raise ValueError(f"PromptTuning: expected a model with one table of tokens, got {type(model).__name__}")
    return found


class Prompt(nn.Module):
    """The vectors of virtual tokens.

    Args:
        table: of the tokens.
        count: how many there are.
    """

    def __init__(self, table: nn.Embedding, count: int) -> None:
        rows = nn.init.uniform_(np.empty(count, np.float64), 0, table.num_embeddings).astype(int)
        self.vectors = nn.Parameter(table.weight.data[np.minimum(rows, table.num_embeddings - 1)])


class PromptedEmbedding(Holder, nn.Embedding):
    """A table of tokens with the vectors of virtual ones after it."""

    def _prompts(self) -> list[Prompt]:
        return self._chosen(Prompt)

    def forward(self, ids: Any) -> Tensor:
        """Return the vectors of tokens, virtual ones among them."""
        prompts, ids = self._prompts(), np.asarray(ids)
        virtual = ids >= self.num_embeddings
        if not prompts or not virtual.any():
            return nn.Embedding.forward(self, ids)
        vectors = prompts[0].vectors if len(prompts) == 1 else ops.concatenate([p.vectors for p in prompts])
        plain = nn.Embedding.forward(self, np.where(virtual, 0, ids))
        found = ops.embedding(np.where(virtual, ids - self.num_embeddings, 0), vectors)
        return ops.where(virtual[..., None], found, plain)


register(nn.Embedding, PromptedEmbedding)
