"""A matrix with a key for each row, and what files hold of it. KeyedVectors stands on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from ..._strings import pack, packed_fits
from ._keyed_changes import KeyedChanges

FORMAT = {"format": "seqnn.KeyedVectors", "version": "1"}
"""The metadata of files of keyed rows."""

COUNTS = "attribute.count"
"""The tensor of the words' counts in a file."""

_ATTRIBUTE = "attribute."


class KeyedRows(KeyedChanges):
    """Rows [V, D] under keys, with further values ("attributes") for each key."""

    _about: ClassVar[str | None] = None
    """The metadata that a file of this class has, and files of its bases have not."""

    _kinds: ClassVar[dict[str, type[KeyedRows]]] = {}
    """Classes by what their files have; a file is read as the class that wrote it."""

    _needed: ClassVar[frozenset[str]] = frozenset({"vectors", "words", "offsets"})
    """The tensors that a file must have."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__dict__.get("_about") is not None:
            KeyedRows._kinds[cls._about] = cls

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Return the tensors and the metadata that a file of these vectors has."""
        words, offsets = pack(self._words())
        tensors = {"vectors": self.vectors, "words": words, "offsets": offsets}
        tensors |= {_ATTRIBUTE + name: values for name, values in self.expandos.items()}
        if self._locked():
            tensors["lockf"] = self._lockf
        return tensors, dict(FORMAT)

    @classmethod
    def _restored(cls, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str], name: str) -> Self:
        """Make the object of a `_state`; `name` is the file, for messages. The class is the one that wrote the file."""
        written_by = next((kind for about, kind in cls._kinds.items() if about in metadata), cls)
        made = written_by if issubclass(written_by, cls) else cls
        if metadata.get("format") != FORMAT["format"] or not made._needed <= tensors.keys():
            raise ValueError(f"{name}: a safetensors file, but not one that KeyedVectors.save wrote")
        if metadata.get("version") != FORMAT["version"]:
            raise ValueError(f"{name}: version {metadata.get('version')!r} of the format is not known")
        vectors, words, offsets = made._matrix_of(tensors, metadata), tensors["words"], tensors["offsets"]
        attributes = {k.removeprefix(_ATTRIBUTE): v for k, v in tensors.items() if k.startswith(_ATTRIBUTE)}
        good = vectors is not None and packed_fits(words, offsets, len(vectors))
        if not good or any(values.shape != (len(vectors),) for values in attributes.values()):
            raise ValueError(f"{name}: words, offsets, vectors and attributes do not belong together")
        wv = made._around(vectors, None)
        wv._packed, wv._file = (words, offsets), name
        wv.expandos = {key: values.copy() for key, values in attributes.items()}
        wv._take_state(tensors, metadata, name)
        if "lockf" in tensors:
            wv._lockf = wv._checked_factors("lockf", tensors["lockf"], wv._trained)
        return wv

    @classmethod
    def _matrix_of(cls, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> Any:
        """Return the matrix of a file; None where it is none."""
        vectors = tensors["vectors"]
        return vectors if vectors.ndim == 2 and vectors.dtype.kind == "f" else None

    def _take_state(self, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str], name: str) -> None:
        """Take over what a subclass has besides; a ValueError where it is not there."""

    def _words(self) -> list[str]:
        """Return the keys, which must all be there and be text."""
        for i, key in enumerate(self.index_to_key):
            if not isinstance(key, str):
                raise TypeError(f"row {i} has the key {key!r}; files hold only text keys")
        return self.index_to_key
