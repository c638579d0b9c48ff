"""Word2Vec: word vectors trained from a corpus, with the names of gensim 4."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import numpy as np

from .._arguments import integer, number, renamed, warn_caller
from .._callbacks import EarlyStopping
from .._files import Path
from . import _word2vec_file as file
from ._word2vec_corpus import Source, encoded, one_source
from ._word2vec_inference import output_probabilities, sentence_score
from ._word2vec_options import checked
from ._word2vec_vocabulary import Word2VecVocabulary


class Word2Vec(Word2VecVocabulary):
    """Word vectors by skip-gram or CBOW, with negative sampling, hierarchical softmax or both.

    The arguments are those of gensim 4, in its order and with its defaults, but `workers`. The vectors are in `wv`.

    Corpus (`sentences`): a list of token lists, or any iterable of them that can be read more than once; a path to a
    text file (one sentence a line, words separated by white space; plain, .gz, .bz2, .xz), a list of paths, a
    directory; a pandas or Polars string column; or encoded integer arrays (ids, offsets), where sentence i is
    ids[offsets[i]:offsets[i+1]]. It is read once. A sentence may have any length. Encoded ids stand for the words
    "0", "1", ...; after `build_vocab_from_freq` they are rows of `wv`.

    sentences         the corpus; None: build the vocabulary and train later
    corpus_file       a path, instead of `sentences`
    vector_size       length of the vectors (100)
    alpha, min_alpha  learning rate, falling linearly by words seen over all epochs from alpha (0.025) to min_alpha
                      (0.0001)
    window            most words between centre and context, at most 1000 (5)
    min_count         rarer words are left out (5)
    max_vocab_size    limit of different words while counting: rarer ones are forgotten on the way
    max_final_vocab   raise min_count until at most so many words are left
    sample            sub-sampling of frequent words (1e-3): a word with the share f of the corpus is kept with the
                      probability sqrt(sample/f) + sample/f; 0 keeps all; use 0 for small corpora
    seed              of all random numbers (1)
    workers           threads; None: all allowed ones
    sg                1 skip-gram, 0 CBOW (0)
    hs                1 hierarchical softmax (0)
    negative          negative samples per centre word (5), 0 for none
    ns_exponent       negatives are drawn by count ** ns_exponent (0.75)
    cbow_mean         CBOW: 1 mean of the context vectors, 0 their sum (1)
    epochs            passes over the corpus (5); 0: initial vectors only
    trim_rule         function (word, count, min_count) -> 0 default, 1 discard, 2 keep; not saved
    sorted_vocab      1: rows of `wv` by falling count, 0: by first appearance (1)
    callbacks         objects with the methods of `Callback`, for the training of this call
    comment           kept with the model
    shrink_windows    draw each window's size from 1..window (True)
    deterministic     the same seed gives the same bits for any number of threads, on the same instruction set (False).
                      Without it, threads write to the shared weights without locks, as in all word2vec programs; one
                      thread is reproducible in either mode
    verbose           0 no progress bar (1)
    max_memory        bytes (or "2GB") that the encoded corpus may take; beyond, it lies in a temporary file
    tokenizer         function str -> list of words, for lines of text; default: split at white space; not saved
    errors            what invalid UTF-8 gets: "replace", "strict", "ignore"
    early_stopping    an `EarlyStopping`, used by every `train` of this model; not saved

    Accepted for gensim's sake and without effect: `hashfxn`, `batch_words`, `null_word`, `compute_loss` (the loss is
    always computed).

    Attributes: `wv` the vectors (`KeyedVectors`); `history_` one dict an epoch: epoch (from 1 on), loss (mean per
    example, in nats), examples, words, seconds, words_per_second, alpha (at its end); `corpus_count` sentences and
    `corpus_total_words` words read by `build_vocab`; `epochs_trained`.

    Ctrl-C stops between two steps of about 0.15 s. The model is then consistent: query it, save it, or go on with
    `train(corpus)`. When the constructor was interrupted the exception holds the model: `sys.last_value.model`. So does
    the `FloatingPointError` of a run that diverges; the model is then as it was after the last good epoch.

    Mikolov et al. 2013, "Efficient estimation of word representations in vector space" and "Distributed representations
    of words and phrases and their compositionality". The negatives of a centre word are shared by its window (Ji et al.
    2016, "Parallelizing word2vec in shared and distributed memory").

    >>> model = Word2Vec([["to", "be", "or", "not", "to", "be"]] * 50, vector_size=8, sample=0, verbose=0)
    >>> model.wv.index_to_key
    ['be', 'to', 'not', 'or']
    >>> model.wv["be"].shape, len(model.history_)
    ((8,), 5)
    """

    @renamed(size="vector_size", iter="epochs")
    def __init__(
        self,
        sentences: Source = None,
        corpus_file: Path | None = None,
        vector_size: int = 100,
        alpha: float = 0.025,
        window: int = 5,
        min_count: int = 5,
        max_vocab_size: int | None = None,
        sample: float = 1e-3,
        seed: int = 1,
        workers: int | None = None,
        min_alpha: float = 0.0001,
        sg: int = 0,
        hs: int = 0,
        negative: int = 5,
        ns_exponent: float = 0.75,
        cbow_mean: int = 1,
        hashfxn: Callable[[Any], int] = hash,
        epochs: int = 5,
        null_word: int = 0,
        trim_rule: Callable[[str, int, int], int] | None = None,
        sorted_vocab: int = 1,
        batch_words: int = 10000,
        compute_loss: bool = False,
        callbacks: Iterable[Any] = (),
        comment: Any = None,
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
        options = checked(
            {
                "vector_size": vector_size, "alpha": alpha, "window": window, "min_count": min_count,
                "max_vocab_size": max_vocab_size, "sample": sample, "seed": seed, "workers": workers,
                "min_alpha": min_alpha, "sg": sg, "hs": hs, "negative": negative, "ns_exponent": ns_exponent,
                "cbow_mean": cbow_mean, "epochs": epochs, "sorted_vocab": sorted_vocab, "compute_loss": compute_loss,
                "comment": comment, "max_final_vocab": max_final_vocab, "shrink_windows": shrink_windows,
                "deterministic": deterministic, "verbose": verbose, "max_memory": max_memory, "errors": errors,
                "tokenizer": tokenizer, "early_stopping": early_stopping,
            }
        )  # fmt: skip
        self._begin(options, sentences, corpus_file, trim_rule, callbacks)

    def _begin(
        self,
        options: dict[str, Any],
        sentences: Source,
        corpus_file: Path | None,
        trim_rule: Callable[[str, int, int], int] | None,
        callbacks: Iterable[Any],
    ) -> None:
        """The rest of the constructor: choose the words and train, where there is a corpus."""
        super().__init__(options)
        if sentences is None and corpus_file is None:
            if trim_rule is not None or list(callbacks):
                warn_caller(
                    "trim_rule and callbacks are used only together with a corpus: give them to build_vocab and train",
                    UserWarning,
                )
            return
        source = one_source(sentences, corpus_file, passes=self.epochs)
        with self._read_new(source, trim_rule) as corpus:
            self._fit(corpus, callbacks=callbacks, pristine=True)

    @property
    def syn1neg(self) -> np.ndarray:
        """The words' vectors as predicted words, V x vector_size (negative sampling)."""
        return self._matrix("output", "negative > 0")

    @property
    def syn1(self) -> np.ndarray:
        """The vectors of the Huffman tree's inner nodes, (V - 1) x vector_size (hierarchical softmax)."""
        return self._matrix("nodes", "hs=1")

    @property
    def layer1_size(self) -> int:
        """gensim's second name of `vector_size`."""
        return self.vector_size

    @renamed(sentences="corpus_iterable", iter="epochs")
    def train(
        self,
        corpus_iterable: Source = None,
        corpus_file: Path | None = None,
        total_examples: int | None = None,
        total_words: int | None = None,
        epochs: int | None = None,
        start_alpha: float | None = None,
        end_alpha: float | None = None,
        word_count: int = 0,
        queue_factor: int = 2,
        report_delay: float = 1.0,
        compute_loss: bool = False,
        callbacks: Iterable[Any] = (),
    ) -> tuple[int, int]:
        """Train on a corpus; returns (known words, all words) gone over, all epochs together.

        epochs                 default: what is left of an interrupted run when there is one, else the model's `epochs`
        start_alpha, end_alpha learning rates of this call instead of `alpha` and `min_alpha`
        callbacks              see `Callback`

        An interrupted run (Ctrl-C, an exception in a callback, also one that came back by `save` and `load`) goes on
        with `train(corpus)` on the same corpus, exactly: with one thread or deterministic=True the vectors are the
        same bits as without the interruption. Give `epochs` to begin a new run instead. After a finished run every
        call trains that many epochs more.

        A run whose loss or weights are not finite any more raises a `FloatingPointError`; the model is then as it was
        after the last good epoch. For this a copy of the weights is kept, from 16 MiB on in a temporary file.

        The corpus is counted when it is read, so `total_examples`, `total_words` and `word_count` have no effect,
        neither have `queue_factor`, `report_delay` and `compute_loss` (the loss is always computed).
        """
        self._require_vocabulary("train")
        if epochs is not None:
            epochs = integer("epochs", epochs, 0)
        if start_alpha is not None:
            start_alpha = number("start_alpha", start_alpha, above=0)
        if end_alpha is not None:
            end_alpha = number("end_alpha", end_alpha, minimum=0)
        source = one_source(corpus_iterable, corpus_file, passes=self.epochs if epochs is None else epochs)
        with encoded(source, self) as (corpus, total):
            known = self._fit(corpus, epochs=epochs, start_alpha=start_alpha, end_alpha=end_alpha, callbacks=callbacks)
            return known, round(known * total / len(corpus.ids))

    def get_latest_training_loss(self) -> float:
        """Sum of the loss over all examples of the latest run (gensim's figure; see `history_` for means)."""
        finished = sum(entry["loss"] * entry["examples"] for entry in self._run_history() if entry["examples"])
        return finished + (self._position.loss if self._position is not None else 0.0)

    def predict_output_word(
        self, context_words_list: Sequence[str | int], topn: int = 10
    ) -> list[tuple[str, float]] | None:
        """The most probable centre words of a context, with their probabilities: softmax over the whole vocabulary.

        The context's words (or rows) are taken together as in CBOW, also in a skip-gram model. Unknown words are left
        out; None when there is no other. Needs negative sampling.
        """
        self._require_vocabulary("predict_output_word")
        output = self.syn1neg
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
        """Log-probability (natural) of each sentence under a model with hierarchical softmax, float32 [sentences].

        Skip-gram: summed over all pairs of a context and a centre word within the window; CBOW: over the centre words.
        Unknown words are left out. At most `total_sentences` are scored; the last three arguments have no effect.
        """
        self._require_vocabulary("score")
        nodes, tables, index = self.syn1, self._tables(), self.wv.key_to_index
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

    def save(self, path: Path) -> None:
        """Write all of the model to one safetensors file; on any error an old file of this name stays.

        Weights, vocabulary, settings, history, and where an interrupted run stands; not the corpus, nor functions
        (tokenizer, trim_rule, callbacks, early_stopping).
        """
        file.save(self, path)

    @classmethod
    def load(cls, path: Path, mmap: bool | str | None = False) -> Self:
        """The model that `save` wrote.

        mmap=True leaves the matrices in the file, read-only, until the model is trained further.
        """
        return file.load(cls, path, mmap=bool(mmap))

    def __repr__(self) -> str:
        """As gensim: the sizes and the learning rate."""
        return f"{type(self).__name__}<vocab={len(self.wv)}, vector_size={self.vector_size}, alpha={self.alpha:g}>"

    def _matrix(self, name: str, needed: str) -> np.ndarray:
        matrix = getattr(self._weights, name) if self._vocabulary.words else None
        if matrix is None:
            raise RuntimeError(f"this needs a model that was built with {needed}")
        return matrix[:, : self.vector_size]
