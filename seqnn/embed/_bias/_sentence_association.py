"""The association test of encoders of sentences (SEAT): WEAT on the vectors of sentences."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..._files import Path
from ..._json_files import load_json
from ._bias_measures import WEATResult, weat

__all__ = ["SEATTest", "fill_templates", "read_seat", "seat", "sentence_vectors"]

TEMPLATES = {
    "nouns": (
        "This is a {}.", "That is a {}.", "There is a {}.", "Here is a {}.", "The {} is here.", "The {} is there.",
        "A {} is a thing.", "It is a {}.",
    ),
    "names": ("This is {}.", "That is {}.", "There is {}.", "Here is {}.", "{} is here.", "{} is there.", "{} is a person."),
    "adjectives": ("This is {}.", "That is {}.", "They are {}.", "It is {}.", "The {} one is here."),
}  # fmt: skip
"""Sentences that say nothing of their own, of the kind of May et al. (2019)."""


class SEATTest(NamedTuple):
    """The sentences of an association test.

    Attributes:
        target_1, target_2: what is compared, such as sentences about flowers and about insects.
        attribute_1, attribute_2: what they are compared by, such as pleasant and unpleasant ones.
        names: what the four sets are called.

    >>> from seqnn.embed import SEATTest
    >>> SEATTest(["This is a rose."], ["This is an ant."], ["This is good."], ["This is bad."]).target_2
    ['This is an ant.']
    """

    target_1: list[str]
    target_2: list[str]
    attribute_1: list[str]
    attribute_2: list[str]
    names: tuple[str, ...] = ("target_1", "target_2", "attribute_1", "attribute_2")


_KEYS = ("targ1", "targ2", "attr1", "attr2")


def read_seat(path: Path) -> SEATTest:
    """Read a file of an association test, as those of SEAT are published (sent-weat1.jsonl; plain or packed).

    It is a JSON object of "targ1", "targ2", "attr1" and "attr2", each an object with the name of its "category" and its
    "examples", sentences or words.

    Args:
        path: the file.

    Returns:
        The four sets; an example that a set has twice counts once.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is no such object; the message says what is wrong.

    Source: May, Wang, Bordia, Bowman, Rudinger, "On measuring social biases in sentence encoders", NAACL 2019.

    >>> import json, os, tempfile
    >>> from seqnn.embed import read_seat
    >>> path = os.path.join(tempfile.mkdtemp(), "test.jsonl")
    >>> sets = {key: {"category": key, "examples": [f"This is {key}."]} for key in ("targ1", "targ2", "attr1", "attr2")}
    >>> with open(path, "w") as file:
    ...     json.dump(sets, file)
    >>> read_seat(path).attribute_1
    ['This is attr1.']
    """
    tree = load_json(path, "one JSON object")
    sets: dict[str, list[str]] = {}
    names: list[str] = []
    for key, name in zip(_KEYS, SEATTest._fields, strict=False):
        found = tree.get(key) if isinstance(tree, dict) else None
        entry: dict[str, Any] = found if isinstance(found, dict) else {}
        examples = entry.get("examples")
        if not isinstance(examples, list) or not examples or not all(isinstance(text, str) for text in examples):
            raise ValueError(f"{os.fspath(path)}: {key}: expected an object with examples, texts, got {found!r:.60}")
        sets[name] = [*dict.fromkeys(examples)]
        names.append(str(entry.get("category", key)))
    return SEATTest(**sets, names=tuple(names))


def fill_templates(words: Iterable[str], templates: str | Sequence[str] = "nouns") -> list[str]:
    """Put words into sentences that say nothing of their own.

    Args:
        words: such as ["rose", "ant"].
        templates: "nouns", "names" or "adjectives"; or sentences with {} where the word goes. "a {}" becomes "an" before a
            vowel, and sentences begin with a capital.

    Returns:
        A sentence for each word and template.

    Raises:
        ValueError: a template has no {}, or their name is not known.

    >>> from seqnn.embed import fill_templates
    >>> fill_templates(["rose", "ant"], ["This is a {}.", "the {} is here."])
    ['This is a rose.', 'The rose is here.', 'This is an ant.', 'The ant is here.']
    """
    if isinstance(words, str):
        raise TypeError(f"words: expected a list of words, got one string: write [{words!r:.40}]")
    if isinstance(templates, str) and templates not in TEMPLATES:
        raise ValueError(
            f"templates: expected one of {', '.join(TEMPLATES)}, or sentences with {{}}, got {templates!r}"
        )
    words = [*words]
    if wrong := [word for word in words if not isinstance(word, str) or not word]:
        raise TypeError(f"words: expected words, got {wrong[0]!r:.40}")
    chosen = TEMPLATES[templates] if isinstance(templates, str) else [*templates]
    missing = next((template for template in chosen if "{}" not in template), None)
    if missing is not None or not chosen:
        raise ValueError(f"templates: expected sentences with {{}}, got {missing!r}")
    return [_filled(template, word) for word in words for template in chosen]


def seat(
    encoder: Any,
    test: SEATTest | Path,
    *,
    permutations: int = 100_000,
    seed: int = 1,
) -> WEATResult:
    """Test whether an encoder puts sentences of target_1 nearer to attribute_1 than those of target_2 (SEAT).

    It is `weat` with vectors of sentences in place of those of words.

    Args:
        encoder: what has a method `embed`, such as a `pretrained.Encoder`; or a function of a list of sentences that returns
            vectors [N, D].
        test: four sets of sentences, or a file as `read_seat` reads it.
        permutations: the most partitions of the targets that are looked at; all of them where they are not more.
        seed: of random partitions.

    Returns:
        Effect size, p-value, statistic.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a set is empty, has a sentence twice, or shares one with the other targets.

    Source: May, Wang, Bordia, Bowman, Rudinger, "On measuring social biases in sentence encoders", NAACL 2019.

    >>> from seqnn.embed import SEATTest, seat
    >>> test = SEATTest(["a rose", "a tulip"], ["an ant", "a wasp"], ["good"], ["bad"])
    >>> vectors = {"a rose": [3, 1], "a tulip": [2, 1], "an ant": [1, 2], "a wasp": [1, 3], "good": [1, 0], "bad": [0, 1]}
    >>> result = seat(lambda sentences: [vectors[sentence] for sentence in sentences], test)
    >>> round(result.effect_size, 2), round(result.p_value, 3)
    (1.71, 0.167)
    """
    given = test if isinstance(test, SEATTest) else read_seat(test)
    sentences = [*dict.fromkeys(sentence for part in given[:4] for sentence in part)]
    return weat((sentence_vectors(encoder, sentences), sentences), *given[:4], permutations=permutations, seed=seed)


def sentence_vectors(encoder: Any, sentences: Sequence[str]) -> np.ndarray:
    """Return the vectors of sentences, float64 [N, D].

    Raises:
        TypeError: the encoder is neither a function nor has a method `embed`.
        ValueError: it gives something else.
    """
    embed: Callable[[list[str]], Any] = getattr(encoder, "embed", encoder)
    if not callable(embed):
        raise TypeError(
            f"encoder: expected a function of sentences, or something with embed, got {type(encoder).__name__}"
        )
    found = embed([*sentences])
    try:
        vectors = np.asarray(found, np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"encoder: expected a vector of each of {len(sentences)} sentences, got {found!r:.60}"
        ) from None
    finite = bool(np.isfinite(vectors).all())
    if vectors.ndim != 2 or len(vectors) != len(sentences) or not finite:
        raise ValueError(
            f"encoder: expected a vector of each of {len(sentences)} sentences, got shape {vectors.shape}"
            f"{'' if finite else ', with NaN or infinity'}"
        )
    return vectors


def _filled(template: str, word: str) -> str:
    if word[:1].lower() in tuple("aeiou"):
        template = template.replace(" a {}", " an {}").replace("A {}", "An {}")
    sentence = template.replace("{}", word)
    return sentence[:1].upper() + sentence[1:]
