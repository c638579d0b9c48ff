"""The vocabulary: words, their counts, and their numbers; for word vectors and for models that read token ids."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from .._atomic import atomic_write
from .._files import Path, open_text, unpacking
from ._vocabulary_limit import TrimRule, kept_by

SPECIALS = {"pad": "<pad>", "unk": "<unk>", "bos": "<s>", "eos": "</s>"}
"""The tokens that a model's vocabulary begins with: role to token."""


class Vocabulary:
    """A list of words with their counts and positions.

    Args:
        words: different words, in order.
        counts: how often each occurs; default 0.
        specials: the words with a role (padding, unknown, begin, end, …): role to word.

    Attributes:
        words, specials: the arguments, as a list and a dict.
        counts: int64 [V].
        index: a word's position, by the word.

    Raises:
        ValueError: a word that occurs again, another number of counts than words, a count that is no integer >= 0, a
            special word that is not there.

    >>> from seqnn.text import Vocabulary
    >>> vocabulary = Vocabulary(["the", "cat"], [9, 2])
    >>> vocabulary.index["cat"], len(vocabulary), "dog" in vocabulary
    (1, 2, False)
    """

    def __init__(
        self,
        words: Sequence[str],
        counts: Sequence[int] | np.ndarray | None = None,
        *,
        specials: Mapping[str, str] | None = None,
    ) -> None:
        self.words = list(words)
        self.counts = np.zeros(len(self.words), np.int64) if counts is None else _checked_counts(counts)
        self.specials = dict(specials or {})
        self.index = dict(zip(self.words, range(len(self.words)), strict=True))
        if self.counts.shape != (len(self.words),):
            raise ValueError(f"counts: expected one for each of {len(self.words)} words, got shape {self.counts.shape}")
        if len(self.index) != len(self.words):
            raise ValueError(f"words: {len(self.words) - len(self.index)} of the {len(self.words)} words occur again")
        if missing := [f"{role}={token!r}" for role, token in self.specials.items() if token not in self.index]:
            raise ValueError(f"specials: {', '.join(missing)} not among the words")

    @classmethod
    def from_tokens(
        cls,
        *texts: Iterable[Sequence[str]],
        min_frequency: int = 1,
        max_size: int | None = None,
        specials: Mapping[str, str] = SPECIALS,
    ) -> Vocabulary:
        """Make the vocabulary of tokenised texts for a model: special tokens first, then words by falling count.

        Args:
            texts: iterables of token lists; several (source and target) give one shared vocabulary.
            min_frequency: rarer words are left out; equally frequent ones stand in alphabetical order.
            max_size: the most words, special tokens included.
            specials: role to token; `{}` for none. Roles "pad", "unk", "bos", "eos" have their own properties.

        Returns:
            The vocabulary.

        >>> from seqnn.text import Vocabulary, tokenize
        >>> vocabulary = Vocabulary.from_tokens([tokenize("the cat saw the dog"), tokenize("a dog")], min_frequency=2)
        >>> vocabulary.words
        ['<pad>', '<unk>', '<s>', '</s>', 'dog', 'the']
        >>> vocabulary.encode(["the", "bird"]), vocabulary.pad_id
        (array([5, 1], dtype=int32), 0)
        """
        if max_size is not None and max_size < len(specials):
            raise ValueError(f"max_size: expected None or at least the {len(specials)} special tokens, got {max_size}")
        counts = Counter()
        for tokens in itertools.chain(*texts):
            if isinstance(tokens, str):
                raise TypeError(f"texts: expected lists of tokens, got the string {tokens[:40]!r}; tokenize it first")
            counts.update(tokens)
        first = list(specials.values())
        for token in first:
            counts.pop(token, None)
        words = sorted((w for w, c in counts.items() if c >= min_frequency), key=lambda w: (-counts[w], w))
        words = words[: None if max_size is None else max_size - len(first)]
        return cls(first + words, [0] * len(first) + [counts[w] for w in words], specials=specials)

    @classmethod
    def build(
        cls,
        words: Sequence[str],
        counts: Sequence[int] | np.ndarray,
        *,
        min_count: int = 5,
        max_final_vocab: int | None = None,
        trim_rule: TrimRule | None = None,
        sorted_vocab: bool = True,
    ) -> tuple[Vocabulary, np.ndarray]:
        """Choose and order words as gensim 4 does.

        Args:
            words, counts: different words and how often each occurs.
            min_count: rarer words are left out.
            max_final_vocab: raises `min_count` until no more words than this are left.
            trim_rule: rule(word, count, min_count) returns `RULE_KEEP`, `RULE_DISCARD`, or `RULE_DEFAULT` or None where
                `min_count` is to decide.
            sorted_vocab: most frequent words first, of equally frequent ones the later first (gensim's order); otherwise
                the order of `words`.

        Returns:
            The vocabulary, and each given word's position in it (int32) or -1.

        Raises:
            ValueError: no word is left.

        >>> from seqnn.text import Vocabulary
        >>> vocabulary, position = Vocabulary.build(["rare", "cat", "the"], [1, 5, 9], min_count=5)
        >>> vocabulary.words, position.tolist()
        (['the', 'cat'], [-1, 1, 0])
        """
        counts = np.asarray(counts, np.int64)
        needed = effective_min_count(counts, min_count, max_final_vocab)
        order = np.flatnonzero(kept_by(trim_rule, words, np.arange(len(words)), counts, needed))
        if not len(order):
            message = f"the vocabulary is empty: no word is kept with min_count={needed}"
            if len(words):
                top = int(np.argmax(counts))
                message += f"; of {len(words)} words the most frequent, {words[top]!r}, occurs {counts[top]} times"
            raise ValueError(message)
        if sorted_vocab:
            order = order[::-1][np.argsort(-counts[order[::-1]], kind="stable")]
        mapping = np.full(len(words), -1, np.int32)
        mapping[order] = np.arange(len(order), dtype=np.int32)
        return cls([words[i] for i in order.tolist()], counts[order]), mapping

    def update(
        self,
        words: Sequence[str],
        counts: Sequence[int] | np.ndarray,
        *,
        min_count: int = 5,
        max_final_vocab: int | None = None,
        trim_rule: TrimRule | None = None,
    ) -> tuple[Vocabulary, np.ndarray]:
        """Add the words of more text: known words keep their positions and their counts grow, new ones are appended.

        Args:
            words, counts: different words of the text and how often each occurs.
            min_count, max_final_vocab, trim_rule: which of the new words are kept, as for `build`; they are appended in
                the order given.

        Returns:
            The new vocabulary, and each given word's position in it (int32) or -1.

        >>> from seqnn.text import Vocabulary
        >>> vocabulary, position = Vocabulary(["the"], [9]).update(["dog", "the"], [5, 1])
        >>> vocabulary.words, vocabulary.counts.tolist(), position.tolist()
        (['the', 'dog'], [10, 5], [1, 0])
        """
        counts = np.asarray(counts, np.int64)
        mapping = self.positions(words)
        needed = effective_min_count(counts, min_count, max_final_vocab)
        new = np.flatnonzero(mapping < 0)
        new = new[kept_by(trim_rule, words, new, counts[new], needed)]
        mapping[new] = np.arange(len(self), len(self) + len(new), dtype=np.int32)
        known = mapping >= 0
        all_counts = np.zeros(len(self) + len(new), np.int64)
        all_counts[: len(self)] = self.counts
        all_counts[mapping[known]] += counts[known]
        return Vocabulary([*self.words, *(words[i] for i in new.tolist())], all_counts), mapping

    def positions(self, words: Sequence[str]) -> np.ndarray:
        """Look words up.

        Args:
            words: any words.

        Returns:
            Each word's position (int32), -1 for words that are not here.

        >>> from seqnn.text import Vocabulary
        >>> Vocabulary(["the", "cat"]).positions(["cat", "dog"])
        array([ 1, -1], dtype=int32)
        """
        return np.fromiter(map(self.index.get, words, itertools.repeat(-1)), np.int32, len(words))

    def encode(self, tokens: Sequence[str], *, bos: bool = False, eos: bool = False) -> np.ndarray:
        """Turn tokens into numbers; unknown tokens become the "unk" token.

        Args:
            tokens: a list of tokens.
            bos, eos: whether the "bos" token goes before them, and the "eos" token after them.

        Returns:
            The numbers (int32).

        Raises:
            KeyError: an unknown token, and the vocabulary has no "unk".
        """
        if isinstance(tokens, str):
            raise TypeError(f"tokens: expected a list of tokens, got the string {tokens[:40]!r}; tokenize it first")
        ids = self.positions(tokens)
        if (unknown := ids < 0).any():
            if "unk" not in self.specials:
                raise KeyError(
                    f"{tokens[int(np.argmax(unknown))]!r} is not in the vocabulary, which has no 'unk' token"
                )
            ids[unknown] = self.unk_id
        if bos or eos:
            ids = np.concatenate([[self.bos_id] * bos, ids, [self.eos_id] * eos]).astype(np.int32)
        return ids

    def decode(self, ids: Iterable[int], *, skip_specials: bool = False) -> list[str]:
        """Turn numbers into tokens.

        Args:
            ids: integers.
            skip_specials: whether special tokens (but "unk") are left out.

        Returns:
            The tokens.

        >>> from seqnn.text import Vocabulary
        >>> Vocabulary.from_tokens([["a", "b"]]).decode([2, 4, 5, 3], skip_specials=True)
        ['a', 'b']
        """
        ids = np.asarray(ids)
        if ids.size and not (ids.min() >= 0 and ids.max() < len(self)):
            raise IndexError(f"ids: expected 0 .. {len(self) - 1}, got {ids.min()} .. {ids.max()}")
        hidden = {t for role, t in self.specials.items() if role != "unk"} if skip_specials else ()
        return [w for w in (self.words[i] for i in ids.tolist()) if w not in hidden]

    def special_id(self, role: str) -> int:
        """Return the position of the token with a role.

        Args:
            role: such as "pad"; see `specials`.

        Returns:
            The position.

        Raises:
            KeyError: no token has this role.
        """
        if role not in self.specials:
            raise KeyError(
                f"the vocabulary has no {role!r} token; it has {sorted(self.specials) or 'no special tokens'}"
            )
        return self.index[self.specials[role]]

    @property
    def pad_id(self) -> int:
        """The position of the token for padding."""
        return self.special_id("pad")

    @property
    def unk_id(self) -> int:
        """The position of the token for unknown words."""
        return self.special_id("unk")

    @property
    def bos_id(self) -> int:
        """The position of the token for the begin."""
        return self.special_id("bos")

    @property
    def eos_id(self) -> int:
        """The position of the token for the end."""
        return self.special_id("eos")

    def save(self, path: Path) -> None:
        """Write the vocabulary as JSON: `{"words": [...], "counts": [...], "specials": {...}}`.

        Args:
            path: the file; on any error an old one stays.
        """
        with atomic_write(path) as file:
            content = {"words": self.words, "counts": self.counts.tolist(), "specials": self.specials}
            file.write(json.dumps(content, ensure_ascii=False, indent=0).encode())

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Read what `save` wrote.

        Args:
            path: the file.

        Returns:
            The vocabulary.

        Raises:
            ValueError: another file, or a damaged one.
        """
        with unpacking(path), open_text(path) as file:
            try:
                content = json.load(file)
                words = content["words"]
                if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
                    raise TypeError("words: expected a list of strings")
                return cls(words, content["counts"], specials=content["specials"])
            except (ValueError, LookupError, TypeError, ArithmeticError, RecursionError, AttributeError) as error:
                raise ValueError(f"{path}: not a vocabulary ({error})") from error

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.index

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __repr__(self) -> str:
        return f"<Vocabulary of {len(self)} words>"


def _checked_counts(counts: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return counts as a new array; a ValueError where one is no integer >= 0."""
    found = np.asarray(counts)
    if found.size and (found.dtype.kind not in "iu" or not 0 <= found.min() <= found.max() < 2**63):
        raise ValueError(f"counts: expected integers >= 0, got {found.dtype} from {found.min()} to {found.max()}")
    return np.array(found, np.int64)


def effective_min_count(counts: np.ndarray, min_count: int, max_final_vocab: int | None) -> int:
    """Raise `min_count` as far as needed for at most `max_final_vocab` words."""
    if max_final_vocab is None or max_final_vocab >= len(counts):
        return min_count
    if max_final_vocab < 0:
        raise ValueError(f"max_final_vocab: expected None or an integer >= 0, got {max_final_vocab}")
    from_top = len(counts) - 1 - max_final_vocab
    return max(min_count, int(np.partition(counts, from_top)[from_top]) + 1)
