"""The room of bias: its direction, measures of it, and vectors freed of it."""

from ._bias_direction import bias_direction
from ._bias_measures import BeforeAfter, WEATResult, compare_debiased, direct_bias, weat
from ._debias import HardDebias, SoftDebias
from ._gender_words import GenderWords, gender_words
from ._sentence_association import SEATTest, fill_templates, read_seat, seat, sentence_vectors
from ._set_measures import SetBias, ect, mac, rnd, rnsb

__all__ = [
    "BeforeAfter",
    "GenderWords",
    "HardDebias",
    "SEATTest",
    "SetBias",
    "SoftDebias",
    "WEATResult",
    "bias_direction",
    "compare_debiased",
    "direct_bias",
    "ect",
    "fill_templates",
    "gender_words",
    "mac",
    "read_seat",
    "rnd",
    "rnsb",
    "seat",
    "sentence_vectors",
    "weat",
]
