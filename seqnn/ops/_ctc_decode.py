"""The labels that connectionist temporal classification reads from log-probabilities: of the best path, or by a beam."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .._arguments import integer
from ..autograd import Tensor
from ._ctc import as_frames, as_input_lengths, check_blank

Scorer = Callable[[tuple[int, ...]], npt.ArrayLike]


def ctc_decode(
    log_probs: npt.ArrayLike,
    input_lengths: npt.ArrayLike | None = None,
    *,
    blank: int = 0,
    beam_size: int | None = None,
    k: int | None = None,
    scorer: Scorer | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Read the labels: of the best path, or with `beam_size` the most probable ones, by a search over their beginnings.

    The beam adds up the probabilities of all paths that give the same labels. With a scorer, each label adds the scorer's
    number to the score, as a language model does: for instance `weight * log p(label | labels before) + bonus`.

    Args:
        log_probs: log-probabilities of the classes, [T, N, C], or [T, C] without a batch.
        input_lengths: [N] integers in [0, T]; None means T for all.
        blank: the number of the blank.
        beam_size: how many beginnings are kept at each frame; None takes the best path.
        k: how many answers, at most `beam_size`; None is the best alone.
        scorer: from the labels so far, a tuple, to [C] numbers, which the next label adds to the score; needs `beam_size`.
            It is called once for each beginning that is kept.

    Returns:
        (labels, scores): [N, L] integers, -1 after their end, where L is the longest, and [N]: log-probabilities of the
        path or of the labels, and what the scorer added. With `k` [N, k, L] and [N, k], the best first; scores are -inf
        where there are fewer. Without a batch the axis N is left out.

    Raises:
        ValueError: for shapes that do not fit, lengths out of range, k > beam_size, or k or scorer without a beam.

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
        if k is not None or scorer is not None:
            raise ValueError("ctc_decode: k and scorer need beam_size=, the beginnings that are kept at each frame")
        answers = [[_best_path(x[:length, n], blank)] for n, length in enumerate(lengths)]
    else:
        width = integer("ctc_decode: beam_size", beam_size, 1)
        if k is not None and integer("ctc_decode: k", k, 1) > width:
            raise ValueError(f"ctc_decode: k is {k}, expected at most beam_size, {width}")
        answers = [_Beam(width, blank, scorer).read(x[:length, n])[: k or 1] for n, length in enumerate(lengths)]
    longest = max((len(labels) for answer in answers for labels, _ in answer), default=0)
    table = np.full((len(answers), k or 1, longest), -1, np.int64)
    scores = np.full(table.shape[:2], -np.inf, x.dtype)
    for n, answer in enumerate(answers):
        for place, (labels, score) in enumerate(answer):
            table[n, place, : len(labels)], scores[n, place] = labels, score
    if k is None:
        table, scores = table[:, 0], scores[:, 0]
    return (table[0], scores[0]) if single else (table, scores)


def _best_path(frames: np.ndarray, blank: int) -> tuple[np.ndarray, float]:
    """Return the labels of the best path and its log-probability."""
    path = frames.argmax(1)
    starts = np.diff(path, prepend=-1) != 0
    return path[starts & (path != blank)], float(frames.max(1, initial=-np.inf).sum(dtype=np.float64))


class _Beam:
    """A search over the beginnings of labels, which are the nodes of a tree: a parent and a label each.

    For each beginning it holds the log-probability of the paths that give it and end with a blank, and of those that end
    with its last label, which may go on with that label.
    """

    def __init__(self, width: int, blank: int, scorer: Scorer | None) -> None:
        self.width, self.blank, self.scorer = width, blank, scorer
        self.tree: list[tuple[int, int]] = [(-1, -1)]  # of each node the parent and the label; the first is empty
        self.found: dict[tuple[int, int], int] = {}
        self.added: dict[int, np.ndarray] = {}  # what the scorer said for a node

    def read(self, frames: np.ndarray) -> list[tuple[list[int], float]]:
        """Return the labels that are left after the frames, and their scores, the best first."""
        nodes, extra = [0], np.zeros(1)  # extra: what the scorer has added
        ending_blank, ending_label = np.zeros(1), np.full(1, -np.inf)
        for frame in frames.astype(np.float64):
            nodes, extra, ending_blank, ending_label = self._step(nodes, extra, ending_blank, ending_label, frame)
        scores = np.logaddexp(ending_blank, ending_label) + extra
        order = np.argsort(-scores, kind="stable")
        return [(self._labels(nodes[i]), float(scores[i])) for i in order if scores[i] > -np.inf]

    def _step(
        self, nodes: list[int], extra: np.ndarray, ending_blank: np.ndarray, ending_label: np.ndarray, frame: np.ndarray
    ) -> tuple[list[int], np.ndarray, np.ndarray, np.ndarray]:
        """Read a frame: each beginning stays as it is, or goes on with a label."""
        last = np.array([self.tree[node][1] for node in nodes])
        total = np.logaddexp(ending_blank, ending_label)
        stay_blank = total + frame[self.blank]
        stay_label = ending_label + np.where(last >= 0, frame[last], -np.inf)
        longer = total[:, None] + frame
        rows = np.flatnonzero(last >= 0)
        longer[rows, last[rows]] = ending_blank[rows] + frame[last[rows]]  # a repetition needs a blank between
        longer[:, self.blank] = -np.inf
        place = {node: i for i, node in enumerate(nodes)}
        for i in rows:  # what goes on to a beginning that is there already
            parent = place.get(self.tree[nodes[i]][0])
            if parent is not None:
                stay_label[i] = np.logaddexp(stay_label[i], longer[parent, last[i]])
                longer[parent, last[i]] = -np.inf
        added = extra[:, None] + (0 if self.scorer is None else np.array([self._added(node, frame) for node in nodes]))
        stay = np.logaddexp(stay_blank, stay_label)
        scores = np.concatenate([stay + extra, (longer + added).reshape(-1)])
        kept = np.argsort(-scores, kind="stable")[: self.width]
        kept = kept[(scores[kept] > -np.inf) | (kept == 0)]  # where nothing is possible, one is left that says so
        new: list[int] = []
        for at in kept.tolist():
            row, label = divmod(at - len(nodes), len(frame))
            new.append(nodes[at] if at < len(nodes) else self._child(nodes[row], label))
        nothing = np.full(longer.size, -np.inf)
        return (
            new,
            np.concatenate([extra, np.broadcast_to(added, longer.shape).reshape(-1)])[kept],
            np.concatenate([stay_blank, nothing])[kept],
            np.concatenate([stay_label, longer.reshape(-1)])[kept],
        )

    def _child(self, node: int, label: int) -> int:
        child = self.found.setdefault((node, label), len(self.tree))
        if child == len(self.tree):
            self.tree.append((node, label))
        return child

    def _labels(self, node: int) -> list[int]:
        labels = []
        while node:
            node, label = self.tree[node]
            labels.append(label)
        return labels[::-1]

    def _added(self, node: int, frame: np.ndarray) -> np.ndarray:
        """Return what the scorer says of the labels after a beginning."""
        if node not in self.added:
            assert self.scorer is not None
            said = np.asarray(self.scorer(tuple(self._labels(node))), np.float64)
            if said.shape != frame.shape:
                raise ValueError(f"ctc_decode: scorer gave shape {said.shape}, expected ({len(frame)},), one per class")
            self.added[node] = said
        return self.added[node]
