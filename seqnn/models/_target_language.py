"""Several target languages: a token before each source sequence says which one is to be written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..text import Vocabulary
from ._base import Labels, Learner
from ._sequences import Sequences

__all__ = ["TargetLanguages", "language_token", "with_words"]


def language_token(language: str) -> str:
    """Return the token that stands for a target language.

    >>> language_token("en")
    '<2en>'
    """
    return f"<2{language}>"


def with_words(vocabulary: Vocabulary, words: Sequence[str]) -> Vocabulary:
    """Return a vocabulary that has these words as well, however rare they are."""
    missing = [word for word in words if word not in vocabulary]
    if not missing:
        return vocabulary
    counts = [*vocabulary.counts.tolist(), *[0] * len(missing)]
    return Vocabulary([*vocabulary.words, *missing], counts, specials=vocabulary.specials)


class TargetLanguages(Learner):
    """A model of sequences of tokens that may write several languages.

    Attributes:
        languages_: the target languages of `fit`, sorted; not set where there were none.

    Source: Johnson et al., "Google's multilingual neural machine translation system: enabling zero-shot translation", 2017.
    """

    languages_ = Labels("G", optional=True)

    def _learn_languages(self, sequences: Sequences, target_language: Any) -> Sequences:
        """Return the sequences of `fit` with the token of each one's language before it."""
        vars(self).pop("languages_", None)
        if target_language is None:
            return sequences
        languages = _of_each(target_language, sequences)
        self.languages_ = np.array(sorted(set(languages)))
        return _marked(sequences, languages)

    def _for_language(self, sequences: Sequences, target_language: Any, name: str = "target_language") -> Sequences:
        """Return sequences with the token of each one's language before it, which is one of those of `fit`.

        Args:
            sequences: as they were given.
            target_language: a language for all, or one for each; None where `fit` got none.
            name: what messages call it.
        """
        known = vars(self).get("languages_")
        if known is None:
            if target_language is not None:
                raise ValueError(f"{name}: expected None as fit got, got {target_language!r:.60}")
            return sequences
        if target_language is None:
            raise ValueError(f"{name}: expected one of {', '.join(map(repr, known.tolist()))}, got None")
        languages = _of_each(target_language, sequences, name)
        if unknown := sorted(set(languages) - set(known.tolist())):
            raise ValueError(f"{name}: expected one of {', '.join(map(repr, known.tolist()))}, got {unknown[0]!r}")
        return _marked(sequences, languages)

    def _language_tokens(self) -> list[str]:
        """Return the tokens of all languages."""
        return [language_token(language) for language in vars(self).get("languages_", np.zeros(0)).tolist()]

    def _split_validation(self, validation: Any) -> tuple[Any, Any]:
        """Return the validation pair, and the languages of its texts, which it holds as a third part where there are some."""
        if "languages_" not in vars(self) or not isinstance(validation, tuple | list):
            return validation, None
        if len(validation) != 3:
            raise ValueError(
                f"validation: expected (X, y, target_language) as fit got these, got {len(validation)} parts"
            )
        return validation[:2], validation[2]


def _of_each(target_language: Any, sequences: Sequences, name: str = "target_language") -> list[str]:
    """Return the language of each sequence."""
    count = len(sequences.rows)
    if not sequences.tokens:
        raise TypeError(f"{name}: expected None for X of numbers, got {target_language!r:.60}")
    if isinstance(target_language, str):
        return [_checked(target_language, name)] * count
    # A set has no order.
    if isinstance(target_language, bytes | dict | set | frozenset) or not isinstance(target_language, Iterable):
        raise TypeError(f"{name}: expected a language, or a list of one for each sequence, got {target_language!r:.60}")
    languages = list(target_language)
    if len(languages) != count:
        raise ValueError(f"{name}: expected one for each of {count} sequences, got {len(languages)}")
    return [_checked(language, f"{name}[{i}]") for i, language in enumerate(languages)]


def _checked(language: Any, name: str) -> str:
    """Return a language; a TypeError where it is no name."""
    if not isinstance(language, str) or not language:
        raise TypeError(f"{name}: expected a name such as 'en', got {language!r:.60}")
    return language


def _marked(sequences: Sequences, languages: list[str]) -> Sequences:
    rows = [[language_token(language), *row] for language, row in zip(languages, sequences.rows, strict=True)]
    return sequences._replace(rows=rows)
