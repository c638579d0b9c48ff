"""Word vectors: trainers, vectors, their files, neighbours and evaluation, alignment, bias.

Names that are imported `as` themselves are for the other packages, not for users.
"""

from .._callbacks import Callback, EarlyStopping
from ._alignment import SpaceAlignment, align, align_sequence, csls_neighbors, induce_dictionary
from ._bias import (
    BeforeAfter,
    GenderWords,
    HardDebias,
    SEATTest,
    SetBias,
    SoftDebias,
    WEATResult,
    bias_direction,
    compare_debiased,
    direct_bias,
    ect,
    fill_templates,
    gender_words,
    mac,
    read_seat,
    rnd,
    rnsb,
    seat,
    weat,
)
from ._bias import sentence_vectors as sentence_vectors
from ._evaluation import (
    Analogy,
    AnalogyScore,
    Categorization,
    OutlierGroup,
    OutlierScore,
    RatedPair,
    Similarity,
    evaluate_analogies,
    evaluate_categorization,
    evaluate_outliers,
    evaluate_similarity,
    read_analogies,
    read_categories,
    read_outliers,
    read_rated_pairs,
)
from ._trainers import (
    Cooccurrence,
    CooccurrenceSums,
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
    QuantizedKeyedVectors,
    SentenceVectors,
    load_facebook_vectors,
    nearest_neighbors,
    neighbor_agreement,
)
from ._vectors import Labelled as Labelled
from ._vectors import LabelledVectors as LabelledVectors
from ._vectors import Quantized as Quantized
from ._vectors import Subwords as Subwords
from ._vectors import bytes_of_rows as bytes_of_rows
from ._vectors import format_of_name as format_of_name
from ._vectors import model_kind as model_kind
from ._vectors import near_spellings as near_spellings
from ._vectors import ngrams_of as ngrams_of
from ._vectors import quantize_matrix as quantize_matrix
from ._vectors import read_classifier as read_classifier
from ._vectors import read_counts as read_counts
from ._vectors import unit_rows as unit_rows
from ._vectors import write_fasttext as write_fasttext
from ._vectors import write_quantized as write_quantized

__all__ = [
    "Analogy",
    "AnalogyScore",
    "BeforeAfter",
    "Callback",
    "Categorization",
    "Cooccurrence",
    "CooccurrenceSums",
    "Doc2Vec",
    "EarlyStopping",
    "FastText",
    "FastTextKeyedVectors",
    "GenderWords",
    "GloVe",
    "HardDebias",
    "KeyedVectors",
    "MoversIndex",
    "OutlierGroup",
    "OutlierScore",
    "QuantizedKeyedVectors",
    "RatedPair",
    "SEATTest",
    "SentenceVectors",
    "SetBias",
    "Similarity",
    "SoftDebias",
    "SpaceAlignment",
    "TaggedDocument",
    "WEATResult",
    "Word2Vec",
    "align",
    "align_sequence",
    "bias_direction",
    "compare_debiased",
    "csls_neighbors",
    "direct_bias",
    "ect",
    "evaluate_analogies",
    "evaluate_categorization",
    "evaluate_outliers",
    "evaluate_similarity",
    "fill_templates",
    "gender_words",
    "induce_dictionary",
    "load_facebook_model",
    "load_facebook_vectors",
    "mac",
    "nearest_neighbors",
    "neighbor_agreement",
    "read_analogies",
    "read_categories",
    "read_outliers",
    "read_rated_pairs",
    "read_seat",
    "rnd",
    "rnsb",
    "save_facebook_model",
    "seat",
    "weat",
]
