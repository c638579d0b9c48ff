"""N-gram language models: settings, fitting, files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Self

from .. import _model_file
from .._arguments import integer, number
from .._files import Path
from .._settings import Anything, Choice, Flag, Integer, Memory, Number
from .._threads import threads
from ..text import split_words
from ._arpa import write_arpa
from ._ngram_count import MOST_ORDER
from ._ngram_counts import NGramCounts
from ._ngram_file import load_model, save_model
from ._ngram_fit import Model, Tokenizer, check, fit, read, smooth
from ._ngram_queries import Queries
from ._ngram_smooth import FALLBACK

SMOOTHINGS = ("modified_kneser_ney", "kneser_ney", "laplace", "add_k", "mle", "stupid_backoff")


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


class NGramLM(Queries):
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
    max_memory = Memory(None)
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

    def fit_counts(self, counts: NGramCounts) -> Self:
        """Smooth n-grams that were counted before, perhaps in parts; the model is that of `fit` on the whole corpus.

        The counts have chosen the words: `min_count` and `skip_symbols` were given there.

        Args:
            counts: of n-grams of `order` words.

        Returns:
            The model.

        Raises:
            TypeError: for what are no counts.
            ValueError: counts of another order, of no word, or that do not fit the settings.

        >>> from seqnn.lm import NGramCounts, NGramLM
        >>> corpus = ["the cat sat", "the dog sat"]
        >>> vocabulary = NGramCounts.vocabulary_of(corpus)
        >>> counts = NGramCounts.merge([NGramCounts.of([line], vocabulary, order=2) for line in corpus])
        >>> model = NGramLM(order=2, smoothing="laplace").fit_counts(counts)
        >>> round(10 ** model.score("the cat sat"), 5)
        0.01004
        """
        settings = self._checked()
        if not isinstance(counts, NGramCounts):
            raise TypeError(f"counts: expected NGramCounts, got {type(counts).__name__}")
        if counts.order != settings.order:
            raise ValueError(f"counts: expected n-grams of order={settings.order} words, got those of {counts.order}")
        check(settings, counts.total_words, counts.longest)
        with threads(settings.workers):
            self._model = smooth(counts.levels(settings.max_memory), counts.vocabulary, settings)
        return self

    # Files.

    def save(self, path: Path) -> None:
        """Write the model to a compact file, which `load` maps into memory.

        Args:
            path: the file (safetensors); an old one stays on any error.

        >>> import tempfile
        >>> from seqnn.lm import NGramLM
        >>> model = NGramLM(order=2).fit(["to be or not to be"] * 3)
        >>> with tempfile.NamedTemporaryFile() as file:
        ...     model.save(file.name)
        ...     NGramLM.load(file.name).score("to be") == model.score("to be")
        True
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
        with _model_file.damage(path):
            given = {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}
            loaded = cls(**given)
        loaded._model = model
        return loaded

    def save_arpa(self, path: Path) -> None:
        """Write an ARPA file, which KenLM, SRILM and others read.

        Args:
            path: the file; a name that ends in .gz, .bz2 or .xz is packed.

        Raises:
            ValueError: a model without Kneser-Ney smoothing, whose probabilities cannot be written as backing off; a
                word with white space.
        """
        model = self._fitted
        if not model.scorer.backs_off:
            raise ValueError(
                f"save_arpa: an ARPA file cannot hold the smoothing {self.smoothing!r}; use Kneser-Ney, or save()"
            )
        write_arpa(path, model.vocabulary.words, model.scorer.trie)
