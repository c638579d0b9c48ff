"""Subwords through the `tokenizers` library (extra `text`): train BPE, WordPiece or unigram; read any tokenizer.json."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from .._arguments import integer
from .._atomic import atomic_write
from .._files import Path
from ._vocabulary import SPECIALS

MOST_SUBWORDS = 2**24
"""The largest vocabulary that may be asked for: the library takes memory for all of it at once."""


def _library() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise ImportError("subwords need the tokenizers library: pip install 'seqnn-cpu[text]'") from error
    return tokenizers


class SubwordTokenizer:
    """A tokenizer of texts into subwords, which are numbers, and back.

    Args:
        tokenizer: a `tokenizers.Tokenizer`; it stays accessible as `.tokenizer`.

    >>> from seqnn.text import SubwordTokenizer
    >>> subwords = SubwordTokenizer.train(["low lower lowest", "new newer newest"] * 20, vocab_size=300)
    >>> ids = subwords.encode("newer low")
    >>> ids.dtype, subwords.decode(ids)
    (dtype('int32'), 'newer low')
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        *,
        kind: Literal["bpe", "wordpiece", "unigram"] = "bpe",
        vocab_size: int = 8000,
        min_frequency: int = 2,
        specials: Sequence[str] = tuple(SPECIALS.values()),
        lowercase: bool = False,
    ) -> SubwordTokenizer:
        """Learn subwords from an iterable of strings.

        Args:
            texts: an iterable of strings.
            kind: "bpe" on bytes as GPT-2 (Sennrich et al. 2016; nothing is unknown), "wordpiece" as BERT (Schuster and
                Nakajima 2012), "unigram" as SentencePiece (Kudo 2018).
            vocab_size: the most subwords, special tokens included; those of single characters or bytes are always there.
            min_frequency: rarer pairs are not merged (BPE and WordPiece).
            specials: tokens with the numbers 0, 1, …; the one named like "unk" stands for what is unknown.
            lowercase: fold the case first.

        Returns:
            The tokenizer.

        Raises:
            ValueError: unknown kind, no text, or a vocab_size below 1.
            ImportError: the `tokenizers` library is not installed.
        """
        lib = _library()
        unk = next((t for t in specials if "unk" in t.lower()), None)
        kinds = {"bpe": _bpe, "wordpiece": _wordpiece, "unigram": _unigram}
        if kind not in kinds:
            raise ValueError(f"kind: expected one of {sorted(kinds)}, got {kind!r}")
        if isinstance(texts, str):
            raise TypeError("texts: expected an iterable of strings, got one string")
        vocab_size = integer("vocab_size", vocab_size, 1, MOST_SUBWORDS)
        tokenizer, trainer = kinds[kind](lib, vocab_size, min_frequency, list(specials), unk)
        if lowercase:
            tokenizer.normalizer = lib.normalizers.Lowercase()
        seen = 0

        def counted() -> Iterable[str]:
            nonlocal seen
            for text in texts:
                seen += 1
                yield text

        tokenizer.train_from_iterator(counted(), trainer)
        if not seen:
            raise ValueError("texts: expected at least one string, got none")
        return cls(tokenizer)

    @classmethod
    def load(cls, path: Path) -> SubwordTokenizer:
        """Read a `tokenizer.json`, of seqnn or of any model that publishes one.

        Args:
            path: the file.

        Returns:
            The tokenizer.

        Raises:
            ValueError: a file of another kind.
        """
        if not os.path.exists(path):
            raise FileNotFoundError(f"{path}: no such file")
        try:
            return cls(_library().Tokenizer.from_file(os.fspath(path)))
        except ImportError:
            raise
        except Exception as error:  # the library raises plain Exception
            raise ValueError(f"{path}: not a tokenizer.json ({error})") from error

    @classmethod
    def from_str(cls, text: str) -> SubwordTokenizer:
        """Make the tokenizer that `to_str` wrote.

        Args:
            text: what a `tokenizer.json` holds.

        Returns:
            The tokenizer.

        Raises:
            ValueError: a text of another kind.
        """
        try:
            return cls(_library().Tokenizer.from_str(text))
        except ImportError:
            raise
        except Exception as error:  # the library raises plain Exception
            raise ValueError(f"text: not that of a tokenizer.json ({error})") from error

    def to_str(self) -> str:
        """Return what a `tokenizer.json` holds, as JSON."""
        return self.tokenizer.to_str()

    def save(self, path: Path) -> None:
        """Write `tokenizer.json`.

        Args:
            path: the file; on any error an old one stays.
        """
        with atomic_write(path) as file:
            file.write(self.tokenizer.to_str(pretty=True).encode())

    def encode(self, text: str) -> np.ndarray:
        """Turn a text into numbers.

        Args:
            text: any string.

        Returns:
            The numbers (int32) of its subwords.
        """
        try:
            return np.array(self.tokenizer.encode(text).ids, np.int32)
        except TypeError:
            raise _unreadable([text]) from None

    def encode_batch(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Turn many texts into numbers, on all threads of the library.

        Args:
            texts: strings.

        Returns:
            The numbers (int32) of each text's subwords.

        Raises:
            TypeError: something is no string.
            ValueError: a string holds bytes that are no UTF-8.
        """
        given = list(texts)
        try:
            return [np.array(e.ids, np.int32) for e in self.tokenizer.encode_batch_fast(given)]
        except TypeError:
            raise _unreadable(given) from None

    def tokens(self, text: str) -> list[str]:
        """Return the subwords themselves.

        Args:
            text: any string.

        Returns:
            The subwords of the text.
        """
        return self.tokenizer.encode(text).tokens

    def __call__(self, text: str) -> list[str]:
        """Return the subwords themselves, as `tokens`: so a tokenizer of estimators may be one of subwords.

        Args:
            text: any string.
        """
        return self.tokens(text)

    def join(self, tokens: Sequence[str]) -> str:
        """Join subwords to the text that they make.

        Args:
            tokens: subwords, as `tokens` gives them.

        Returns:
            The text.
        """
        decoder = self.tokenizer.decoder
        return " ".join(tokens) if decoder is None else decoder.decode([*tokens])

    def decode(self, ids: Iterable[int], *, skip_specials: bool = True) -> str:
        """Turn numbers into a text.

        Args:
            ids: integers.
            skip_specials: whether special tokens are left out (default True).

        Returns:
            The text.
        """
        return self.tokenizer.decode([int(i) for i in ids], skip_special_tokens=skip_specials)

    def special_id(self, token: str) -> int:
        """Return the number of a token.

        Args:
            token: such as "<pad>".

        Returns:
            Its number.

        Raises:
            KeyError: an unknown token.
        """
        number = self.tokenizer.token_to_id(token)
        if number is None:
            raise KeyError(f"{token!r} is not among the {len(self)} subwords")
        return number

    def __len__(self) -> int:
        return self.tokenizer.get_vocab_size()

    def __repr__(self) -> str:
        return f"<SubwordTokenizer ({type(self.tokenizer.model).__name__}) of {len(self)} subwords>"


def _unreadable(texts: list[Any]) -> Exception:
    """Return the error of texts that the library does not take."""
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            return TypeError(f"texts: expected strings, got {text!r:.60} at {i}")
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            return ValueError(f"texts: expected Unicode, got bytes that are no UTF-8 in {text!r:.60} at {i}")
    return TypeError(f"texts: expected strings, got {texts!r:.60}")


def _bpe(lib: Any, size: int, min_frequency: int, specials: list[str], unk: str | None) -> tuple[Any, Any]:
    tokenizer = lib.Tokenizer(lib.models.BPE())
    tokenizer.pre_tokenizer = lib.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = lib.decoders.ByteLevel()
    trainer = lib.trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=min_frequency,
        special_tokens=specials,
        initial_alphabet=lib.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    return tokenizer, trainer


def _wordpiece(lib: Any, size: int, min_frequency: int, specials: list[str], unk: str | None) -> tuple[Any, Any]:
    if unk is None:
        raise ValueError("specials: WordPiece needs a token for what is unknown (such as '<unk>' or '[UNK]')")
    tokenizer = lib.Tokenizer(lib.models.WordPiece(unk_token=unk))
    tokenizer.pre_tokenizer = lib.pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = lib.decoders.WordPiece()
    trainer = lib.trainers.WordPieceTrainer(
        vocab_size=size, min_frequency=min_frequency, special_tokens=specials, show_progress=False
    )
    return tokenizer, trainer


def _unigram(lib: Any, size: int, min_frequency: int, specials: list[str], unk: str | None) -> tuple[Any, Any]:
    tokenizer = lib.Tokenizer(lib.models.Unigram())
    tokenizer.pre_tokenizer = lib.pre_tokenizers.Metaspace()
    tokenizer.decoder = lib.decoders.Metaspace()
    trainer = lib.trainers.UnigramTrainer(vocab_size=size, special_tokens=specials, unk_token=unk, show_progress=False)
    return tokenizer, trainer
