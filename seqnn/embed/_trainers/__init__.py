"""The room of trainers: Word2Vec, FastText, Doc2Vec and GloVe, their weights, runs and files."""

from ._cooccurrence import Cooccurrence
from ._cooccurrence_sums import CooccurrenceSums
from ._corpus import fingerprint as fingerprint
from ._doc2vec import Doc2Vec
from ._documents import TaggedDocument
from ._facebook import load_facebook_model, save_facebook_model
from ._fasttext import FastText
from ._glove import GloVe
from ._steps import RatedPosition as RatedPosition
from ._steps import StepRun as StepRun
from ._steps import Task as Task
from ._word2vec import Word2Vec

__all__ = [
    "Cooccurrence",
    "CooccurrenceSums",
    "Doc2Vec",
    "FastText",
    "GloVe",
    "TaggedDocument",
    "Word2Vec",
    "load_facebook_model",
    "save_facebook_model",
]
