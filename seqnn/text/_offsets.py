"""Where tokens stand in the text that they were cut from."""

from __future__ import annotations

from collections.abc import Sequence

_WRITTEN = {"``": ('"', "``"), "''": ('"', "''"), "-LRB-": ("(",), "-RRB-": (")",)}
"""What stands in a text where the Penn Treebank has a token of another form."""


def token_offsets(text: str, tokens: Sequence[str]) -> list[tuple[int, int]]:
    """Find the characters of each token.

    Args:
        text: what was cut into tokens.
        tokens: its tokens in order. The quotes that `treebank_tokenize` makes are found as well.

    Returns:
        For each token its first character, and the one after its last.

    Raises:
        ValueError: a token does not stand in the text after the one before it.

    >>> from seqnn.text import regex_tokenize, token_offsets
    >>> text = "It's Ada."
    >>> token_offsets(text, regex_tokenize(text))
    [(0, 2), (2, 3), (3, 4), (5, 8), (8, 9)]
    """
    found, end = [], 0
    for i, token in enumerate(tokens):
        places = [(text.find(form, end), form) for form in _WRITTEN.get(token, (token,))]
        start, form = min((place for place in places if place[0] >= 0), default=(-1, token))
        if start < 0:
            raise ValueError(
                f"tokens[{i}]: expected a part of the text after character {end}, got {token!r}: the tokenizer changes the text"
            )
        end = start + len(form)
        found.append((start, end))
    return found
