"""What changes the scores of next tokens: penalties, constraints, and the warpers of sampling."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import _core
from ._options import Options
from ._step import Batch, Start

__all__ = ["Processors", "process"]

NOT_FINITE, NOTHING_ALLOWED = 1, 2
"""What may be wrong with a row (csrc/decode/log_sum.h)."""

COLDEST = 1e-30
"""Lower temperatures draw no other tokens, and logits divided by them could be infinite."""

CONSTRAINTS = (
    "no_repeat_ngram_size", "bad_words_ids", "suppress_tokens", "begin_suppress_tokens", "min_new_tokens",
    "forced_bos_token_id", "forced_eos_token_id", "prefix_allowed_tokens_fn",
)  # fmt: skip
"""The options that forbid tokens."""

FREE: dict[str, Any] = {"words": np.zeros(0, np.int64), "word_offsets": np.zeros(1, np.int64), "ngram_size": 0}
"""Arguments that forbid neither words nor what has been written before."""


class Processors:
    """The arguments of the kernels for a step: what the options say about it.

    Args:
        options: the options.
        constraints: those that count.
    """

    def __init__(self, options: SimpleNamespace, constraints: tuple[str, ...] = CONSTRAINTS) -> None:
        self._options, self._constraints = options, constraints
        words = self._option("bad_words_ids")
        offsets = np.cumsum([0, *map(len, words)])
        n = self._option("no_repeat_ngram_size") or 0
        self._fixed = {
            "words": np.array([token for word in words for token in word], np.int64), "word_offsets": offsets,
            "repetition_penalty": options.repetition_penalty, "frequency_penalty": options.frequency_penalty,
            "presence_penalty": options.presence_penalty, "ngram_size": n,
            "ngram_penalty": np.inf if options.ngram_penalty is None else options.ngram_penalty,
        }  # fmt: skip
        selecting = ("forced_bos_token_id", "forced_eos_token_id", "prefix_allowed_tokens_fn")
        self._selects = any(self._option(name) is not None for name in selecting)
        self._least = self._option("min_new_tokens") or 0
        self._suppressed: dict[tuple[bool, bool], np.ndarray] = {}

    def warpers(self, keep: int = 1) -> dict[str, Any]:
        """Return the arguments of the warpers.

        Args:
            keep: tokens that always stay.
        """
        options = self._options
        return {
            "temperature": max(options.temperature or 1.0, COLDEST), "top_k": options.top_k or 0, "top_p": options.top_p or 1.0,
            "min_p": options.min_p or 0.0, "typical_p": options.typical_p or 1.0, "keep": keep,
        }  # fmt: skip

    def arguments(self, batch: Batch, vocabulary: int) -> dict[str, Any]:
        """Return the arguments of the kernels that say what becomes of the logits of a batch.

        Args:
            batch: the rows.
            vocabulary: V.
        """
        forced = self.forced(batch) is not None
        return {
            **self._fixed, **(FREE if forced else {}),
            "ids": batch.ids, "begins": batch.begins, "prompt": batch.prompt,
            "suppressed": self._banned(batch.written, forced),
            "allowed": self._allowed(batch, vocabulary) if self._selects else None,
        }  # fmt: skip

    def forced(self, batch: Batch) -> str | None:
        """Return the option that says the next token of a batch, or None.

        Args:
            batch: the rows.
        """
        if batch.written + 1 == self._options.max_new_tokens and self._option("forced_eos_token_id") is not None:
            return "forced_eos_token_id"
        first = batch.written == 0 and self._option("forced_bos_token_id") is not None
        return "forced_bos_token_id" if first else None

    def check(self, batch: Batch, logits: np.ndarray, status: np.ndarray) -> None:
        """Raise an error where a row has no token to go on with: it names the row, and the constraint."""
        if not any(status.tobytes()):  # as fast as it can be told of few rows
            return
        row = int(np.flatnonzero(status)[0])
        if status[row] == NOT_FINITE:
            raise FloatingPointError(
                f"logits: sequence {batch.numbers[row]} has none that is finite (largest: {logits[row].max()}): "
                "look at the weights"
            )
        alone = [name for name in CONSTRAINTS if self._forbids_all(name, batch, logits, row)]
        names = alone or [name for name in CONSTRAINTS if getattr(self._options, name)]
        raise ValueError(
            f"{' and '.join(names)}: no token is left to go on with for sequence {batch.numbers[row]} after "
            f"{batch.written} new tokens"
        )

    def _forbids_all(self, name: str, batch: Batch, logits: np.ndarray, row: int) -> bool:
        alone = Processors(self._options, (name,)).arguments(batch, logits.shape[1])
        return bool(_core.processors_apply(logits, **alone).status[row])

    def _option(self, name: str) -> Any:
        """Return an option that forbids tokens; nothing where it does not count."""
        value = getattr(self._options, name)
        if name in self._constraints:
            return value
        return () if isinstance(value, tuple) else None

    def _banned(self, written: int, forced: bool) -> np.ndarray:
        first = 0 if self._options.forced_bos_token_id is None else 1
        key = written == first, written < self._least and not forced
        if key not in self._suppressed:
            tokens = self._option("suppress_tokens") + key[0] * self._option("begin_suppress_tokens")
            self._suppressed[key] = np.array(tokens + key[1] * self._options.eos_token_id, np.int64)
        return self._suppressed[key]

    def _allowed(self, batch: Batch, vocabulary: int) -> np.ndarray | None:
        name = self.forced(batch)
        if name is not None:
            return _mask([(self._option(name),)], vocabulary, name)
        function = self._option("prefix_allowed_tokens_fn")
        if function is None:
            return None
        rows = [
            function(int(number), ids[begin:])
            for number, ids, begin in zip(batch.numbers, batch.ids, batch.begins, strict=True)
        ]
        return _mask(rows, vocabulary, "prefix_allowed_tokens_fn")


def _mask(rows: list[Any], vocabulary: int, name: str) -> np.ndarray:
    """Return which tokens are allowed, [rows, V], from their ids."""
    mask = np.zeros((len(rows), vocabulary), bool)
    for allowed, tokens in zip(mask, rows, strict=True):
        several = isinstance(tokens, Iterable) and not isinstance(tokens, np.ndarray)
        ids = np.atleast_1d(np.asarray([*tokens] if several else tokens))
        if ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
            raise TypeError(f"{name}: expected token ids, got {tokens!r:.80}")
        if ids.size and (ids.min() < 0 or ids.max() >= vocabulary):
            raise ValueError(f"{name}: expected token ids below {vocabulary}, got {tokens!r:.80}")
        allowed[ids.astype(np.int64)] = True
    return mask


def process(logits: Any, ids: Any = None, *, log_softmax: bool = False, **options: Any) -> np.ndarray:
    """Return scores of next tokens as penalties, constraints and warpers leave them: -inf for tokens that are left out.

    Args:
        logits: [rows, V].
        ids: the tokens so far, [rows, t], all of which count as written; default: none.
        log_softmax: whether log-probabilities are changed, as beam search does, and not logits.
        **options: of `Options`: those about penalties, constraints and warpers.

    Returns:
        Scores [rows, V]; their softmax is what a token is drawn from.

    Raises:
        FloatingPointError: a row of logits is not finite.
        ValueError: no token of a row is left; the message names the constraint.

    >>> import numpy as np
    >>> from seqnn import decode
    >>> decode.process(np.log([[0.1, 0.6, 0.3]]), top_k=2).round(2)
    array([[ -inf, -0.51, -1.2 ]])
    """
    rows, tokens = as_rows(logits, ids)
    processors = Processors(Options(max_new_tokens=tokens.shape[1] + 2, do_sample=True, **options).plain())
    batch = written(tokens)
    found = _core.processors_apply(
        rows, normalise=log_softmax, **processors.arguments(batch, rows.shape[1]), **processors.warpers()
    )
    processors.check(batch, rows, found.status)
    return found.scores


def as_rows(logits: Any, ids: Any) -> tuple[np.ndarray, np.ndarray]:
    """Check logits [rows, V] and the tokens so far [rows, t], none where they are None."""
    rows = np.asarray(logits)
    if rows.ndim != 2 or rows.dtype.kind not in "fiu" or not rows.shape[1]:
        raise ValueError(f"logits: expected numbers [rows, V], got {rows.dtype} of shape {list(rows.shape)}")
    rows = rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float32)
    tokens = np.zeros((len(rows), 0), np.int64) if ids is None else np.asarray(ids)
    if tokens.ndim != 2 or len(tokens) != len(rows) or tokens.dtype.kind not in "iu":
        raise ValueError(f"ids: expected integers [{len(rows)}, t], got {tokens.dtype} of shape {list(tokens.shape)}")
    return rows, tokens.astype(np.int64)


def written(tokens: np.ndarray) -> Batch:
    """Return a batch of rows all of whose tokens have been written."""
    batch = Batch(Start(tokens, lambda ids, state: (ids, state)))
    batch.prompt = 0
    return batch
