"""The room of bias: its direction, measures of it, and vectors freed of it."""

from ._bias_direction import bias_direction
from ._bias_measures import BeforeAfter, WEATResult, compare_debiased, direct_bias, weat
from ._debias import HardDebias, SoftDebias
from ._gender_words import GenderWords, gender_words
from ._set_measures import SetBias, ect, mac, rnd, rnsb

__all__ = [
    "BeforeAfter",
    "GenderWords",
    "HardDebias",
    "SetBias",
    "SoftDebias",
    "WEATResult",
    "bias_direction",
    "compare_debiased",
    "direct_bias",
    "ect",
    "gender_words",
    "mac",
    "rnd",
    "rnsb",
    "weat",
]
