"""The tokenizers of sacrebleu and rouge-score, as tables of what each character is."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from functools import cache

import numpy as np

from .. import _core
from ._tokens import Tokenizer

_KIND = {name: number for number, name in enumerate(_core.tokens.kind)}
_DROPPED = _core.tokens.DROPPED
_PLANES = 0x20000
"""Numbers, punctuation and symbols have code points below."""

_SPACES = [code for code in range(0x3001) if chr(code).isspace()]
_MTEVAL_SYMBOLS = [
    *range(0x20, 0x27),
    *range(0x28, 0x2C),
    0x2F,
    *range(0x3A, 0x41),
    *range(0x5B, 0x61),
    *range(0x7B, 0x7F),
]


def _table(size: int, **kinds: Iterable[int]) -> np.ndarray:
    """Return a table of `size` code points: whitespace, the listed kinds, and "other"."""
    table = np.zeros(size + 1, np.uint8)
    for name, listed in {**kinds, "space": _SPACES}.items():
        codes = np.fromiter(listed, np.int64)
        table[codes[codes < size]] = _KIND[name]
    return table


def _ranges(*ranges: tuple[int, int]) -> list[int]:
    """Return the code points of ranges that include both ends."""
    return [code for first, last in ranges for code in range(first, last + 1)]


def _sized(make: Callable[[int], np.ndarray], size: int) -> Callable[[bool], np.ndarray]:
    """Return a cached maker of tables, of 128 code points for ASCII texts and of `size` for others."""
    return cache(lambda ascii_only: make(128 if ascii_only else size))


@cache
def _categories() -> str:
    """Return the first letter of the general category of each code point of the first two planes."""
    return "".join(unicodedata.category(chr(code))[0] for code in range(_PLANES))


def _of_category(size: int, letters: str) -> np.ndarray:
    """Return the code points below `size` whose category begins with one of the letters."""
    if size <= 128:
        return np.array([code for code in range(size) if unicodedata.category(chr(code))[0] in letters])
    found = np.frombuffer(_categories().encode(), np.uint8)
    return np.flatnonzero(np.isin(found, np.frombuffer(letters.encode(), np.uint8)))


def _plain(size: int) -> np.ndarray:
    return _table(size)


def _mteval(size: int) -> np.ndarray:
    return _table(size, symbol=_MTEVAL_SYMBOLS, number=range(0x30, 0x3A), mark=b".,", dash=b"-")


def _intl(size: int) -> np.ndarray:
    return _table(size, number=_of_category(size, "N"), mark=_of_category(size, "P"), symbol=_of_category(size, "S"))


def _characters(size: int) -> np.ndarray:
    table = _table(size, character=range(size))
    table[-1] = _KIND["character"]
    return table


def _every_character(size: int) -> np.ndarray:
    return np.full(size + 1, _KIND["character"], np.uint8)


_CHINESE = _ranges(
    (0x3400, 0x4DB5), (0x4E00, 0x9FBB), (0xF900, 0xFA2D), (0xFA30, 0xFA6A), (0x2001, 0x2A6D), (0x2F81, 0x2FA1),
    (0xFF00, 0xFFEF), (0x2E80, 0x2EFF), (0x3000, 0x303F), (0x31C0, 0x31EF), (0x2F00, 0x2FDF), (0x2FF0, 0x2FFF),
    (0x3100, 0x312F), (0x31A0, 0x31BF), (0xFE10, 0xFE1F), (0xFE30, 0xFE4F), (0x2600, 0x26FF), (0x2700, 0x27BF),
    (0x3200, 0x32FF), (0x3300, 0x33FF),
)  # fmt: skip
"""sacrebleu's list. Its ranges "U+20000" to "U+2A6D6" and "U+2F800" to "U+2FA1D" act as U+2001 to U+2A6D and U+2F81 to U+2FA1."""


def _chinese(size: int) -> np.ndarray:
    return _table(size, symbol=[*_MTEVAL_SYMBOLS, *_CHINESE], number=range(0x30, 0x3A), mark=b".,", dash=b"-")


BLEU = {
    "none": Tokenizer("none", _sized(_plain, 0x3001)),
    "13a": Tokenizer("13a", _sized(_mteval, 0x3001), markup="mteval", padded=True),
    "intl": Tokenizer("intl", _sized(_intl, _PLANES)),
    "char": Tokenizer("char", _sized(_characters, 0x3001)),
    "zh": Tokenizer("zh", _sized(_chinese, 0x10000), trimmed=True),
}
"""The tokenizers of BLEU, by sacrebleu's names."""

CHARACTERS = BLEU["char"]
CHARACTERS_AND_SPACES = Tokenizer("char", _sized(_every_character, 128))
CHRF_WORDS = Tokenizer("chrF", BLEU["none"].kinds, edges=True)

_PUNCTUATION = b'.,?:;!"()'
_ASIAN_PUNCTUATION = _ranges(
    (0x3001, 0x3002), (0x3008, 0x3011), (0x3014, 0x301F), (0xFF61, 0xFF65), (0x30FB, 0x30FB), (0xFF01, 0xFF02),
    (0xFF08, 0xFF09), (0xFF0C, 0xFF0C), (0xFF0E, 0xFF0E), (0xFF1A, 0xFF1B), (0xFF1F, 0xFF1F),
)  # fmt: skip
_ASIAN = [
    *_ranges(
        (0x2E80, 0x2EFF), (0x31C0, 0x31EF), (0x3200, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFE30, 0xFE4F)
    ),
    *_ASIAN_PUNCTUATION,
]


@cache
def tercom(normalized: bool, no_punct: bool, asian_support: bool) -> Tokenizer:
    """Return the tokenizer of TER."""

    def make(size: int) -> np.ndarray:
        table = _mteval(size) if normalized else _plain(size)
        if normalized:
            table[ord("'")] = _KIND["apostrophe"]
        if normalized and asian_support:
            codes = np.array(_ASIAN)
            table[codes[codes < size]] = _KIND["character"]
        if no_punct:
            codes = np.array([*_PUNCTUATION, *(_ASIAN_PUNCTUATION if asian_support else [])])
            table[codes[codes < size]] |= _DROPPED
        return table

    markup = "tercom" if normalized else "none"
    return Tokenizer("tercom", _sized(make, 0x10000), markup=markup, padded=normalized)


def _ascii_words(size: int) -> np.ndarray:
    table = np.full(size + 1, _KIND["space"], np.uint8)
    table[[*range(0x30, 0x3A), *range(0x61, 0x7B)]] = _KIND["other"]
    return table


_UNSPACED = _ranges(
    (0x3005, 0x3007), (0x3041, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF)
)
"""Han, Hiragana and Katakana, of the first plane; the next two planes hold nothing but Han."""


def _unicode_words(size: int) -> np.ndarray:
    table = np.full(size + 1, _KIND["space"], np.uint8)
    words = _of_category(size, "LMN")
    table[words] = _KIND["other"]
    table[np.intersect1d(words, _UNSPACED)] = table[_PLANES:-1] = _KIND["character"]
    return table


ROUGE = {"rouge": _sized(_ascii_words, 128), "unicode": _sized(_unicode_words, 0x40000)}
"""Makers of the tables of ROUGE's tokenizers."""


@cache
def rouge_tokenizer(tokenizer: str, stem: bool) -> Tokenizer:
    """Return a tokenizer of ROUGE, for texts in lower case."""
    return Tokenizer(tokenizer, ROUGE[tokenizer], stem=stem)
