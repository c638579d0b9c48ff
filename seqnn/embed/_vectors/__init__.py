"""The room of vectors: look-up, neighbours, evaluation, files of all formats."""

from ._answers import answers as answers
from ._answers import vocabulary as vocabulary
from ._evaluate import Correlation as Correlation
from ._evaluate import pearson as pearson
from ._evaluate import ranks as ranks
from ._fasttext_bin import About as About
from ._fasttext_bin import finite as finite
from ._fasttext_bin import model_kind as model_kind
from ._fasttext_bin import read_classifier as read_classifier
from ._fasttext_bin import read_fasttext as read_fasttext
from ._fasttext_quantized import Quantized as Quantized
from ._fasttext_vectors import FastTextKeyedVectors, load_facebook_vectors
from ._fasttext_writing import write_fasttext as write_fasttext
from ._fasttext_writing import write_quantized as write_quantized
from ._formats import FORMATS as FORMATS
from ._formats import format_of_name as format_of_name
from ._keyed_rows import COUNTS as COUNTS
from ._keyed_rows import FORMAT as FORMAT
from ._keyed_vectors import KeyedVectors
from ._labelled import Labelled as Labelled
from ._labelled import LabelledVectors as LabelledVectors
from ._labelled import unit_rows as unit_rows
from ._movers import MoversIndex
from ._neighbors import best_rows as best_rows
from ._neighbors import nearest_neighbors
from ._product_quantizer import quantize_matrix as quantize_matrix
from ._quantized_vectors import QuantizedKeyedVectors, neighbor_agreement
from ._sentence_vectors import SentenceVectors
from ._spellings import near_spellings as near_spellings
from ._subwords import MAX_BUCKET as MAX_BUCKET
from ._subwords import MAX_N as MAX_N
from ._subwords import Subwords as Subwords
from ._subwords import bytes_of_rows as bytes_of_rows
from ._subwords import ngrams_of as ngrams_of
from ._vector_files import read_counts as read_counts

__all__ = [
    "FastTextKeyedVectors",
    "KeyedVectors",
    "MoversIndex",
    "QuantizedKeyedVectors",
    "SentenceVectors",
    "load_facebook_vectors",
    "nearest_neighbors",
    "neighbor_agreement",
]
