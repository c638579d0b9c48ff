"""N-gram language models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise, repeat
from typing import Any, Self

import numpy as np

from .._arguments import integer, number
from .._files import Path
from .._settings import Anything, Choice, Flag, Integer, Number, Settings
from .._spill import parse_size
from .._threads import threads
from ..text import Vocabulary, split_words
from ._arpa import write_arpa
from ._generation import generate
from ._ngram_count import BOS, MOST_ORDER, UNK
from ._ngram_file import load_model, save_model
from ._ngram_fit import Model, Tokenizer, fit, read
from ._ngram_score import WordScore
from ._ngram_smooth import FALLBACK

SMOOTHINGS = ("modified_kneser_ney", "kneser_ney", "laplace", "add_k", "mle", "stupid_backoff")

Sentence = str | Sequence[str]


def _check_prune(name: str, value: Any) -> tuple[int, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{name}: expected a sequence of integers >= 0, such as (0, 0, 1), got {value!r}")
    limits = tuple(integer(f"{name}[{i}]", limit, 0) for i, limit in enumerate(value))
    if any(a > b for a, b in pairwise(limits)):
        raise ValueError(f"{name}: expected counts that do not fall, such as (0, 0, 1), got {value!r}")
    return limits


def _check_fallback(name: str, value: Any) -> tuple[float, ...] | None:
    if value is None:
        return None
    found = () if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if len(found) != 3:
        raise ValueError(f"{name}: expected None or three discounts, such as {FALLBACK}, got {value!r}")
    for most, discount in enumerate(found, 1):
        if number(f"{name}[{most - 1}]", discount, minimum=0) > most:
            raise ValueError(f"{name}[{most - 1}]: expected at most {most}, got {discount!r}")
    return tuple(map(float, found))


def _check_memory(name: str, value: Any) -> Any:
    parse_size(value)
    return value


class NGramLM(Settings):
    """A language model of n-grams: the probability of a word depends on the order - 1 words before it.

    Interpolated Kneser-Ney smoothing by KenLM's conventions (`lmplz`): with adjusted counts c, discounts D, and h' for h
    without its first word, p(w | h) = (c(hw) - D(c(hw))) / c(h) + b(h) p(w | h'); below the unigrams stands the uniform
    distribution. "modified_kneser_ney" has three discounts for each order, as `lmplz`; "kneser_ney" has one.

    Simpler: "laplace" and "add_k" are (c(hw) + k) / (c(h) + k V), where V counts all words, "</s>" and "<unk>"; "mle" is
    c(hw) / c(h); "stupid_backoff" is c(hw) / c(h), or where that is 0 alpha times the figure of h'. Its scores do not
    sum to 1.

    Args:
        order: length of the longest n-grams, 1 to 16.
        smoothing: "modified_kneser_ney", "kneser_ney", "laplace", "add_k", "mle" or "stupid_backoff".
        k: what "add_k" adds to each count ("laplace": 1).
        discount: the discount of "kneser_ney", from 0 to below 1; None: for each order n1 / (n1 + 2 n2), from the numbers
            of n-grams with counts 1 and 2.
        alpha: the factor of "stupid_backoff".
        prune: for each length the largest count of n-grams that are left out, as `lmplz --prune`; the last figure serves
            for all longer ones. Kneser-Ney only.
        min_count: rarer words are counted as "<unk>".
        discount_fallback: discounts for counts 1, 2, and 3 or more, where a small or artificial corpus gives none, as
            `lmplz --discount_fallback`; None raises an error instead.
        skip_symbols: leave out "<s>", "</s>" and "<unk>" in the corpus; otherwise the first two raise an error.
        max_memory: bytes or a size such as "2GB" for counting; what needs more lies in temporary files.
        errors: what invalid UTF-8 in files gets: "replace", "ignore" or "strict".
        workers: threads; None: all allowed ones.
        verbose: 1 shows a progress bar while a corpus is read.

    Attributes:
        vocabulary_: the words by their numbers (`seqnn.text.Vocabulary`), first "<unk>", "<s>" and "</s>".
        ngram_counts_: how many n-grams of each length the model has.
        discounts_: Kneser-Ney's discounts for counts 1, 2, and 3 or more, [order, 3]; None without.

    Sources: Chen and Goodman, "An empirical study of smoothing techniques for language modeling", 1998; Heafield et al.,
    "Scalable modified Kneser-Ney language model estimation", 2013; Brants et al., "Large language models in machine
    translation", 2007.

    >>> from seqnn.lm import NGramLM
    >>> model = NGramLM(order=2, smoothing="laplace").fit(["the cat sat", "the dog sat"])
    >>> round(10 ** model.score("the cat sat"), 5)  # 3/8 * 2/8 * 2/7 * 3/8
    0.01004
    """

    order = Integer(3, minimum=1, maximum=MOST_ORDER)
    smoothing = Choice("modified_kneser_ney", SMOOTHINGS)
    k = Number(1.0, above=0.0)
    discount = Number(None, minimum=0.0, below=1.0)
    alpha = Number(0.4, above=0.0)
    prune = Anything((), _check_prune, saved=True)
    min_count = Integer(1, minimum=1)
    discount_fallback = Anything(FALLBACK, _check_fallback, saved=True)
    skip_symbols = Flag(False)
    max_memory = Anything(None, _check_memory, saved=True)
    errors = Choice("replace", ("replace", "ignore", "strict"))
    workers = Integer(None, minimum=1)
    verbose = Integer(0)

    def __init__(
        self,
        order: int = 3,
        smoothing: str = "modified_kneser_ney",
        *,
        k: float = 1.0,
        discount: float | None = None,
        alpha: float = 0.4,
        prune: Sequence[int] = (),
        min_count: int = 1,
        discount_fallback: Sequence[float] | None = FALLBACK,
        skip_symbols: bool = False,
        max_memory: int | str | None = None,
        errors: str = "replace",
        workers: int | None = None,
        verbose: int = 0,
    ) -> None:
        self._store(locals())
        self._model: Model | None = None

    def fit(self, corpus: Any, *, tokenizer: Tokenizer = split_words) -> Self:
        """Count the n-grams of a corpus and smooth them.

        Args:
            corpus: token lists; strings, which are split at ASCII white space; the path of a text file with one sentence
                a line, or several; a column of strings or token lists; a tuple (ids, offsets). An empty line or list is a
                sentence without words. See `seqnn.text.scan`.
            tokenizer: makes a list of tokens of a string, or of a line of a file.

        Returns:
            The model.

        Raises:
            ValueError: a setting out of its range; a corpus that is empty, has no sentence as long as `order`, or has
                sentence marks of its own.
        """
        settings = self._checked()
        with threads(settings.workers):
            self._model = fit(read(corpus, tokenizer, settings), settings)
        return self

    @property
    def _fitted(self) -> Model:
        if self._model is None:
            raise RuntimeError("NGramLM has not learnt anything yet: call fit or load first")
        return self._model

    @property
    def vocabulary_(self) -> Vocabulary:
        return self._fitted.vocabulary

    @property
    def ngram_counts_(self) -> list[int]:
        return self._fitted.scorer.trie.counts

    @property
    def discounts_(self) -> np.ndarray | None:
        return self._fitted.discounts

    # Scores.

    def score(self, sentence: Sentence, *, bos: bool = True, eos: bool = True) -> float:
        """Return the log10 probability of a sentence.

        Args:
            sentence: tokens, or a string, which is split at ASCII white space.
            bos: begin after "<s>", not in the middle of a sentence.
            eos: include the end of the sentence, "</s>".

        >>> from seqnn.lm import NGramLM
        >>> model = NGramLM(order=2).fit(["to be or not to be"] * 3)
        >>> model.score("to be") > model.score("be to")
        True
        """
        ids = self._ids(sentence)
        scores, _, _ = self._fitted.scorer.texts(ids, np.array([0, len(ids)]), bos, eos)
        return float(scores[0])

    def scores(
        self, sentences: Any, *, bos: bool = True, eos: bool = True, tokenizer: Tokenizer = split_words
    ) -> np.ndarray:
        """Return the log10 probability of each of many sentences (float64), on all threads.

        Args:
            sentences: any corpus that `fit` takes.
            bos, eos: as for `score`.
            tokenizer: as for `fit`.

        >>> from seqnn.lm import NGramLM
        >>> model = NGramLM(order=2).fit(["to be or not to be"] * 3)
        >>> model.scores(["to be", "not to be"]).shape
        (2,)
        """
        ids, offsets = self._encoded(sentences, tokenizer)
        with threads(self.workers):
            return self._fitted.scorer.texts(ids, offsets, bos, eos)[0]

    def full_scores(self, sentence: Sentence, *, bos: bool = True, eos: bool = True) -> list[WordScore]:
        """Return what `score` is made of: for each word its log10 probability, the length of the longest n-gram that ends
        with it, and whether it is unknown.

        Args:
            sentence, bos, eos: as for `score`.

        >>> from seqnn.lm import NGramLM
        >>> model = NGramLM(order=2).fit(["to be or not to be"] * 3)
        >>> [(word.ngram_length, word.oov) for word in model.full_scores("to see")]
        [(2, False), (1, True), (1, False)]
        """
        ids = self._ids(sentence)
        _, log_probs, lengths = self._fitted.scorer.texts(ids, np.array([0, len(ids)]), bos, eos, each_word=True)
        unknown = [*(ids == UNK).tolist(), *[False] * eos]
        return [WordScore(*word) for word in zip(log_probs.tolist(), lengths.tolist(), unknown, strict=True)]

    def perplexity(self, sentences: Any, *, include_oov: bool = True, tokenizer: Tokenizer = split_words) -> float:
        """Return the perplexity of sentences, 10 ** (-log10 probability / words), where each "</s>" is a word.

        Args:
            sentences: any corpus that `fit` takes; for a single sentence a list with it.
            include_oov: count words that the model does not know, too.
            tokenizer: as for `fit`.

        >>> from seqnn.lm import NGramLM
        >>> model = NGramLM(order=2, smoothing="mle").fit(["a b", "a c"])
        >>> round(model.perplexity(["a b"]), 4)
        1.2599
        """
        ids, offsets = self._encoded(sentences, tokenizer)
        with threads(self.workers):
            scores, log_probs, _ = self._fitted.scorer.texts(ids, offsets, True, True, each_word=not include_oov)
        total, words = scores.sum(), len(ids) + len(scores)
        if not include_oov:
            places = np.arange(len(ids)) + np.repeat(np.arange(len(scores)), np.diff(offsets))
            unknown = ids == UNK
            words -= np.count_nonzero(unknown)
            known = np.ones(len(log_probs), bool)
            known[places[unknown]] = False
            total = log_probs[known].sum(dtype=np.float64)
        return float(10 ** (-total / words))

    # What comes next.

    def next_word_distribution(self, context: Sentence = (), *, bos: bool = True) -> np.ndarray:
        """Return the probability of each word of `vocabulary_` after some words (float64 [V]); that of "<s>" is 0.

        Args:
            context: tokens or a string, the words before.
            bos: the context begins a sentence.

        >>> from seqnn.lm import NGramLM
        >>> model = NGramLM(order=2, smoothing="mle").fit(["a b", "a c"])
        >>> dict(zip(model.vocabulary_.words, model.next_word_distribution("a").round(6).tolist()))
        {'<unk>': 0.0, '<s>': 0.0, '</s>': 0.0, 'a': 0.0, 'b': 0.5, 'c': 0.5}
        """
        scorer = self._fitted.scorer
        ids = np.concatenate([[BOS] * bos, self._ids(context)]).astype(np.int32)
        return np.exp(scorer.distribution(scorer.states(ids[None]))[0].astype(np.float64))

    def generate(
        self,
        prompt: Sentence = (),
        *,
        max_new_tokens: int = 100,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
    ) -> list[str]:
        """Draw the rest of a sentence; "<unk>" is never drawn.

        Args:
            prompt: tokens or a string, the words that the sentence begins with.
            max_new_tokens: stop after that many words, if the sentence has not ended before.
            temperature: draw from p ** (1 / temperature); 0 takes the most probable word.
            top_k: draw from the k most probable words only.
            top_p: draw from the fewest most probable words that have together at least this probability.
            seed: equal seeds draw equal words; None: a new draw each time, after `seqnn.random.seed` the same ones.

        Returns:
            The new words.

        >>> from seqnn.lm import NGramLM
        >>> NGramLM(order=2).fit(["to be or not to be"] * 3).generate("or", temperature=0, max_new_tokens=2)
        ['not', 'to']
        """
        scorer = self._fitted.scorer
        ids = np.concatenate([[BOS], self._ids(prompt)]).astype(np.int32)
        drawn = generate(scorer, ids, max_new_tokens, temperature, top_k, top_p, seed)
        return [self.vocabulary_.words[i] for i in drawn]

    def step(self, ids: Any, state: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Score every word as the next one of some texts: a step function for decoding.

        Args:
            ids: numbers of the words so far [rows, t], with "<s>" (1) where a text begins. The last one of each row is
                new; without a state all are.
            state: what the last call returned; rows may be taken from it in any order, as `ids`' are.

        Returns:
            Natural logarithms of the probabilities (float32 [rows, V]), and the state (uint32 [rows, order - 1]).

        >>> import numpy as np
        >>> from seqnn.lm import NGramLM
        >>> model = NGramLM(order=3).fit(["to be or not to be"] * 3)
        >>> log_probs, state = model.step(np.array([[1, 3]]))
        >>> model.vocabulary_.words[log_probs[0].argmax()]
        'be'
        """
        scorer = self._fitted.scorer
        ids = np.asarray(ids)
        if ids.ndim != 2 or ids.dtype.kind not in "iu":
            raise ValueError(f"ids: expected integers [rows, words], got {ids.dtype} of shape {ids.shape}")
        if ids.size and not 0 <= int(ids.min()) <= int(ids.max()) < len(self.vocabulary_):
            raise ValueError(f"ids: expected 0 to {len(self.vocabulary_) - 1}, got {ids.min()} to {ids.max()}")
        if state is None:
            state = scorer.states(ids)
        elif ids.shape[1] == 0:
            raise ValueError("ids: expected at least the new word of each row, got none")
        else:
            _, state = scorer.advance(state, ids[:, -1])
        return scorer.distribution(state), state

    # Files.

    def save(self, path: Path) -> None:
        """Write the model to a compact file, which `load` maps into memory.

        Args:
            path: the file (safetensors); an old one stays on any error.
        """
        save_model(path, self._fitted, self._saved_settings())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a model of `save`, whose n-grams stay in the file until they are needed, or an ARPA file.

        Args:
            path: the file; ARPA files may be packed as .gz, .bz2 or .xz.

        Returns:
            The model; after an ARPA file with the default settings, but for the order.

        Raises:
            ValueError: a file of another kind, or a truncated or damaged one; for ARPA files with the line's number.
        """
        model, settings = load_model(path)
        loaded = cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()})
        loaded._model = model
        return loaded

    def save_arpa(self, path: Path) -> None:
        """Write an ARPA file, which KenLM, SRILM and others read.

        Args:
            path: the file; a name that ends in .gz, .bz2 or .xz is packed.

        Raises:
            ValueError: a model without Kneser-Ney smoothing: its probabilities cannot be written as backing off.
        """
        model = self._fitted
        if not model.scorer.backs_off:
            raise ValueError(
                f"save_arpa: an ARPA file cannot hold the smoothing {self.smoothing!r}; use Kneser-Ney, or save()"
            )
        write_arpa(path, model.vocabulary.words, model.scorer.trie)

    # Words and numbers.

    def _ids(self, sentence: Sentence) -> np.ndarray:
        """Return the numbers of a sentence's words, UNK for unknown ones."""
        tokens = split_words(sentence) if isinstance(sentence, str) else sentence
        index = self._fitted.vocabulary.index
        try:
            return np.fromiter(map(index.get, tokens, repeat(UNK)), np.int32)
        except TypeError:
            raise TypeError(f"sentence: expected a list of tokens or a string, got {sentence!r:.80}") from None

    def _encoded(self, sentences: Any, tokenizer: Tokenizer) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of many sentences' words, and where each sentence begins."""
        index = self._fitted.vocabulary.index
        with threads(self.workers):
            corpus = read(sentences, tokenizer, self._checked())
            mapping = np.fromiter(map(index.get, corpus.words, repeat(UNK)), np.int32, len(corpus.words))
            return mapping[corpus.ids], corpus.offsets
