"""FastText: word vectors with character n-grams, with the names of gensim 4."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from .. import _core
from .._arguments import integer, renamed
from .._callbacks import EarlyStopping
from .._files import Path
from ..text._vocabulary import Vocabulary
from ._fasttext_vectors import FastTextKeyedVectors
from ._fasttext_weights import FastTextWeights
from ._subwords import MAX_BUCKET, Subwords
from ._word2vec import Word2Vec
from ._word2vec_corpus import Source
from ._word2vec_options import SAVED, checked


class FastText(Word2Vec):
    """Word vectors by skip-gram or CBOW, where a word's vector is the mean of its own and of its character n-grams'.

    So words that look alike share what is learnt, and unknown words have vectors too: `model.wv["any word"]`. The
    arguments are those of gensim 4, in its order and with its defaults, but `workers`. See `Word2Vec` for all but these:

    min_n, max_n  characters of the shortest and longest n-grams of "<word>" (3, 6); max_n < min_n: no n-grams
    bucket        n-grams are told apart by their hash modulo this number (2,000,000); 0: no n-grams

    Only n-grams that occur in known words take memory and are trained, so a large `bucket` costs nothing; in the vector
    of an unknown word the others count as zeros (in gensim and the original they keep random values). The hash and the
    n-grams are the original's, see `load_facebook_model`.

    The gradient of a word's vector is added to the vector of each of its parts, as in the original program. A token
    takes its vector from its parts when it comes into the window and gives all changes back when it goes out: nearby
    tokens with common parts do not see each other's changes to them in the meantime.

    Training, corpora, callbacks, early stopping, resuming, `history_`, Ctrl-C, `save` and `load` are those of `Word2Vec`.

    `word_ngrams` may only be 1; `hashfxn`, `batch_words` and `null_word` are accepted without effect.

    Bojanowski, Grave, Joulin, Mikolov 2017, "Enriching word vectors with subword information".

    >>> from seqnn import FastText
    >>> model = FastText([["to", "be", "or", "not", "to", "be"]] * 50, vector_size=8, sample=0, verbose=0)
    >>> model.wv.index_to_key, "nothing" in model.wv, model.wv["nothing"].shape
    (['be', 'to', 'not', 'or'], True, (8,))
    """

    wv: FastTextKeyedVectors
    min_n: int
    max_n: int
    bucket: int

    _kind = "FastText"
    _saved = (*(name for name in SAVED if name not in ("comment", "compute_loss")), "min_n", "max_n", "bucket")

    @renamed(size="vector_size", iter="epochs")
    def __init__(
        self,
        sentences: Source = None,
        corpus_file: Path | None = None,
        sg: int = 0,
        hs: int = 0,
        vector_size: int = 100,
        alpha: float = 0.025,
        window: int = 5,
        min_count: int = 5,
        max_vocab_size: int | None = None,
        word_ngrams: int = 1,
        sample: float = 1e-3,
        seed: int = 1,
        workers: int | None = None,
        min_alpha: float = 0.0001,
        negative: int = 5,
        ns_exponent: float = 0.75,
        cbow_mean: int = 1,
        hashfxn: Callable[[Any], int] = hash,
        epochs: int = 5,
        null_word: int = 0,
        min_n: int = 3,
        max_n: int = 6,
        sorted_vocab: int = 1,
        bucket: int = 2_000_000,
        trim_rule: Callable[[str, int, int], int] | None = None,
        batch_words: int = 10000,
        callbacks: Iterable[Any] = (),
        max_final_vocab: int | None = None,
        shrink_windows: bool = True,
        *,
        deterministic: bool = False,
        verbose: int = 1,
        max_memory: int | str | None = None,
        tokenizer: Callable[[str], list[str]] | None = None,
        errors: str = "replace",
        early_stopping: EarlyStopping | None = None,
    ) -> None:
        if word_ngrams != 1:
            raise ValueError(
                f"word_ngrams: expected 1 (n-grams of words are not for word vectors), got {word_ngrams!r}"
            )
        options = checked(
            {
                "vector_size": vector_size, "alpha": alpha, "window": window, "min_count": min_count,
                "max_vocab_size": max_vocab_size, "sample": sample, "seed": seed, "workers": workers,
                "min_alpha": min_alpha, "sg": sg, "hs": hs, "negative": negative, "ns_exponent": ns_exponent,
                "cbow_mean": cbow_mean, "epochs": epochs, "sorted_vocab": sorted_vocab, "compute_loss": False,
                "comment": None, "max_final_vocab": max_final_vocab, "shrink_windows": shrink_windows,
                "deterministic": deterministic, "verbose": verbose, "max_memory": max_memory, "errors": errors,
                "tokenizer": tokenizer, "early_stopping": early_stopping,
            }
        )  # fmt: skip
        options["min_n"], options["max_n"] = integer("min_n", min_n, 0), integer("max_n", max_n, 0)
        options["bucket"] = integer("bucket", bucket, 0, MAX_BUCKET)
        self._begin(options, sentences, corpus_file, trim_rule, callbacks)

    def _check_settings(self) -> None:
        super()._check_settings()
        for name in ("min_n", "max_n"):
            if getattr(self, name) != getattr(self.wv, name):
                raise ValueError(f"{name}: these n-grams are of another length; set it back, or make a new model")

    def _install(self, vocabulary: Vocabulary, weights: FastTextWeights) -> None:
        super()._install(vocabulary, weights)
        self._rows: tuple[np.ndarray, np.ndarray] | None = None

    def _vectors_of(self, vocabulary: Vocabulary, weights: FastTextWeights | None) -> FastTextKeyedVectors:
        if weights is None:
            return FastTextKeyedVectors(self.vector_size, self.min_n, self.max_n, self.bucket)
        parts = weights.input[:, : weights.size]
        return FastTextKeyedVectors._of_parts(vocabulary.words, vocabulary.counts, parts, weights.subwords)

    def _new_weights(self, vocabulary: Vocabulary) -> FastTextWeights:
        subwords = Subwords.of_words(vocabulary.words, self.min_n, self.max_n, self.wv.bucket)
        negative, hs = self.negative > 0, bool(self.hs)
        weights = FastTextWeights.zeros(len(vocabulary), self.vector_size, subwords, negative=negative, hs=hs)
        weights.draw(0, self.seed)
        return weights

    def _grown_weights(self, vocabulary: Vocabulary) -> FastTextWeights:
        return self._weights.grown_for(vocabulary.words, self.seed)

    def _weights_in_file(self, wv: FastTextKeyedVectors, tensors: dict[str, np.ndarray]) -> FastTextWeights:
        output, nodes = tensors.get("output"), tensors.get("nodes")
        return FastTextWeights(self.vector_size, wv._parts, output, nodes, len(wv), wv._subwords)

    def _make_trainable(self) -> None:
        self._weights.check(self.wv.vectors_vocab)
        weights = self._weights.trainable(self.wv._parts)
        if weights is not self._weights:
            self._weights = weights
            self.wv._parts = weights.input[:, : weights.size]
            self._weights_changed()

    def _weights_changed(self) -> None:
        self.wv.adjust_vectors()

    def _kernel(self) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
        if self._rows is None:
            words = self._vocabulary.words
            self._rows = self._weights.subwords.rows(words, np.arange(len(words)), len(words))[:2]
        rows, offsets = self._rows
        return partial(_core.fasttext_train, rows=rows, row_offsets=offsets)
