"""FastText: word vectors with character n-grams, with the names of gensim 4."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..._arguments import renamed
from ..._callbacks import EarlyStopping
from ..._files import Path
from ..._settings import Integer
from .._vectors import MAX_BUCKET, MAX_N, FastTextKeyedVectors
from ._corpus import Source
from ._fasttext_weights import FastTextWeights
from ._word2vec import TrimRule, Word2Vec


class FastText(Word2Vec):
    """Word vectors by skip-gram or CBOW, where a word's vector is the mean of its own and of its character n-grams'.

    So words that look alike share what is learnt, and unknown words have vectors too: `model.wv["any word"]`. The
    arguments are those of gensim 4, in its order and with its defaults, but `workers`. Training, corpora, callbacks, early
    stopping, resuming, `history_`, Ctrl-C, `save` and `load` are those of `Word2Vec`.

    Args:
        word_ngrams: may only be 1: n-grams of words are not for word vectors.
        min_n, max_n: characters of the shortest and longest n-grams of "<word>"; max_n < min_n: no n-grams.
        bucket: n-grams are told apart by their hash modulo this number; 0: no n-grams.

    Attributes:
        wv: the vectors, `FastTextKeyedVectors`.

    Only n-grams that occur in known words take memory and are trained, so a large `bucket` costs nothing; in the vector
    of an unknown word the others count as zeros (in gensim and the original they keep random values). The hash and the
    n-grams are the original's, see `load_facebook_model`.

    The gradient of a word's vector is added to the vector of each of its parts, as in the original program. A token
    takes its vector from its parts when it comes into the window and gives all changes back when it goes out: nearby
    tokens with common parts do not see each other's changes to them in the meantime.

    Source: Bojanowski, Grave, Joulin, Mikolov 2017, "Enriching word vectors with subword information".

    >>> from seqnn import FastText
    >>> model = FastText([["to", "be", "or", "not", "to", "be"]] * 50, vector_size=8, sample=0, verbose=0)
    >>> model.wv.index_to_key, "nothing" in model.wv, model.wv["nothing"].shape
    (['be', 'to', 'not', 'or'], True, (8,))
    """

    min_n = Integer(3, maximum=MAX_N)
    max_n = Integer(6, maximum=MAX_N)
    bucket = Integer(2_000_000, maximum=MAX_BUCKET)

    wv: FastTextKeyedVectors

    _kind = "FastText"
    _weights_type = FastTextWeights

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
        trim_rule: TrimRule | None = None,
        batch_words: int = 10000,
        callbacks: Iterable[Any] = (),
        max_final_vocab: int | None = None,
        shrink_windows: bool = True,
        *,
        compute_loss: bool = False,
        comment: Any = None,
        deterministic: bool = False,
        verbose: int = 1,
        max_memory: int | str | None = None,
        tokenizer: Callable[[str], list[str]] | None = None,
        errors: str = "replace",
        early_stopping: EarlyStopping | None = None,
        pretrained: Any = None,
        freeze: Any = False,
    ) -> None:
        if word_ngrams != 1:
            raise ValueError(
                f"word_ngrams: expected 1 (n-grams of words are not for word vectors), got {word_ngrams!r}"
            )
        self._store(locals())
        self._begin(sentences, corpus_file, trim_rule, callbacks)
