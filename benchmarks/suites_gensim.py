"""gensim's tests of Word2Vec, KeyedVectors, FastText and Phrases, on seqnn's classes."""

from __future__ import annotations

import importlib
import logging
import unittest
import warnings

import seqnn
from benchmarks.suites import Result
from seqnn import embed, text

FILES = ("test_word2vec", "test_keyedvectors", "test_fasttext", "test_phrases")

JUDGED: dict[str, str] = {}


def run() -> Result:
    """Run the four files."""
    import gensim

    logging.disable(logging.CRITICAL)
    _replace(gensim)
    result = Result(f"gensim {gensim.__version__}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in FILES:
            module = importlib.import_module(f"gensim.test.{name}")
            suite = unittest.defaultTestLoader.loadTestsFromModule(module)
            suite.run(_Collector(result, name))
    return result


def _replace(gensim) -> None:
    """Put seqnn's classes where the tests look for gensim's."""
    models = gensim.models
    word2vec, keyedvectors, fasttext, phrases = (
        importlib.import_module(f"gensim.models.{name}") for name in ("word2vec", "keyedvectors", "fasttext", "phrases")
    )
    for module in (models, word2vec):
        module.Word2Vec = seqnn.Word2Vec
    for module in (models, word2vec, keyedvectors):
        module.KeyedVectors = seqnn.KeyedVectors
    for module in (models, fasttext):
        module.FastText = seqnn.FastText
    fasttext.FastTextKeyedVectors = embed.FastTextKeyedVectors
    fasttext.load_facebook_model = embed.load_facebook_model
    fasttext.load_facebook_vectors = embed.load_facebook_vectors
    fasttext.save_facebook_model = embed.save_facebook_model
    for module in (models, phrases):
        module.Phrases = seqnn.Phrases
    phrases.FrozenPhrases = phrases.Phraser = text.FrozenPhrases
    phrases.ENGLISH_CONNECTOR_WORDS = text.ENGLISH_CONNECTOR_WORDS


class _Collector(unittest.TestResult):
    """Sorts the outcomes of one file's tests into a Result."""

    def __init__(self, result: Result, file: str) -> None:
        super().__init__()
        self._result, self._file = result, file

    def _name(self, test: unittest.TestCase) -> str:
        return f"{self._file}.{type(test).__name__}.{getattr(test, '_testMethodName', test)}"

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802 (unittest's names)
        self._result.passed.append(self._name(test))

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        self._result.skipped[self._name(test)] = reason

    def addFailure(self, test: unittest.TestCase, error) -> None:  # noqa: N802
        name, why = self._name(test), " ".join(str(error[1]).split())[:150] or error[0].__name__
        if name in JUDGED:
            self._result.judged[name] = JUDGED[name]
        else:
            self._result.failed[name] = f"{error[0].__name__}: {why}"

    addError = addFailure  # noqa: N815
