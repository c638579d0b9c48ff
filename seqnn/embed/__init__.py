"""Word vectors: trainers, vectors, their files, neighbours and evaluation, bias.

Names that are imported `as` themselves are for the other packages, not for users.
"""

from .._callbacks import Callback, EarlyStopping
from ._bias import (
    BeforeAfter,
    GenderWords,
    HardDebias,
    SEATTest,
    SoftDebias,
    WEATResult,
    bias_direction,
    compare_debiased,
    direct_bias,
    fill_templates,
    gender_words,
    read_seat,
    seat,
    weat,
)
from ._bias import sentence_vectors as sentence_vectors
from ._trainers import (
    Cooccurrence,
    Doc2Vec,
    FastText,
    GloVe,
    TaggedDocument,
    Word2Vec,
    load_facebook_model,
    save_facebook_model,
)
from ._trainers import RatedPosition as RatedPosition
from ._trainers import StepRun as StepRun
from ._trainers import Task as Task
from ._trainers import fingerprint as fingerprint
from ._vectors import FORMATS as FORMATS
from ._vectors import MAX_BUCKET as MAX_BUCKET
from ._vectors import MAX_N as MAX_N
from ._vectors import About as About
from ._vectors import (
    FastTextKeyedVectors,
    KeyedVectors,
    MoversIndex,
    SentenceVectors,
    load_facebook_vectors,
    nearest_neighbors,
)
from ._vectors import Labelled as Labelled
from ._vectors import LabelledVectors as LabelledVectors
from ._vectors import Quantized as Quantized
from ._vectors import Subwords as Subwords
from ._vectors import bytes_of_rows as bytes_of_rows
from ._vectors import format_of_name as format_of_name
from ._vectors import read_classifier as read_classifier
from ._vectors import read_counts as read_counts
from ._vectors import write_fasttext as write_fasttext
from ._vectors import write_quantized as write_quantized

__all__ = [
    "BeforeAfter",
    "Callback",
    "Cooccurrence",
    "Doc2Vec",
    "EarlyStopping",
    "FastText",
    "FastTextKeyedVectors",
    "GenderWords",
    "GloVe",
    "HardDebias",
    "KeyedVectors",
    "MoversIndex",
    "SEATTest",
    "SentenceVectors",
    "SoftDebias",
    "TaggedDocument",
    "WEATResult",
    "Word2Vec",
    "bias_direction",
    "compare_debiased",
    "direct_bias",
    "fill_templates",
    "gender_words",
    "load_facebook_model",
    "load_facebook_vectors",
    "nearest_neighbors",
    "read_seat",
    "save_facebook_model",
    "seat",
    "weat",
]
