"""gensim's tests of Word2Vec, KeyedVectors, FastText and Phrases, on seqnn's classes."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import tempfile
import unittest
import warnings

import seqnn
from benchmarks.suites import Result
from seqnn import embed, text

FILES = ("test_word2vec", "test_keyedvectors", "test_fasttext", "test_phrases")

_PICKLE = "gensim's own files are Python pickles, which can run any code: they are not read, and the error says so"
_LOGGED = "a bare string as a sentence is a TypeError that says what to write; gensim warns and trains on letters"
_INNER = "an inner name of gensim: "
_TREE = "the inner nodes of a tree with V leaves are V - 1 rows; gensim has one more, which is never used"
_ORDER = "files of vectors hold no counts; gensim makes counts up from the order of the words"
_HS = "a file of the original with the loss hs has no weights for its `neg`; gensim trains new ones besides, seqnn does not"

JUDGED: dict[str, str] = {
    "HashCompatibilityTest.test_compatibility_true": _PICKLE,
    "HashCompatibilityTest.test_hash_native": _INNER + "compatible_hash",
    "NativeTrainingContinuationTest.test_sanity": _INNER + "null_word, cum_table",
    "SaveFacebookFormatModelTest.test_cbow": _HS,
    "SaveFacebookFormatModelTest.test_skipgram": _HS,
    "TestFastTextModel.test_estimate_memory": "gensim's figures are those of its Python objects, ours of our arrays",
    "TestFastTextModel.test_load_model_supervised": "seqnn reads supervised models; gensim refuses them",
    "TestWord2VecModel.test_build_vocab_warning": _LOGGED,
    "TestWord2VecModel.test_large_mmap": _INNER + "sep_limit",
    "TestWord2VecModel.test_load_old_model": _PICKLE,
    "TestWord2VecModel.test_load_old_model_separates": _PICKLE,
    "TestWord2VecModel.test_load_old_models_1_x": _PICKLE,
    "TestWord2VecModel.test_load_old_models_2_x": _PICKLE,
    "TestWord2VecModel.test_load_old_models_3_x": _PICKLE,
    "TestWord2VecModel.test_load_on_class_error": "Word2Vec().load reads as Word2Vec.load does, like any class method",
    "TestWord2VecModel.test_no_training_c_format": "a model without a vocabulary is a RuntimeError that says what to call",
    "TestWord2VecModel.test_persistence_backwards_compatible": _PICKLE,
    "TestWord2VecModel.test_persistence_word2vec_format_combination_with_standard_persistence": (
        "vectors alone read as a model are a ValueError that names KeyedVectors.load; gensim has an AttributeError"
    ),
    "TestWord2VecModel.test_train_with_explicit_param": "train counts the corpus itself: it needs no totals",
    "TestWord2VecModel.test_training": _TREE,
    "TestWord2VecModel.test_training_cbow": _TREE,
    "TestWord2VecModel.test_training_from_file": _TREE,
    "TestWord2VecModel.test_vocab": _INNER + "the attribute 'code' of a word",
    "Gensim320Test.test": _PICKLE,
    "LoadWord2VecFormatTest.test_load_word2vec_format_basic": _INNER + "add_lifecycle_event",
    "LoadWord2VecFormatTest.test_load_word2vec_format_limit": _INNER + "add_lifecycle_event",
    "LoadWord2VecFormatTest.test_load_word2vec_format_space_stripping": _INNER + "add_lifecycle_event",
    "TestKeyedVectors.test_distance": "the distance of a word to itself is 6e-8, a rounding of float32, not 0",
    "TestKeyedVectors.test_vectors_for_all_with_copy_vecattrs": _ORDER,
    "TestKeyedVectors.test_vectors_for_all_without_copy_vecattrs": _ORDER,
    "TestFrozenPhrasesModelCompatibility.test_compatibility": _PICKLE,
    "TestFrozenPhrasesPersistence.test_save_load_custom_scorer": "a function is not saved: frozen phrases keep its name",
    "TestFrozenPhrasesPersistence.test_save_load_no_common_terms": _PICKLE,
    "TestFrozenPhrasesPersistence.test_save_load_no_scoring": _PICKLE,
    "TestFrozenPhrasesPersistence.test_save_load_string_scoring": _PICKLE,
    "TestPhrasesModel.test_export_phrases": 'gensim joins keys: it takes "human interface" + "x" for a pair of three words',
    "TestPhrasesPersistence.test_save_load_custom_scorer": "a function cannot be saved: the error says to freeze",
    "TestPhrasesPersistence.test_save_load_no_common_terms": _PICKLE,
    "TestPhrasesPersistence.test_save_load_no_scoring": _PICKLE,
    "TestPhrasesPersistence.test_save_load_string_scoring": _PICKLE,
}
"""Tests that fail as they should, and why."""


def run() -> Result:
    """Run the four files."""
    import gensim

    os.environ["TQDM_DISABLE"] = "1"
    logging.getLogger().addHandler(logging.NullHandler())  # tests that look at the log attach handlers of their own
    _replace(gensim)
    result = Result(f"gensim {gensim.__version__}")
    with (
        warnings.catch_warnings(),
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
    ):  # some leave files
        warnings.simplefilter("ignore")
        for name in FILES:
            module = importlib.import_module(f"gensim.test.{name}")
            for kind in list(vars(module).values()):
                if (
                    isinstance(kind, type)
                    and issubclass(kind, unittest.TestCase)
                    and kind.__module__ == module.__name__
                ):
                    unittest.defaultTestLoader.loadTestsFromTestCase(kind).run(_Collector(result))
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
    """Sorts the outcomes of tests into a Result."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self._result = result

    def _name(self, test: unittest.TestCase) -> str:
        return f"{type(test).__name__}.{getattr(test, '_testMethodName', test)}"

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
