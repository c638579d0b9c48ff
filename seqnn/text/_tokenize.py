"""Text to tokens: at white space, by a regular expression, and as the Penn Treebank does."""

from __future__ import annotations

import re


def tokenize(text: str) -> list[str]:
    """Split a text at white space.

    Args:
        text: any string.

    Returns:
        The tokens.

    >>> from seqnn.text import tokenize
    >>> tokenize("It doesn't  work.")
    ['It', "doesn't", 'work.']
    """
    return text.split()


def split_words(text: str) -> list[str]:
    """Split a text at ASCII white space, as files are read and as most programs for corpora do.

    Args:
        text: any string; other white space, such as the no-break space, belongs to a word.

    Returns:
        The words.

    >>> from seqnn.text import split_words
    >>> split_words("3\\xa0000 words")
    ['3\\xa0000', 'words']
    """
    if text.isascii() and text.isprintable():
        return text.split()  # beyond these, it splits at other characters, too
    words = b" ".join(text.encode("utf-8", "surrogatepass").split())
    return words.decode("utf-8", "surrogatepass").split(" ") if words else []


def regex_tokenize(text: str, pattern: str = r"\w+|[^\w\s]") -> list[str]:
    """Find what matches a pattern; by default words and single punctuation marks.

    Args:
        text: any string.
        pattern: a regular expression of `re`.

    Returns:
        The matches, in order.

    >>> from seqnn.text import regex_tokenize
    >>> regex_tokenize("It doesn't work.")
    ['It', 'doesn', "'", 't', 'work', '.']
    """
    return [match.group() for match in re.finditer(pattern, text)]


def treebank_tokenize(text: str) -> list[str]:
    """Split an English sentence by the conventions of the Penn Treebank.

    Punctuation is split off, contractions fall apart before "n't", "'s", "'ll", …, double quotes become `` and ''; a
    full stop is split off at the end only, so that abbreviations inside stay whole.

    Args:
        text: one sentence.

    Returns:
        The tokens.

    Source: Marcus, Santorini, Marcinkiewicz, "Building a large annotated corpus of English", 1993, and its
    tokenisation rules.

    >>> from seqnn.text import treebank_tokenize
    >>> treebank_tokenize("It doesn't cost Mr. Smith $3.88 (yet).")
    ['It', 'does', "n't", 'cost', 'Mr.', 'Smith', '$', '3.88', '(', 'yet', ')', '.']
    """
    for pattern, replacement in _TREEBANK:
        text = pattern.sub(replacement, text)
    return text.split()


_TREEBANK = [
    (re.compile(pattern, flags), replacement)
    for pattern, replacement, flags in (
        (r'^"|(?<=[ (\[{<])"', " `` ", 0),
        (r'"', " '' ", 0),
        (r"\.\.\.+", r" \g<0> ", 0),
        (r"([:,])(?!\d)", r" \1 ", 0),
        (r"[;@#$%&?!]", r" \g<0> ", 0),
        (r"(?<=[^.])(\.)(?=[\])}>\"' ]*$)", r" \1 ", 0),
        (r"[\[\](){}<>]", r" \g<0> ", 0),
        (r"--+", r" \g<0> ", 0),
        (r"(?<=[^' ])('(?:s|m|d|ll|re|ve))\b", r" \1", re.IGNORECASE),
        (r"(?<=\w)(n't)\b", r" \1", re.IGNORECASE),
        (r"(?<=[^' ])'(?= |$)", " '", 0),
        (r"\b(can)(not)\b", r"\1 \2", re.IGNORECASE),
        (r"\b(gon|wan)(na)\b", r"\1 \2", re.IGNORECASE),
        (r"\b(got)(ta)\b", r"\1 \2", re.IGNORECASE),
        (r"\b(gim|lem)(me)\b", r"\1 \2", re.IGNORECASE),
        (r"\b(more)('n)\b", r"\1 \2", re.IGNORECASE),
        (r"(^|\s)('t)(is|was)\b", r"\1\2 \3", re.IGNORECASE),
        (r"\b(d)('ye)\b", r"\1 \2", re.IGNORECASE),
    )
]
