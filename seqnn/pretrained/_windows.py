"""Questions about passages as windows of token ids: a long passage becomes several that overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .._arguments import integer

__all__ = ["Window", "question_windows", "target_span"]


class Window(NamedTuple):
    """A question with a part of its passage.

    `question` is its place among the questions, `ids` and `segments` are [T], `letters` [T, 2] is where each token begins and
    ends in the passage, and `inside` [T] tells which tokens are of the passage.
    """

    question: int
    ids: np.ndarray
    segments: np.ndarray
    letters: np.ndarray
    inside: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


def question_windows(
    tokenizer: Any,
    questions: Sequence[str],
    contexts: Sequence[str],
    *,
    max_length: int,
    overlap: int,
    max_question_length: int,
) -> list[Window]:
    """Cut passages into windows that share `overlap` tokens, each after the question.

    Args:
        tokenizer: a `text.SubwordTokenizer`.
        questions: texts; what is longer than `max_question_length` tokens is cut.
        contexts: the passage of each.
        max_length: the most tokens of a window, with the question and special tokens.
        overlap: tokens of the passage that two windows share.
        max_question_length: the most tokens of a question.

    Raises:
        ValueError: the question leaves no room for more of the passage than the overlap.
    """
    own = tokenizer.tokenizer
    integer("max_length", max_length, 1)
    integer("overlap", overlap, 0)
    own.no_padding()
    own.no_truncation()
    plain = own.encode_batch([*questions], add_special_tokens=False)
    most = integer("max_question_length", max_question_length, 1)
    cut = [
        text[: one.offsets[most - 1][1]] if len(one.ids) > most else text
        for text, one in zip(questions, plain, strict=True)
    ]
    sizes = [min(len(one.ids), most) for one in plain]
    room = max_length - max(sizes, default=0) - own.num_special_tokens_to_add(True)
    if room <= overlap:
        raise ValueError(
            f"max_length: expected more than {max_length - room + overlap}, the longest question with special tokens and "
            f"overlap={overlap}, got {max_length}"
        )
    own.enable_truncation(max_length, stride=overlap, strategy="only_second")
    encoded = own.encode_batch([*zip(cut, contexts, strict=True)])
    own.no_truncation()
    return [_window(i, part) for i, one in enumerate(encoded) for part in (one, *one.overflowing)]


def target_span(window: Window, start: int, end: int) -> tuple[int, int]:
    """Return the first and last token of the answer from letter `start` to `end`; (0, 0) where it is not whole in the window.

    An answer that begins or ends within a token gets the whole token.
    """
    begins, ends = window.letters[:, 0], window.letters[:, 1]
    touched = np.flatnonzero(window.inside & (begins < end) & (ends > start))
    if not len(touched) or begins[touched[0]] > start or ends[touched[-1]] < end:
        return 0, 0
    return int(touched[0]), int(touched[-1])


def _window(question: int, encoded: Any) -> Window:
    letters = np.array(encoded.offsets, np.int64).reshape(-1, 2)
    inside = np.array([sequence == 1 for sequence in encoded.sequence_ids], bool)
    ids, segments = np.array(encoded.ids, np.int32), np.array(encoded.type_ids, np.int32)
    return Window(question, ids, segments, letters, inside & (letters[:, 1] > letters[:, 0]))
