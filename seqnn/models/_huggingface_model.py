"""What networks share whose weights come from Hugging Face's transformers, as the description of their family names them."""

from __future__ import annotations

from os import PathLike
from typing import ClassVar, Self

from .. import nn
from .._huggingface import Family, Source, Table, from_folder, load

__all__ = ["HuggingFaceModel", "HuggingFaceWeights"]


class HuggingFaceWeights(nn.Module):
    """A network that takes over weights of a family."""

    _family: ClassVar[Family]

    def load_huggingface(self, source: Source) -> Self:
        """Take over the weights of a model of Hugging Face's; the class says of which.

        Args:
            source: a state dict, a safetensors file, or a folder of `save_pretrained`. bfloat16 becomes float32.

        Returns:
            This model.

        Raises:
            ValueError: the weights do not fit; one message lists what is missing, left over or different.
        """
        load(self, source, self._names())
        return self

    def _names(self) -> Table:
        """Return the names that the parameters have there."""
        return self._family.table(self)


class HuggingFaceModel(HuggingFaceWeights):
    """A network that a folder of a family describes."""

    @classmethod
    def from_huggingface(cls, folder: str | PathLike) -> Self:
        """Make the model that a folder of `save_pretrained` holds: config.json says the sizes; no torch is needed.

        Args:
            folder: with config.json and model.safetensors, or its shards.

        Returns:
            The model, in evaluation mode.

        Raises:
            ValueError: it is of another family, or uses what this class has not; the message names it.
        """
        return from_folder(cls, folder, cls._family_of(folder))

    @classmethod
    def _family_of(cls, folder: str | PathLike) -> Family:
        """Return the family that describes a folder."""
        return cls._family
