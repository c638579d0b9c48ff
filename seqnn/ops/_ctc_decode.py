"""The labels that connectionist temporal classification reads from log-probabilities: of the best path, or by a beam."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from .. import _core
from .._arguments import flag, integer, number
from ..autograd import Tensor
from ._ctc import as_frames, as_input_lengths, check_blank

Scorer = Callable[[tuple[int, ...]], npt.ArrayLike]


class LanguageModel(Protocol):
    """What `lm.NGramLM` is here."""

    def kernel_arguments(self, words: Sequence[str]) -> dict[str, Any]: ...


class _Beam(NamedTuple):
    """The state of a search for N sequences: W beginnings of labels, in the order of the kernel's arguments."""

    labels: np.ndarray
    """[N, W, L]"""
    length: np.ndarray
    """[N, W]"""
    ends_blank: np.ndarray
    """[N, W]: log-probability of the paths that give the labels and end with a blank."""
    ends_label: np.ndarray
    """[N, W]: of those that end with the last label."""
    extra: np.ndarray
    """[N, W]: what the scorer has added."""


def ctc_decode(
    log_probs: npt.ArrayLike,
    input_lengths: npt.ArrayLike | None = None,
    *,
    blank: int = 0,
    beam_size: int | None = None,
    k: int | None = None,
    scorer: Scorer | LanguageModel | None = None,
    labels: Sequence[str] | None = None,
    alpha: float = 0.5,
    beta: float = 0.0,
    eos: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Read the labels: of the best path, or with `beam_size` the most probable ones, by a search over their beginnings.

    The beam adds up the probabilities of all paths that give the same labels. With an n-gram model as scorer, whose words
    are the labels, each label adds `alpha log p(label | labels before) + beta` to the score, and the end `alpha log p(</s>)`:
    the search then runs in C as a whole. A function as scorer adds any number.

    Args:
        log_probs: log-probabilities of the classes, [T, N, C], or [T, C] without a batch.
        input_lengths: [N] integers in [0, T]; None means T for all.
        blank: the number of the blank.
        beam_size: how many beginnings are kept at each frame; None takes the best path.
        k: how many answers, at most `beam_size`; None is the best alone.
        scorer: a fitted `lm.NGramLM`; or a function from the labels so far, a tuple, to [C] numbers, which the next label
            adds to the score, called once for each beginning that is kept. Needs `beam_size`.
        labels: the words of the model that the classes are, [C]; that of the blank may be any. Only with a model.
        alpha: weight of the model's log-probabilities.
        beta: what each label adds, against the model's liking of short answers.
        eos: whether the end of the labels counts, too, with a model.

    Returns:
        (labels, scores): [N, L] integers, -1 after their end, where L is the longest, and [N]: log-probabilities of the
        path or of the labels, and what the scorer added. With `k` [N, k, L] and [N, k], the best first; scores are -inf
        where there are fewer. Without a batch the axis N is left out.

    Raises:
        ValueError: for shapes that do not fit, lengths out of range, k > beam_size, k or scorer without a beam, or
            labels that do not belong to a model.
        TypeError: for labels that are no list of words.

    Source: Graves et al., ICML 2006 (best path); Hannun et al., "First-pass large vocabulary continuous speech recognition
    using bi-directional recurrent DNNs", 2014 (beam).

    >>> import numpy as np
    >>> log_probs = np.log([[[0.6, 0.4]], [[0.6, 0.4]]])
    >>> ctc_decode(log_probs)[0].tolist(), ctc_decode(log_probs, beam_size=4)[0].tolist()
    ([[]], [[1]])
    """
    x, single = as_frames("ctc_decode", log_probs.data if isinstance(log_probs, Tensor) else log_probs)
    lengths = as_input_lengths("ctc_decode", input_lengths, x, single)
    check_blank("ctc_decode", blank, x.shape[2])
    if beam_size is None:
        if not (k is scorer is labels is None):
            raise ValueError("ctc_decode: k and scorer need beam_size=, the beginnings that are kept at each frame")
        answers = [[_best_path(x[:length, n], blank)] for n, length in enumerate(lengths)]
    else:
        width = integer("ctc_decode: beam_size", beam_size, 1)
        if k is not None and integer("ctc_decode: k", k, 1) > width:
            raise ValueError(f"ctc_decode: k is {k}, expected at most beam_size, {width}")
        fused = _fusion(scorer, labels, x.shape[2], alpha, beta, eos)
        answers = _search(x, lengths, blank, width, k or 1, None if fused else scorer, fused)
    longest = max((len(found) for answer in answers for found, _ in answer), default=0)
    table = np.full((len(answers), k or 1, longest), -1, np.int64)
    scores = np.full(table.shape[:2], -np.inf, x.dtype)
    for n, answer in enumerate(answers):
        for place, (found, score) in enumerate(answer):
            table[n, place, : len(found)], scores[n, place] = found, score
    if k is None:
        table, scores = table[:, 0], scores[:, 0]
    return (table[0], scores[0]) if single else (table, scores)


def _best_path(frames: np.ndarray, blank: int) -> tuple[np.ndarray, float]:
    """Return the labels of the best path and its log-probability."""
    path = frames.argmax(1)
    starts = np.diff(path, prepend=-1) != 0
    return path[starts & (path != blank)], float(frames.max(1, initial=-np.inf).sum(dtype=np.float64))


def _fusion(
    scorer: Any, labels: Sequence[str] | None, classes: int, alpha: float, beta: float, eos: bool
) -> dict[str, Any]:
    """Return the arguments of the kernel for a language model; none where the scorer is another one."""
    if not hasattr(scorer, "kernel_arguments"):
        if labels is not None:
            raise ValueError("ctc_decode: labels need scorer=, a fitted NGramLM")
        return {}
    words = f"ctc_decode: labels: expected a list of {classes}, the words that the classes are, got"
    if labels is None:
        raise ValueError(f"{words} none")
    if not hasattr(labels, "__len__"):
        raise TypeError(f"{words} a {type(labels).__name__}")
    if isinstance(labels, str) or len(labels) != classes:
        raise ValueError(f"{words} {len(labels)} in a {type(labels).__name__}")
    if wrong := [label for label in labels if not isinstance(label, str)]:
        raise TypeError(f"{words} {wrong[0]!r:.60} among them")
    return scorer.kernel_arguments(labels) | {
        "alpha": number("ctc_decode: alpha", alpha, minimum=0.0),
        "beta": number("ctc_decode: beta", beta),
        "eos": flag("ctc_decode: eos", eos),
    }


def _search(
    x: np.ndarray, lengths: np.ndarray, blank: int, width: int, k: int, scorer: Any, fused: dict[str, Any]
) -> list[list[tuple[np.ndarray, float]]]:
    """Return for each sequence the k best labels and their scores, the best first."""
    rows = len(lengths)
    beam = _Beam(
        np.zeros((rows, width, lengths.max(initial=0)), np.int64),
        np.zeros((rows, width), np.int64),
        np.full((rows, width), -np.inf),
        np.full((rows, width), -np.inf),
        np.zeros((rows, width)),
    )
    beam.ends_blank[:, 0] = 0
    if scorer is None:
        _core.ctc_decode(x, lengths, *beam, blank, **fused)
    else:
        for n, length in enumerate(lengths):
            _search_scored(x[:length, n : n + 1], _Beam(*[array[n : n + 1] for array in beam]), blank, scorer)
    scores = np.logaddexp(beam.ends_blank, beam.ends_label) + beam.extra
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return [
        [(beam.labels[n, i, : beam.length[n, i]], float(scores[n, i])) for i in best if scores[n, i] > -np.inf]
        for n, best in enumerate(order)
    ]


def _search_scored(frames: np.ndarray, beam: _Beam, blank: int, scorer: Scorer) -> None:
    """Read the frames of one sequence one by one, with what the scorer adds."""
    classes, one = frames.shape[2], np.ones(1, np.int32)
    said: dict[tuple[int, ...], np.ndarray] = {}
    bonus = np.zeros((1, beam.length.shape[1], classes))
    for frame in frames:
        alive = np.flatnonzero(np.maximum(beam.ends_blank[0], beam.ends_label[0]) > -np.inf)
        for i in alive:
            beginning = tuple(beam.labels[0, i, : beam.length[0, i]].tolist())
            if beginning not in said:
                said[beginning] = np.asarray(scorer(beginning), np.float64)
                if said[beginning].shape != (classes,):
                    raise ValueError(
                        f"ctc_decode: scorer gave shape {said[beginning].shape}, expected ({classes},), one per class"
                    )
            bonus[0, i] = said[beginning]
        _core.ctc_decode(frame[None], one, *beam, blank, bonus)
