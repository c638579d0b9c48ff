"""The words of a fixed vocabulary, looked up in C by many threads at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

import numpy as np

from .._spill import GrowingArray
from ._joined import Joined, joined, joined_lines
from ._scanner import Scanner, in_order
from ._sources import Tokenizer, sentence_chunks, strings_of
from ._tokenize import split_words

_CHUNK = 1 << 12
"""Words that are entered in one step."""


class WordIndex:
    """Words that are numbered by their places.

    Args:
        words: different words.
        unknown: the number of all others.
    """

    def __init__(self, words: Sequence[str], unknown: int) -> None:
        self._scanner, self._unknown = Scanner(), unknown
        for piece in joined([words[i : i + _CHUNK]] for i in range(0, len(words), _CHUNK)):
            self._scanner.scan(piece.text, piece.position)

    def encode(self, sentences: Any, tokenizer: Tokenizer | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of the words of sentences, and where each sentence begins.

        Args:
            sentences: token lists, strings, or a column of either, as `scan` reads them; no files.
            tokenizer: splits strings; fastest is `split_words`.

        Returns:
            ids (int32), and offsets (int64, sentences + 1): sentence s is ids[offsets[s]:offsets[s + 1]].
        """
        strings = strings_of(sentences) if tokenizer is split_words else None
        texts = joined(sentence_chunks(sentences, tokenizer)) if strings is None else joined_lines(strings)
        ids = GrowingArray(None)
        ends = [np.zeros(1, np.int64)]
        with closing(in_order(self._scan, texts)) as results:
            for numbers, line_ends in results:
                ends += [line_ends + ids.size, np.array([ids.size + len(numbers)])]
                ids.append(numbers)
        return ids.finish(), np.concatenate(ends)

    def _scan(self, text: Joined) -> tuple[np.ndarray, np.ndarray]:
        return self._scanner.scan(text.text, text.position, every_line=True, unknown=self._unknown)
