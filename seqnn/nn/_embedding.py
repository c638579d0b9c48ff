"""A table of vectors by id."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .. import ops
from .._arguments import number
from ..autograd import Tensor
from . import _init
from ._module import Module
from ._parameter import Parameter


class Embedding(Module):
    """A table of vectors by id: integer ids of any shape [...] -> [..., embedding_dim].

    The gradient touches the rows of the batch only. An id out of range is a ValueError that names it.

    Args:
        num_embeddings: rows of the table.
        embedding_dim: the size of a vector.
        padding_idx: the row (negative: from the end) that is zero at first and gets no gradient; None is none.
        max_norm, norm_type: rows that are looked up are first scaled down to this norm in the table itself; see
            `ops.embedding`.
        dtype: of the table.

    Attributes:
        weight: [num_embeddings, embedding_dim], drawn from N(0, 1), as PyTorch's.

    Raises:
        ValueError: where `padding_idx` is no row, or a norm is not positive.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> table = nn.Embedding(5, 3, padding_idx=0)
    >>> table(np.array([[1, 2], [0, 4]])).shape
    (2, 2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        *,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self._set(Parameter(np.empty((num_embeddings, embedding_dim), dtype)), padding_idx, max_norm, norm_type)
        self.reset_parameters()

    def _set(
        self, weight: Parameter, padding_idx: int | None, max_norm: float | None = None, norm_type: float = 2.0
    ) -> None:
        rows = len(weight)
        if padding_idx is not None and not -rows <= padding_idx < rows:
            raise ValueError(f"Embedding: padding_idx must lie in [-{rows}, {rows}), got {padding_idx}")
        self.num_embeddings, self.embedding_dim = weight.shape
        self.padding_idx = None if padding_idx is None else padding_idx % rows
        self.max_norm = None if max_norm is None else number("Embedding: max_norm", max_norm, above=0)
        self.norm_type = number("Embedding: norm_type", norm_type, above=0)
        self.weight = weight

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None) -> Self:
        """Make a layer over existing vectors.

        Frozen, the layer shares a float32 or float64 array; `freeze=False` or a later `unfreeze` copies it, so that
        learning does not change the source.

        Args:
            embeddings: [V, D], or what has them as `.vectors` (KeyedVectors).
            freeze: whether the table stays as it is.
            padding_idx: as for the class.

        Returns:
            The layer.

        Raises:
            ValueError: for another shape, or what are no numbers.

        >>> import numpy as np
        >>> from seqnn import nn
        >>> nn.Embedding.from_pretrained(np.eye(3))(np.array([2])).numpy()
        array([[0., 0., 1.]])
        """
        vectors = np.asarray(getattr(embeddings, "vectors", embeddings))
        if vectors.ndim != 2 or vectors.dtype.kind not in "fiu":
            raise ValueError(
                f"from_pretrained: expected vectors [V, D] of numbers, got shape {vectors.shape} of {vectors.dtype}"
            )
        if vectors.dtype not in (np.float32, np.float64):
            vectors = vectors.astype(np.float32)
        layer = cls.__new__(cls)
        weight = Parameter(vectors[:0])
        weight.data = vectors.view()  # shared, whatever its order in memory
        layer._set(weight, padding_idx)
        layer.freeze() if freeze else layer.unfreeze()
        return layer

    def reset_parameters(self) -> None:
        """Draw the table anew."""
        _init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    def forward(self, ids: Tensor | npt.ArrayLike) -> Tensor:
        """Look up vectors.

        Args:
            ids: integers in [0, num_embeddings), of any shape.

        Returns:
            [*ids.shape, embedding_dim].
        """
        return ops.embedding(ids, self.weight, self.padding_idx, self.max_norm, self.norm_type)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        norm = "" if self.max_norm is None else f", max_norm={self.max_norm}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}{norm}"
