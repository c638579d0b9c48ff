"""The word lists for gender that come with the package."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable
from functools import cache
from importlib.resources import files
from typing import NamedTuple

Pair = tuple[str, ...]


class GenderWords(NamedTuple):
    """The English word lists for gender, in lower case, after Bolukbasi et al. (2016).

    Args:
        definitional_pairs: pairs such as (she, he), whose differences are the direction.
        equalize_pairs: pairs such as (king, queen), which are to differ by nothing but gender.
        specific_words: words that have a gender by definition: these keep it.

    >>> from seqnn.embed import gender_words
    >>> gender_words().definitional_pairs[2]
    ('she', 'he')
    """

    definitional_pairs: tuple[Pair, ...]
    equalize_pairs: tuple[Pair, ...]
    specific_words: tuple[str, ...]


@cache
def gender_words() -> GenderWords:
    """Return the word lists that `HardDebias` and `SoftDebias` take by default.

    >>> from seqnn.embed import gender_words
    >>> gender_words().definitional_pairs[2], "grandmother" in gender_words().specific_words
    (('she', 'he'), True)
    """
    lists = json.loads((files("seqnn.embed") / "gender_words.json").read_text("utf-8"))
    pairs = (tuple(map(tuple, lists[name])) for name in ("definitional_pairs", "equalize_pairs"))
    return GenderWords(*pairs, tuple(lists["specific_words"]))


def spellings(pairs: Iterable[Pair], known: Container[str]) -> list[Pair]:
    """Return the pairs in lower case, Capitalised and UPPER CASE, as far as all their words are known."""
    forms = (tuple(map(change, pair)) for pair in pairs for change in (str, str.capitalize, str.upper))
    return [form for form in forms if all(word in known for word in form)]
