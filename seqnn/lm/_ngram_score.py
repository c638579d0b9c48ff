"""Scoring with a trie of probabilities."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .. import _core
from .._arguments import flag
from ._ngram_trie import Trie

DIRECT, CLOSED, ABSENT = _core.ngram_score.DIRECT, _core.ngram_score.CLOSED, _core.ngram_score.ABSENT


class WordScore(NamedTuple):
    """A word as a model scores it.

    Args:
        log_prob: the log10 probability.
        ngram_length: how many words the longest n-gram of the model has that ends with it.
        oov: whether the model does not know the word.

    >>> from seqnn.lm import NGramLM
    >>> word, end = NGramLM(order=2, smoothing="laplace").fit(["a b", "a c"]).full_scores("x")
    >>> word.ngram_length, word.oov, round(10**word.log_prob, 4)
    (1, True, 0.1429)
    """

    log_prob: float
    ngram_length: int
    oov: bool


@dataclass
class Scorer:
    """A model for the kernels: a trie, its `kind` (DIRECT | CLOSED, see csrc/lm/ngram_score.c), and `absent`, the log10
    weight of a context that the model lacks."""

    trie: Trie
    kind: int = CLOSED
    absent: float = 0.0

    @property
    def backs_off(self) -> bool:
        """Whether the scores are those of an ARPA file: only contexts in the model have a weight."""
        return not self.kind & DIRECT and self.absent == 0

    @property
    def _model(self) -> tuple:
        return self.trie.nodes, self.trie.leaves, self.trie.order, self.kind, self.absent

    def texts(
        self, ids: np.ndarray, offsets: np.ndarray, bos: bool, eos: bool, *, each_word: bool = False
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the log10 probability of each sentence, and if asked for that of each word and the length of its n-gram."""
        words = {"log_probs": each_word, "lengths": each_word}
        return _core.ngram_score_texts(*self._model, ids, offsets, flag("bos", bos), flag("eos", eos), **words)

    def advance(self, states: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the log10 probability of a word after each state (uint32 [R, order - 1]), and the states after it."""
        return _core.ngram_score_advance(*self._model, states, ids)

    def distribution(self, states: np.ndarray) -> np.ndarray:
        """Return the natural logarithm of the probability of each word after each state (float32 [R, V])."""
        return _core.ngram_score_distribution(*self._model, states, self.trie.words, math.log(10))

    def states(self, ids: np.ndarray, states: np.ndarray | None = None) -> np.ndarray:
        """Return the state after each row of ids [R, t], from `states` on or from no text."""
        if states is None:
            states = np.zeros((len(ids), self.trie.order - 1), np.uint32)
        for column in ids[:, max(ids.shape[1] - self.trie.order + 1, 0) :].T:
            _, states = self.advance(states, column)
        return states
