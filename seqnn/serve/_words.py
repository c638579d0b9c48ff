"""What the page shows of vectors."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import islice
from typing import Any

import numpy as np

from ..embed import KeyedVectors, bias_direction, near_spellings, unit_rows
from ..plot import plane
from ._fields import Fields, RequestError

__all__ = ["Words"]

MOST_WORDS = 500
"""Of a map, and of words on an axis."""

_SEARCHED = 1_000_000
"""The words that are searched for completions: the first ones."""

_COMPLETIONS = 12


class Words:
    """Answers to questions about vectors.

    Args:
        vectors: whose keys are words.
    """

    def __init__(self, vectors: KeyedVectors) -> None:
        if not len(vectors):
            raise ValueError("vectors: expected at least one word, got none")
        if not all(isinstance(key, str) for key in vectors.index_to_key):
            raise ValueError("vectors: expected words as keys, got numbers")
        self.vectors = vectors

    @property
    def about(self) -> dict[str, Any]:
        """What the page tells of them."""
        plain = (word for word in islice(self.vectors.index_to_key, 2000) if len(word) > 3 and word.isalpha())
        first = list(islice(plain, 24)) or list(islice(self.vectors.index_to_key, 24))
        return {"count": len(self.vectors), "size": self.vectors.vector_size, "methods": _methods(), "first": first}

    def complete(self, fields: Fields) -> dict[str, Any]:
        """Find words that begin as the text does: as it is written first, then with other capitals."""
        fields.allow("text")
        text = fields.text("text", 200)
        found = dict.fromkeys([text] if text in self.vectors.key_to_index else [])
        folded = text.casefold()
        for word in islice(self.vectors.index_to_key, _SEARCHED):
            if word.casefold().startswith(folded):
                found[word] = None
                if len(found) >= _COMPLETIONS:
                    break
        return {"words": list(found)}

    def neighbours(self, fields: Fields) -> dict[str, Any]:
        """Find the words nearest to the sum of some minus others."""
        fields.allow("positive", "negative", "topn", "objective")
        positive, negative = fields.words("positive", 20, 1), fields.words("negative", 20)
        topn = fields.integer("topn", 20, 1, 200)
        self._require("positive", positive)
        self._require("negative", negative)
        if fields.choice("objective", ("add", "multiply")) == "multiply":
            found = self.vectors.most_similar_cosmul(positive, negative, topn)
        else:
            found = self.vectors.most_similar(positive, negative, topn)
        return {"neighbours": [{"word": word, "score": float(score)} for word, score in found if np.isfinite(score)]}

    def map(self, fields: Fields) -> dict[str, Any]:
        """Put words on a plane: those that are named with neighbours of each, or else the first ones."""
        fields.allow("words", "neighbours", "count", "method", "seed")
        named, near = fields.words("words", 50), fields.integer("neighbours", 10, 0, 50)
        method = fields.choice("method", _methods())
        seed = fields.integer("seed", 1, 0, 2**31 - 1)
        groups: dict[str, int]
        if named:
            self._require("words", named)
            groups = {word: i for i, word in enumerate(named)}
            for i, word in enumerate(named):
                for other, _ in self.vectors.most_similar(word, topn=near) if near else ():
                    groups.setdefault(other, i)
        else:
            count = fields.integer("count", 150, 3, MOST_WORDS)
            groups = dict.fromkeys(islice(self.vectors.index_to_key, count), 0)
        words, units, left_out = self._units(list(islice(groups, MOST_WORDS)))
        if len(words) < 3:
            raise RequestError("words", "at least 3 words with numbers to map", f"{len(words)}")
        if units.shape[1] < 2:
            raise RequestError("vectors", "at least 2 numbers each for a map", f"{units.shape[1]}")
        points, axes = plane(units, method, None, seed)
        rows = zip(words, points.tolist(), strict=True)
        placed = [{"word": word, "x": x, "y": y, "group": groups[word]} for word, (x, y) in rows]
        return {"points": placed, "axes": axes, "left_out": left_out}

    def bias(self, fields: Fields) -> dict[str, Any]:
        """Project words onto the direction in which the words of pairs differ."""
        fields.allow("pairs", "words")
        pairs, words = fields.pairs("pairs", 20), fields.words("words", MOST_WORDS, 1)
        ends = list(dict.fromkeys(word for pair in pairs for word in pair))
        self._require("pairs", ends)
        direction = bias_direction((self.vectors.get_vectors(ends), ends), pairs)
        known = [word for word in words if word in self.vectors]
        if not known:
            self._require("words", words)
        found, units, left_out = self._units(known)
        order = sorted(zip(found, (units @ direction).tolist(), strict=True), key=lambda pair: -pair[1])
        projected = [{"word": word, "score": score} for word, score in order]
        return {"words": projected, "left_out": [word for word in words if word not in self.vectors] + left_out}

    def _units(self, words: list[str]) -> tuple[list[str], np.ndarray, list[str]]:
        """Return the words that have a finite vector, these with length 1, and the others."""
        rows = self.vectors.get_vectors(words).astype(np.float64)
        finite = np.isfinite(rows).all(axis=1)
        kept = [word for word, good in zip(words, finite, strict=True) if good]
        return kept, unit_rows(rows[finite]), [word for word, good in zip(words, finite, strict=True) if not good]

    def _require(self, name: str, words: list[str]) -> None:
        """Refuse words without a finite vector, and tell what is spelled alike."""
        for word in words:
            if word not in self.vectors:
                near = near_spellings(self.vectors, word)
                raise RequestError(
                    name, "words that have a vector", f"{word!r}" + f" (near: {', '.join(near)})" * bool(near)
                )
            if not np.isfinite(self.vectors[word]).all():
                raise RequestError(name, "words with a finite vector", f"NaN or infinity in that of {word!r}")


def _methods() -> list[str]:
    """Return the ways to make a map."""
    return ["pca", "tsne"] if find_spec("sklearn") else ["pca"]
