"""Counting over shards: words, co-occurrences, n-grams. All sums are integers, so no order of work changes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..._arguments import integer
from ...embed import Cooccurrence, CooccurrenceSums
from ...lm import NGramCounts, NGramLM
from ...text import Vocabulary, WordCounts, split_words
from ._shards import checked, joined, on_each, result, sent

Tokenizer = Callable[[str], list[str]]


def count_words(
    client: Any, shards: Sequence[Any], *, tokenizer: Tokenizer | None = None, errors: str = "replace"
) -> WordCounts:
    """Count the words of a sharded corpus.

    Args:
        client: a `distributed.Client`.
        shards: the parts of the corpus, in order: each the path of a file that every worker sees, a list of paths, or a
            list of sentences.
        tokenizer, errors: as for `seqnn.text.scan`.

    Returns:
        What `WordCounts.of` counts in the whole corpus on one machine.

    Raises:
        TypeError: what are no shards, or can be read only once.
        ValueError: no shard, or no word in any.

    >>> from distributed import Client
    >>> from seqnn.distributed.dask import count_words
    >>> with Client(processes=False, n_workers=1, dashboard_address=":0") as client:
    ...     counts = count_words(client, [[["to", "be"]], [["not", "to", "be"]]])
    >>> counts.words, counts.counts.tolist()
    (['to', 'be', 'not'], [2, 2, 1])
    """
    return words_of(client, checked(client, shards), tokenizer=tokenizer, errors=errors)


def words_of(client: Any, shards: list[Any], **options: Any) -> WordCounts:
    """Do as `count_words` does, with shards that are checked."""
    found = on_each(client, WordCounts.of, shards, keep_empty=True, **options)
    counts = result(joined(client, WordCounts.merge, found))
    if not counts.words:
        raise ValueError(f"the corpus is empty: none of its {len(shards)} shards has a word")
    return counts


def count_cooccurrence(
    client: Any,
    shards: Sequence[Any],
    vocabulary: Vocabulary,
    *,
    window: int = 10,
    symmetric: bool = True,
    distance_weighting: bool = True,
    tokenizer: Tokenizer | None = None,
    errors: str = "replace",
    max_memory: int | str | None = None,
) -> Cooccurrence:
    """Count the contexts of words in a sharded corpus, as `GloVe` does.

    Shards are summed as integers, which are rounded once at the end.

    Args:
        client, shards, tokenizer, errors: as for `count_words`.
        vocabulary: the words, with their counts in the whole corpus, such as `count_words(...).vocabulary(min_count=5)`.
        window, symmetric, distance_weighting: which contexts count, and how much; see `GloVe`.
        max_memory: bytes, or "2GB", for the counting of a shard; more lies in temporary files. Sums that travel and are
            merged are in memory.

    Returns:
        What one machine counts in the whole corpus, bit for bit, with the words.

    Raises:
        TypeError, ValueError: as for `count_words`.

    >>> from distributed import Client
    >>> from seqnn.distributed.dask import count_cooccurrence, count_words
    >>> shards = [[["to", "be"]], [["be", "to"]]]
    >>> with Client(processes=False, n_workers=1, dashboard_address=":0") as client:
    ...     vocabulary = count_words(client, shards).vocabulary(min_count=1)
    ...     counts = count_cooccurrence(client, shards, vocabulary, window=2)
    >>> [array.tolist() for array in counts]
    [[0, 1], [1, 0], [2.0, 2.0]]
    """
    options = {"symmetric": symmetric, "distance_weighting": distance_weighting, "max_memory": max_memory}
    texts = {"tokenizer": tokenizer, "errors": errors}
    sums = sums_of(client, checked(client, shards), vocabulary, window=window, **options, **texts)
    counts = result(sums).counts()
    counts.words = vocabulary.words
    return counts


def sums_of(client: Any, shards: list[Any], vocabulary: Vocabulary, *, window: int, **options: Any) -> Any:
    """Return the future of the sums of all shards."""
    if not isinstance(vocabulary, Vocabulary):
        raise TypeError(f"vocabulary: expected a seqnn.text.Vocabulary, got {type(vocabulary).__name__}")
    if not vocabulary.counts.sum():
        raise ValueError("vocabulary: expected the counts of its words, which set the unit of the sums; all are 0")
    window = integer("window", window, 1, 1000)
    found = on_each(client, CooccurrenceSums.of, shards, sent(client, vocabulary), window=window, **options)
    return joined(client, CooccurrenceSums.merge, found)


def count_ngrams(
    client: Any,
    shards: Sequence[Any],
    order: int = 3,
    *,
    min_count: int = 1,
    skip_symbols: bool = False,
    tokenizer: Tokenizer = split_words,
    errors: str = "replace",
) -> NGramCounts:
    """Count the n-grams of a sharded corpus of less than 2**31 words.

    Args:
        client, shards, tokenizer, errors: as for `count_words`. An empty line is a sentence without words.
        order: length of the longest n-grams, 1 to 16.
        min_count: rarer words are counted as "<unk>".
        skip_symbols: leave out "<s>", "</s>" and "<unk>" in the corpus; otherwise the first two raise an error.

    Returns:
        What one machine counts in the whole corpus, bit for bit.

    Raises:
        TypeError, ValueError: as for `count_words`; a corpus of 2**31 words or more.

    >>> from distributed import Client
    >>> from seqnn.distributed.dask import count_ngrams
    >>> with Client(processes=False, n_workers=1, dashboard_address=":0") as client:
    ...     counts = count_ngrams(client, [["to be"], ["not to be"]], order=2)
    >>> counts.ngrams(2)[1].tolist()
    [1, 1, 2, 2, 1]
    """
    shards = checked(client, shards)
    texts = {"tokenizer": tokenizer, "errors": errors}
    counted = words_of(client, shards, **texts)
    vocabulary = NGramCounts.vocabulary_of(counted, min_count=min_count, skip_symbols=skip_symbols)
    found = on_each(client, NGramCounts.of, shards, sent(client, vocabulary), order, skip_symbols=skip_symbols, **texts)
    return result(joined(client, NGramCounts.merge, found))


def fit_ngrams(client: Any, shards: Sequence[Any], model: NGramLM, *, tokenizer: Tokenizer = split_words) -> NGramLM:
    """Fit a language model of n-grams to a sharded corpus: counted by the workers, smoothed here.

    Args:
        client, shards, tokenizer: as for `count_ngrams`.
        model: the model, with its settings.

    Returns:
        The model, as `model.fit` makes it of the whole corpus.

    Raises:
        TypeError, ValueError: as for `count_ngrams` and `NGramLM.fit`.

    >>> from distributed import Client
    >>> from seqnn.distributed.dask import fit_ngrams
    >>> from seqnn.lm import NGramLM
    >>> with Client(processes=False, n_workers=1, dashboard_address=":0") as client:
    ...     model = fit_ngrams(client, [["the cat sat"], ["the dog sat"]], NGramLM(order=2, smoothing="laplace"))
    >>> round(10 ** model.score("the cat sat"), 5)
    0.01004
    """
    if not isinstance(model, NGramLM):
        raise TypeError(f"model: expected a seqnn.lm.NGramLM, got {type(model).__name__}")
    counts = count_ngrams(
        client,
        shards,
        model.order,
        min_count=model.min_count,
        skip_symbols=model.skip_symbols,
        tokenizer=tokenizer,
        errors=model.errors,
    )
    return model.fit_counts(counts)
