"""Word2Vec: word vectors trained from a corpus, with the names of gensim 4."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ... import _core, random
from ..._arguments import integer, number, optional_integer, renamed, warn_caller
from ..._callbacks import EarlyStopping
from ..._files import Path
from ..._settings import Anything, Flag, Integer, Number
from ...text import Corpus, ScannedCorpus, Vocabulary, effective_min_count, encoded_of, keep_thresholds
from ._corpus import Source, encoded, fingerprint, one_source, read
from ._steps import RatedPosition, Task
from ._vector_model import VectorModel
from ._word2vec_inference import output_probabilities, sentence_score
from ._word2vec_weights import Tables, Weights

BLOCK = _core.word2vec.BLOCK
"""Words that the kernel trains on at a time. Contexts reach over a block's ends."""

ORDER_STREAM = 1 << 32
"""First of the random streams (one an epoch) that say in which order the blocks are visited."""

WORD_BYTES = 200
"""Of a word of usual length in a vocabulary: text, count, places in lists and a dict."""

logger = logging.getLogger("seqnn.embed")

TrimRule = Callable[[str, int, int], int]


class Word2Vec(VectorModel):
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

    def _source(self, corpus_iterable: Source, corpus_file: Path | None) -> Source:
        """Return the one corpus that is given."""
        return one_source(corpus_iterable, corpus_file)

    def _check_settings(self) -> None:
        super()._check_settings()
        _check_rates(self.alpha, self.min_alpha)
        if not self.hs and not self.negative:
            raise ValueError("hs=0 and negative=0: nothing would be trained; set hs=1 or negative >= 1 (usual: 5)")

    # Words

    @renamed(sentences="corpus_iterable")
    def build_vocab(
        self,
        corpus_iterable: Source = None,
        corpus_file: Path | None = None,
        update: bool = False,
        progress_per: int = 10000,
        keep_raw_vocab: bool = False,
        trim_rule: TrimRule | None = None,
    ) -> None:
        """Read a corpus, choose the vocabulary, and set the initial weights.

        Args:
            corpus_iterable, corpus_file: the corpus, as `sentences` and `corpus_file` of the constructor.
            update: True adds to the vocabulary: known words keep their row and vector and their counts grow, new ones are
                appended with initial vectors; sub-sampling, negatives and the Huffman tree follow the summed counts. False
                begins a new model: weights and history are dropped.
            progress_per: has no effect.
            keep_raw_vocab: leave all counts, also of rare words, in `raw_vocab`.
            trim_rule: as for the constructor.

        >>> from seqnn import Word2Vec
        >>> model = Word2Vec(vector_size=4, min_count=1)
        >>> model.build_vocab([["a", "b", "a"]])
        >>> model.build_vocab([["c"]], update=True)
        >>> model.wv.index_to_key, model.corpus_total_words
        (['a', 'b', 'c'], 1)
        """
        source = self._source(corpus_iterable, corpus_file)
        with read(source, self) as scanned:
            self._choose_words(source, scanned, keep_raw_vocab=keep_raw_vocab, trim_rule=trim_rule, update=update)

    @renamed(sentences="corpus_iterable")
    def scan_vocab(
        self,
        corpus_iterable: Source = None,
        corpus_file: Path | None = None,
        progress_per: int = 10000,
        workers: int | None = None,
        trim_rule: TrimRule | None = None,
    ) -> tuple[int, int]:
        """Count the words of a corpus into `raw_vocab`: the first step of `build_vocab`; `prepare_vocab` is the second.

        Args:
            corpus_iterable, corpus_file: the corpus, as `sentences` and `corpus_file` of the constructor.
            progress_per, workers, trim_rule: have no effect.

        Returns:
            (words, sentences) of the corpus.

        >>> from seqnn import Word2Vec
        >>> model = Word2Vec(vector_size=4)
        >>> model.scan_vocab([["a", "b", "a"], ["c"]]), model.raw_vocab
        ((4, 2), {'a': 2, 'b': 1, 'c': 1})
        """
        source = self._source(corpus_iterable, corpus_file)
        with read(source, self) as scanned:
            self.raw_vocab = dict(zip(scanned.words, scanned.counts.tolist(), strict=True))
            self._count_corpus(source, scanned)
            return scanned.total_words, scanned.sentences

    def prepare_vocab(
        self,
        update: bool = False,
        keep_raw_vocab: bool = False,
        trim_rule: TrimRule | None = None,
        min_count: int | None = None,
        sample: float | None = None,
        dry_run: bool = False,
    ) -> dict[str, int]:
        """Choose the vocabulary from the words that `scan_vocab` has counted, and set the initial weights.

        Args:
            update, keep_raw_vocab, trim_rule: as for `build_vocab`.
            min_count, sample: new values of these settings.
            dry_run: only tell what would come of them: counts, settings and vocabulary stay.

        Returns:
            num_retained_words: words that are kept, and retain_total: how often they occur; drop_unique: words that are not;
            downsample_unique: words that `sample` thins, and downsample_total: words of an epoch that it leaves.

        Raises:
            RuntimeError: no words were counted.

        >>> from seqnn import Word2Vec
        >>> model = Word2Vec(vector_size=4, sample=0)
        >>> _ = model.scan_vocab([["a", "b", "a"], ["c"]])
        >>> model.prepare_vocab(min_count=2, dry_run=True)["num_retained_words"]
        1
        """
        if not self.raw_vocab:
            raise RuntimeError("no words were counted: call scan_vocab(corpus) before prepare_vocab")
        settings = {"min_count": min_count, "sample": sample}
        chosen = self if not dry_run else type(self)().set_params(**self.get_params())
        chosen.set_params(**{name: value for name, value in settings.items() if value is not None})
        words, counts = list(self.raw_vocab), np.array(list(self.raw_vocab.values()), np.int64)
        if dry_run:
            _, mapping = self._chosen_words(words, counts, trim_rule, update, chosen)
        else:
            mapping = self._adopt_words(
                words, counts, keep_raw_vocab=keep_raw_vocab, trim_rule=trim_rule, update=update
            )
        kept = counts[mapping >= 0]
        share = (keep_thresholds(kept, chosen.sample) + 1.0) / 2**32
        return {
            "drop_unique": len(words) - len(kept),
            "retain_total": int(kept.sum()),
            "num_retained_words": len(kept),
            "downsample_unique": int((share < 1).sum()),
            "downsample_total": int(kept @ share),
        }

    def build_vocab_from_freq(
        self,
        word_freq: Mapping[str, int],
        keep_raw_vocab: bool = False,
        corpus_count: int | None = None,
        trim_rule: TrimRule | None = None,
        update: bool = False,
    ) -> None:
        """Choose the vocabulary from words and their counts, and set the initial weights.

        Args:
            word_freq: counts by word.
            corpus_count: sets the attribute of this name.
            keep_raw_vocab, trim_rule, update: as for `build_vocab`.

        >>> from seqnn import Word2Vec
        >>> model = Word2Vec(vector_size=4, min_count=2)
        >>> model.build_vocab_from_freq({"a": 3, "b": 1, "c": 5})
        >>> model.wv.index_to_key
        ['c', 'a']
        """
        if not isinstance(word_freq, Mapping):
            raise TypeError(f"word_freq: expected a mapping of words to counts, got {type(word_freq).__name__}")
        if bad := [word for word in word_freq if not isinstance(word, str)]:
            raise TypeError(f"word_freq: expected words that are strings, got {type(bad[0]).__name__}: {bad[0]!r:.60}")
        counts = [integer(f"word_freq[{word!r}]", count, 0, 2**62) for word, count in word_freq.items()]
        if sum(counts) > 2**62:
            raise ValueError(f"word_freq: expected counts of at most 2**62 together, got {sum(counts)}")
        self._adopt_words(
            list(word_freq),
            np.array(counts, np.int64),
            keep_raw_vocab=keep_raw_vocab,
            trim_rule=trim_rule,
            update=update,
        )
        self.corpus_count = optional_integer("corpus_count", corpus_count, 0) or 0
        self.corpus_total_words = sum(counts)
        self.ids_as_words = False

    def reset_from(self, other_model: Word2Vec) -> None:
        """Take over the vocabulary of another model, and begin anew with initial weights of one's own settings.

        Args:
            other_model: a model with a vocabulary.

        >>> from seqnn import Word2Vec
        >>> corpus = [["to", "be", "or", "not", "to", "be"]] * 50
        >>> model = Word2Vec(vector_size=4, sg=1)
        >>> model.reset_from(Word2Vec(corpus, vector_size=8, verbose=0))
        >>> len(model.wv), model.wv.vector_size
        (4, 4)
        """
        other_model._require_vocabulary("reset_from")
        vocabulary = Vocabulary(other_model._vocabulary.words, other_model._vocabulary.counts)
        self._forget_runs()
        self._install(vocabulary, self._weights_type.new(vocabulary, self))
        self._begin_pretrained()
        for name in ("corpus_count", "corpus_total_words", "ids_as_words"):
            setattr(self, name, getattr(other_model, name))

    def _choose_words(
        self,
        source: Source,
        scanned: ScannedCorpus,
        *,
        keep_raw_vocab: bool = False,
        trim_rule: TrimRule | None = None,
        update: bool = False,
    ) -> np.ndarray:
        """Choose vocabulary and weights from a source as scanned; return each scanned word's row, or -1."""
        mapping = self._adopt_words(
            scanned.words, scanned.counts, keep_raw_vocab=keep_raw_vocab, trim_rule=trim_rule, update=update
        )
        self._count_corpus(source, scanned)
        return mapping

    def _count_corpus(self, source: Source, scanned: ScannedCorpus) -> None:
        self.corpus_count = scanned.sentences
        self.corpus_total_words = scanned.total_words
        self.ids_as_words = encoded_of(source) is not None

    def _adopt_words(
        self, words: list[str], counts: np.ndarray, *, keep_raw_vocab: bool, trim_rule: TrimRule | None, update: bool
    ) -> np.ndarray:
        vocabulary, mapping = self._chosen_words(words, counts, trim_rule, update, self)
        self.effective_min_count = effective_min_count(np.asarray(counts), self.min_count, self.max_final_vocab)
        first = len(self._vocabulary) if update else 0
        if update:
            self._follow_vectors()
            self._drop_run()
            weights = self._weights.grown(vocabulary, self.seed)
            lockf = self._weights.grown_factors(self.wv._lockf, weights)
        else:
            weights, lockf = self._weights_type.new(vocabulary, self), None
            self._forget_runs()
            self.train_count = 0
        self._install(vocabulary, weights)
        self.wv._lockf = lockf
        self._begin_pretrained(first)
        self.raw_vocab = dict(zip(words, counts.tolist(), strict=True)) if keep_raw_vocab else {}
        return mapping

    def _chosen_words(
        self, words: list[str], counts: np.ndarray, trim_rule: TrimRule | None, update: bool, settings: Word2Vec
    ) -> tuple[Vocabulary, np.ndarray]:
        """Return the vocabulary by some settings, and each given word's row in it, or -1."""
        if not words:
            raise ValueError("the corpus is empty: it has no word")
        limits: dict[str, Any] = {
            "min_count": settings.min_count, "max_final_vocab": settings.max_final_vocab, "trim_rule": trim_rule,
        }  # fmt: skip
        if update:
            self._require_vocabulary("build_vocab(update=True)")
            return self._vocabulary.update(words, counts, **limits)
        return Vocabulary.build(words, counts, sorted_vocab=bool(settings.sorted_vocab), **limits)

    def _install(self, vocabulary: Vocabulary, weights: Weights) -> None:
        self._cached_tables: tuple[Any, Tables] | None = None
        super()._install(vocabulary, weights)

    # Training

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
        """Train on a corpus.

        An interrupted run (Ctrl-C, an exception in a callback, also one that came back by `save` and `load`) goes on
        with `train(corpus)` on the same corpus, exactly: with one thread or deterministic=True the vectors are the
        same bits as without the interruption. Give `epochs` to begin a new run instead. After a finished run every
        call trains that many epochs more.

        Args:
            corpus_iterable, corpus_file: the corpus, as `sentences` and `corpus_file` of the constructor.
            total_examples, total_words, word_count: have no effect: the corpus is counted when it is read.
            epochs: default: what is left of an interrupted run when there is one, else the model's `epochs`.
            start_alpha, end_alpha: learning rates of this call instead of `alpha` and `min_alpha`.
            queue_factor, report_delay, compute_loss: have no effect.
            callbacks: objects with the methods of `Callback`.

        Returns:
            (known words, all words) gone over, all epochs together.

        Raises:
            FloatingPointError: the loss or the weights are not finite any more; the model is then as it was after the last
                good epoch. For this a copy of the weights is kept, from 16 MiB on in a temporary file.

        >>> from seqnn import Word2Vec
        >>> corpus = [["to", "be", "or", "not", "to", "be"]] * 50
        >>> model = Word2Vec(corpus, vector_size=8, epochs=1, verbose=0)
        >>> model.train(corpus, epochs=2)
        (600, 600)
        """
        self._require_vocabulary("train")
        if epochs is not None:
            epochs = integer("epochs", epochs, 0)
        if start_alpha is not None:
            start_alpha = number("start_alpha", start_alpha, above=0)
        if end_alpha is not None:
            end_alpha = number("end_alpha", end_alpha, minimum=0)
        source = self._source(corpus_iterable, corpus_file)
        with encoded(source, self) as (corpus, total):
            known = self._fit(corpus, epochs=epochs, start_alpha=start_alpha, end_alpha=end_alpha, callbacks=callbacks)
            return known, round(known * total / len(corpus.ids))

    def _fit(
        self,
        corpus: Corpus,
        *,
        epochs: int | None = None,
        start_alpha: float | None = None,
        end_alpha: float | None = None,
        callbacks: Iterable[Any] = (),
        pristine: bool = False,
    ) -> int:
        """Train on an encoded corpus; return how many words were gone over. See `train`.

        `pristine`: nobody but us has touched the initial weights, so that they can be drawn anew instead of copied.
        """
        self._check_settings()
        if len(corpus.ids) == 0:
            raise ValueError("no word of this corpus is in the vocabulary: there is nothing to train on")
        listeners = self._listeners(callbacks)
        self._follow_vectors()
        position = self._next_position(corpus, epochs, start_alpha, end_alpha)
        begun = position.epoch * len(corpus.ids) + position.unit
        try:
            self._run(self._task(corpus, position, pristine=pristine and not listeners), listeners)
        finally:
            self.train_count += self._position is None
        if not any(entry["examples"] for entry in self._run_history()) and position.epoch:
            warn_caller(
                "there was no training example: no sentence has two or more known words left after sub-sampling "
                "(small corpora want sample=0)",
                RuntimeWarning,
            )
        return position.epoch * len(corpus.ids) + position.unit - begun

    def _next_position(
        self, corpus: Corpus, epochs: int | None, start_alpha: float | None, end_alpha: float | None
    ) -> RatedPosition:
        """Return where the interrupted run stands, or the beginning of a new one."""
        mark = fingerprint(corpus.ids, corpus.offsets)
        if self._position is not None and epochs is None:
            if start_alpha is not None or end_alpha is not None:
                raise ValueError(
                    "an interrupted run goes on with its own learning rate: leave start_alpha and end_alpha out, "
                    "or give epochs= to begin a new run"
                )
            unit = self._position.unit
            if self._position.data != mark or not (unit == len(corpus.ids) or unit % BLOCK == 0):
                raise ValueError(
                    "the interrupted run was on another corpus: give that one to go on, "
                    "or give epochs= to begin a new run"
                )
            return self._position
        start = self.alpha if start_alpha is None else start_alpha
        end = self.min_alpha if end_alpha is None else end_alpha
        _check_rates(start, end)
        if self._latest_alpha is not None and start > self._latest_alpha:
            logger.warning(
                "Effective 'alpha' higher than previous training cycles: %g, before %g.", start, self._latest_alpha
            )
        self._latest_alpha = start
        epochs = self.epochs if epochs is None else epochs
        self._begin_run(RatedPosition(epochs, mark, start_alpha=start, end_alpha=end))
        return self._position

    def _tables(self) -> Tables:
        """Return the tables for the present vocabulary and settings."""
        weights = self._weights
        settings = {
            "sample": self.sample, "negative": weights.negative, "ns_exponent": self.ns_exponent, "hs": weights.hs,
        }  # fmt: skip
        if self._cached_tables is None or self._cached_tables[0] != settings:
            self._cached_tables = settings, Tables.create(self._vocabulary.counts, **settings)
        return self._cached_tables[1]

    def _kernel(self, corpus: Corpus) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
        """Return the function that trains on a part of the corpus."""
        return self._weights.kernel(self._vocabulary, self.wv._lockf if self.wv._locked() else None)

    def _task(self, corpus: Corpus, position: RatedPosition, *, pristine: bool) -> Task:
        weights, tables = self._weights, self._tables()
        kernel = self._kernel(corpus)
        ids, offsets = corpus.ids, corpus.offsets
        blocks = -(-len(ids) // BLOCK)

        @lru_cache(maxsize=1)
        def order(epoch: int) -> np.ndarray:
            """Draw a new order of the blocks in each epoch: texts change their subject on the way."""
            draws = random.bits(-(-blocks // 4), seed=self.seed, stream=ORDER_STREAM + epoch)[:blocks]
            return np.argsort(draws, kind="stable").astype(np.int32)

        def step(*, first: int, last: int, epoch: int, alpha: float, slope: float) -> tuple[float, int]:
            loss, examples = kernel(
                ids,
                offsets,
                order=order(epoch)[first // BLOCK : -(-last // BLOCK)],
                input=weights.input,
                output=weights.output,
                nodes=weights.nodes,
                **vars(tables),
                window=self.window,
                negative=self.negative,
                cbow=not self.sg,
                mean=bool(self.cbow_mean),
                shrink=self.shrink_windows,
                alpha=alpha + slope * first,
                slope=slope * BLOCK,
                seed=self.seed,
                epoch=epoch,
                deterministic=self.deterministic,
            )
            return float(loss[0]), int(examples[0])

        untrained = (lambda: weights.reset(self.seed)) if pristine else None
        advice = f"Lower alpha (it was {position.start_alpha:g}; 0.025 is usual)"
        if not self.sg and not self.cbow_mean:
            advice += ", or set cbow_mean=1"
        return Task(step=step, units=len(ids), block=BLOCK, unit="words", advice=advice, untrained=untrained)

    def get_latest_training_loss(self) -> float:
        """Return the sum of the loss over all examples of the latest run (gensim's figure; see `history_` for means)."""
        finished = sum(entry["loss"] * entry["examples"] for entry in self._run_history() if entry["examples"])
        return finished + (self._position.loss if self._position is not None else 0.0)

    # What the model says

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
        return matrix[:, : self.vector_size]

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

    def __repr__(self) -> str:
        """Show what gensim shows: the sizes and the learning rate."""
        return f"{type(self).__name__}<vocab={len(self.wv)}, vector_size={self.vector_size}, alpha={self.alpha:g}>"


def _check_rates(start: float, end: float) -> None:
    """Check that the learning rate falls from `start` to `end`."""
    if end > start:
        raise ValueError(f"min_alpha: expected at most alpha ({start:g}), got {end:g}")
