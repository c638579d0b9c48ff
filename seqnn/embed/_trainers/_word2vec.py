"""Word2Vec: word vectors trained from a corpus, with the names of gensim 4."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ... import _core
from ..._arguments import renamed, warn_caller
from ..._callbacks import EarlyStopping
from ..._files import Path
from ..._settings import Anything, Flag, Integer, Number
from ._corpus import Source, read
from ._word2vec_queries import WordQueries
from ._word2vec_training import check_rates, logger
from ._word2vec_vocabulary import TrimRule
from ._word2vec_weights import Weights


class Word2Vec(WordQueries):
    """Word vectors by skip-gram or CBOW, with negative sampling, hierarchical softmax or both.

    The arguments are those of gensim 4, in its order and with its defaults, but `workers`.

    The corpus is read once. Encoded ids stand for the words "0", "1", ...; after `build_vocab_from_freq` they are rows of
    `wv`. A sentence may have any length.

    Args:
        sentences: the corpus: token lists (a list, any iterable, a generator); a path to a text file (one sentence a line,
            words separated by white space; plain, .gz, .bz2, .xz, .zip, a pipe), a list of paths, a directory; a pandas or
            Polars string column; or encoded integer arrays (ids, offsets), where sentence i is
            ids[offsets[i]:offsets[i+1]]. None: build the vocabulary and train later.
        corpus_file: a path or a list of paths, instead of `sentences`.
        alpha, min_alpha: learning rate, falling linearly by words seen over all epochs from alpha to min_alpha.
        sample: sub-sampling of frequent words: a word with the share f of the corpus is kept with the probability
            sqrt(sample/f) + sample/f; 0 keeps all; use 0 for small corpora.
        sg: 1 skip-gram, 0 CBOW.
        hs: 1 hierarchical softmax.
        negative: negative samples per centre word, 0 for none.
        ns_exponent: negatives are drawn by count ** ns_exponent.
        cbow_mean: CBOW: 1 mean of the context vectors, 0 their sum.
        hashfxn, batch_words, null_word: accepted for gensim's sake, without effect.
        trim_rule: function (word, count, min_count) -> 0 default, 1 discard, 2 keep; files do not keep it.
        sorted_vocab: 1: rows of `wv` by falling count, 0: by first appearance.
        compute_loss: has no effect: the loss is always computed.
        callbacks: objects with the methods of `Callback`, for the training of this call.
        comment: is kept with the model; what JSON can hold.
        shrink_windows: draw each window's size from 1..window.
        deterministic: the same seed gives the same bits for any number of threads, on the same instruction set. Without
            it, threads write to the shared weights without locks, as in all word2vec programs; one thread is reproducible
            in either mode.

    Attributes:
        wv: the vectors, `KeyedVectors`. `wv.freeze(words)` and `wv.vectors_lockf` keep some as they are.
        history_: one dict an epoch: epoch (from 1), loss (mean per example, in nats), examples, words, seconds,
            words_per_second, alpha (at its end).
        corpus_count, corpus_total_words: sentences and words read by `build_vocab`.
        epochs_trained: epochs of all runs.

    Ctrl-C stops between two steps of about 0.15 s. The model is then consistent: query it, save it, or go on with
    `train(corpus)`. When the constructor was interrupted the exception holds the model: `sys.last_value.model`. So does
    every other error of a run; after the FloatingPointError of one that diverges the model is as it was after the last
    good epoch.

    Source: Mikolov et al. 2013, "Efficient estimation of word representations in vector space" and "Distributed
    representations of words and phrases and their compositionality". The negatives of a centre word are shared by its
    window (Ji et al. 2016, "Parallelizing word2vec in shared and distributed memory").

    >>> from seqnn import Word2Vec
    >>> model = Word2Vec([["to", "be", "or", "not", "to", "be"]] * 50, vector_size=8, sample=0, verbose=0)
    >>> model.wv.index_to_key
    ['be', 'to', 'not', 'or']
    >>> model.wv["be"].shape, len(model.history_)
    ((8,), 5)
    """

    alpha = Number(0.025, above=0)
    min_alpha = Number(0.0001, minimum=0)
    sample = Number(1e-3, minimum=0)
    sg = Flag(0)
    hs = Flag(0)
    negative = Integer(5, maximum=_core.word2vec.MOST_NEGATIVE)
    ns_exponent = Number(0.75)
    cbow_mean = Flag(1)
    sorted_vocab = Flag(1)
    compute_loss = Flag(False)
    comment = Anything(None, saved=True)
    shrink_windows = Flag(True)

    _kind = "Word2Vec"
    _weights_type = Weights
    _counted = ("corpus_count", "corpus_total_words", "effective_min_count", "train_count")
    _renamed = {"size": "vector_size", "iter": "epochs"}  # noqa: RUF012 (declared as a class variable by Settings)

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
        trim_rule: TrimRule | None = None,
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
        pretrained: Any = None,
        freeze: Any = False,
    ) -> None:
        self._store(locals())
        self._begin(sentences, corpus_file, trim_rule, callbacks)

    def _begin(
        self, sentences: Source, corpus_file: Path | None, trim_rule: TrimRule | None, callbacks: Iterable[Any]
    ) -> None:
        """Choose the words and train, where there is a corpus: the rest of the constructor."""
        self.raw_vocab: dict[str, int] = {}
        self._latest_alpha: float | None = None
        self._start()
        self.effective_min_count = self.min_count
        self._check_settings()
        if self.hs and self.negative:
            logger.warning(
                "Both hierarchical softmax and negative sampling are activated. Each is trained; for one alone "
                "set negative=0 or hs=0."
            )
        if sentences is None and corpus_file is None:
            if trim_rule is not None or list(callbacks):
                warn_caller(
                    "trim_rule and callbacks are used only together with a corpus: give them to build_vocab and train",
                    UserWarning,
                )
            return
        source = self._source(sentences, corpus_file)
        with read(source, self) as scanned:
            corpus = scanned.encode(self._choose_words(source, scanned, trim_rule=trim_rule), self._keeps_empty)
        del scanned  # its words take more memory than the vocabulary
        with corpus:
            self._fit(corpus, callbacks=callbacks, pristine=self.pretrained is None)

    def _check_settings(self) -> None:
        super()._check_settings()
        check_rates(self.alpha, self.min_alpha)
        if not self.hs and not self.negative:
            raise ValueError("hs=0 and negative=0: nothing would be trained; set hs=1 or negative >= 1 (usual: 5)")

    def __repr__(self) -> str:
        """Show what gensim shows: the sizes and the learning rate."""
        return f"{type(self).__name__}<vocab={len(self.wv)}, vector_size={self.vector_size}, alpha={self.alpha:g}>"
