"""The modes of the original fastText that ask for vectors, with its spellings: `seqnn fasttext nn` and others."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from .._files import Source
from ..embed import FastTextKeyedVectors, KeyedVectors, load_facebook_vectors, model_kind, ngrams_of
from ._actions import lines_of
from ._classifying import BYTES, load, print_vectors
from ._shell import Shell, source


def nearest(model: str, k: int) -> None:
    """Print the nearest words of each word of the standard input."""
    wv, shell = _vectors(model), Shell()
    for word in _words("Query word? ", shell):
        if word in wv:
            _print_pairs(shell, wv.most_similar(word, topn=k))
        else:
            shell.complain(f"{word}: the model has neither this word nor n-grams of it")
    shell.close()


def analogies(model: str, k: int) -> None:
    """Print what is to C as A is to B, for each three words A B C of the standard input: the nearest words of A - B + C."""
    wv, shell = _vectors(model), Shell()
    words = _words("Query triplet (A - B + C)? ", shell)
    for first, second, third in zip(words, words, words, strict=False):
        if unknown := [word for word in (first, second, third) if word not in wv]:
            shell.complain(f"{unknown[0]}: the model has neither this word nor n-grams of it")
            continue
        _print_pairs(shell, wv.most_similar(positive=[first, third], negative=[second], topn=k))
    shell.close()


def word_vectors(model: str) -> None:
    """Print each word of the standard input with its vector."""
    wv, shell = _vectors(model), Shell()
    for word in _words("", shell):
        known = word in wv
        shell.result(f"{word} {_numbers(wv[word] if known else np.zeros(wv.vector_size))}")
    shell.close()


def sentence_vectors(model: str) -> None:
    """Print the vector of each line of the standard input: of a classifier that of the text, else the mean of unit vectors."""
    with Source(source(model)) as file:
        kind = model_kind(file.start(128))
    if kind in (None, "supervised"):  # None: a file of our own
        print_vectors(load(model), ["-"])
        return
    wv, shell = load_facebook_vectors(source(model)), Shell()
    for line in lines_of(["-"], BYTES):
        shell.result(_numbers(wv.get_sentence_vector([word for word in line.split() if word in wv])))
        if shell.error is not None:
            break
    shell.close()


def ngram_vectors(model: str, word: str) -> None:
    """Print the parts of a word, itself and its n-grams, each with its vector."""
    wv, shell = _vectors(model), Shell()
    if not isinstance(wv, FastTextKeyedVectors):
        raise ValueError(f"{model}: expected a model of fastText, got vectors without n-grams")
    if word in wv.key_to_index:
        shell.result(f"{word} {_numbers(wv.vectors_vocab[wv.key_to_index[word]])}")
    ngrams, numbers = ngrams_of(word, wv.min_n, wv.max_n, wv.bucket)
    for ngram, vector in zip(ngrams, wv.vectors_ngrams[numbers], strict=True):
        shell.result(f"{ngram} {_numbers(vector)}")
    shell.close()


def _vectors(model: str) -> KeyedVectors:
    return KeyedVectors.load(source(model))


def _words(prompt: str, shell: Shell) -> Iterator[str]:
    """Yield the words of the standard input; on a terminal the user is asked for each line."""
    ask = bool(prompt) and sys.stdin is not None and sys.stdin.isatty()
    if ask:
        shell.result(prompt, end="")
    for line in lines_of(["-"], BYTES):
        yield from line.split()
        if shell.error is not None:
            return
        if ask:
            shell.result(prompt, end="")


def _print_pairs(shell: Shell, pairs: list[tuple[str, float]]) -> None:
    for word, similarity in pairs:
        shell.result(f"{word} {similarity:.6g}")


def _numbers(vector: np.ndarray) -> str:
    return " ".join(f"{value:.5g}" for value in vector.tolist())
