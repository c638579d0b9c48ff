"""What a Word2Vec model says besides its vectors: matrices, memory, probabilities of words and sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..._arguments import integer
from ._corpus import Source
from ._word2vec_inference import output_probabilities, sentence_score
from ._word2vec_training import WordTraining

WORD_BYTES = 200
"""Of a word of usual length in a vocabulary: text, count, places in lists and a dict."""


class WordQueries(WordTraining):
    """The methods of `Word2Vec` that ask it something."""

    @property
    def syn1neg(self) -> np.ndarray:
        """The words' vectors as predicted words, V x vector_size (negative sampling)."""
        return self._matrix("output", "negative > 0")

    @property
    def syn1(self) -> np.ndarray:
        """The vectors of the Huffman tree's inner nodes, (V - 1) x vector_size (hierarchical softmax)."""
        return self._matrix("nodes", "hs=1")

    def _matrix(self, name: str, needed: str) -> np.ndarray:
        matrix = None if self._weights is None else getattr(self._weights, name)
        if matrix is None:
            raise RuntimeError(f"this needs a model that was built with {needed}")
        return self._weights.unpadded(matrix)

    def _of_sums(self, purpose: str, matrix: np.ndarray) -> np.ndarray:
        """Return a matrix of what is predicted from sums or means of vectors; a ValueError where it is another one."""
        if matrix.shape[1] != self.vector_size:
            raise ValueError(f"{purpose}: expected a model that adds vectors up, got one with dm_concat=1")
        return matrix

    def estimate_memory(self, vocab_size: int | None = None, report: dict[str, int] | None = None) -> dict[str, int]:
        """Estimate the bytes of a model with these settings.

        Args:
            vocab_size: words; default: those of the model.
            report: figures that are added to, such as those of `prepare_vocab`.

        Returns:
            The bytes of the matrices, by gensim's names (syn0, syn1, syn1neg; of FastText syn0_vocab and syn0_ngrams),
            of the vocabulary (vocab), and of all together (total).

        >>> from seqnn import Word2Vec
        >>> Word2Vec(vector_size=300).estimate_memory(vocab_size=1_000_000)["syn0"]
        1216000000
        """
        count = len(self._vocabulary) if vocab_size is None else integer("vocab_size", vocab_size, 0)
        words = self._vocabulary.words if count == len(self._vocabulary) else None
        parts = {"vocab": count * WORD_BYTES} | self._weights_type.estimated(count, words, self)
        return (report or {}) | parts | {"total": sum(parts.values())}

    @property
    def layer1_size(self) -> int:
        """The length of the vectors, under gensim's second name."""
        return self.vector_size

    def predict_output_word(
        self, context_words_list: Sequence[str | int], topn: int = 10
    ) -> list[tuple[str, float]] | None:
        """Find the most probable centre words of a context: softmax over the whole vocabulary.

        The context's words are taken together as in CBOW, also in a skip-gram model. It needs negative sampling.

        Args:
            context_words_list: words, or rows of `wv`; unknown words are left out.
            topn: how many centre words.

        Returns:
            (word, probability), the best first; None when no word of the context is known.

        >>> from seqnn import Word2Vec
        >>> model = Word2Vec([["to", "be", "or", "not", "to", "be"]] * 50, vector_size=8, sample=0, verbose=0)
        >>> len(model.predict_output_word(["to", "or"], topn=2))
        2
        """
        self._require_vocabulary("predict_output_word")
        self._check_words()
        output = self._of_sums("predict_output_word", self.syn1neg)
        if isinstance(context_words_list, str):
            raise TypeError(f"context_words_list: expected a list of words, got a string: [{context_words_list!r}]")
        topn = integer("topn", topn, 1)
        rows = [row for word in context_words_list if (row := self.wv.get_index(word, -1)) >= 0]
        if not rows:
            return None
        hidden = self.wv.vectors[rows].sum(axis=0)
        probabilities = output_probabilities(hidden / len(rows) if self.cbow_mean else hidden, output)
        best = np.argsort(-probabilities, kind="stable")[:topn]
        return [(self.wv.index_to_key[row], float(probabilities[row])) for row in best]

    def score(
        self, sentences: Source, total_sentences: int = 1_000_000, chunksize: int = 100, queue_factor: int = 2,
        report_delay: float = 1,
    ) -> np.ndarray:  # fmt: skip
        """Compute the log-probability (natural) of sentences under a model with hierarchical softmax.

        Skip-gram: summed over all pairs of a context and a centre word within the window; CBOW: over the centre words.

        Args:
            sentences: lists of words; unknown ones are left out.
            total_sentences: the most sentences that are scored.
            chunksize, queue_factor, report_delay: have no effect.

        Returns:
            float32 [sentences].

        >>> from seqnn import Word2Vec
        >>> corpus = [["to", "be", "or", "not", "to", "be"]] * 50
        >>> model = Word2Vec(corpus, vector_size=8, sample=0, hs=1, negative=0, verbose=0)
        >>> model.score([["to", "be"]]).shape
        (1,)
        """
        self._require_vocabulary("score")
        self._check_words()
        nodes, tables, index = self._of_sums("score", self.syn1), self._tables(), self.wv.key_to_index
        scores: list[float] = []
        for sentence in sentences:
            if isinstance(sentence, str):
                raise TypeError("sentences: expected lists of words, got a string; wrap it: [s.split()]")
            if len(scores) == total_sentences:
                break
            ids = np.array([index[word] for word in sentence if word in index], np.int64)
            scores.append(
                sentence_score(
                    ids, self.wv.vectors, nodes, tables, window=self.window, sg=bool(self.sg), mean=bool(self.cbow_mean)
                )
            )
        return np.array(scores, np.float32)
