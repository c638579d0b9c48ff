"""The record of a beam search: a tree of all prefixes that it looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .. import _core

__all__ = ["SearchTree"]


@dataclass
class SearchTree:
    """The record of a beam search for one prompt: `plot.beam` draws it.

    Node 0 is the prompt; every other node is a token after the prefix that its parent ends. Only the best candidates of each
    step have a node: twice as many as there are beams, and more where several tokens end a sequence.

    Args:
        parents: the node that each one continues, [N]; -1 for node 0.
        tokens: of each node, [N]; -1 for node 0.
        log_probs: of each token after its prefix, [N].
        scores: of each prefix: the sum of its log-probabilities, normalised as `length_normalization` says, [N].
        fates: what became of each: "kept" (it was continued, or might have been), "finished" or "dropped", [N].
        groups: the group of beams of each, [N].
        best: the nodes that end the sequences that were returned, the best first.

    >>> import numpy as np
    >>> from seqnn import decode
    >>> table = np.log([[0.1, 0.6, 0.3], [0.1, 0.1, 0.8], [0.9, 0.05, 0.05]])
    >>> step = lambda ids, state: (table[ids[:, -1]], state)
    >>> tree = decode.beam_search(step, [1], 2, max_new_tokens=2, return_tree=True).trees[0]
    >>> tree.fates, tree.path(tree.best[0])
    (['kept', 'kept', 'kept', 'dropped', 'finished', 'finished', 'dropped', 'dropped'], [2, 0])
    """

    parents: list[int] = field(default_factory=lambda: [-1])
    tokens: list[int] = field(default_factory=lambda: [-1])
    log_probs: list[float] = field(default_factory=lambda: [0.0])
    scores: list[float] = field(default_factory=lambda: [0.0])
    fates: list[str] = field(default_factory=lambda: ["kept"])
    groups: list[int] = field(default_factory=lambda: [0])
    best: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.tokens)

    def path(self, node: int) -> list[int]:
        """Return the tokens that lead from the prompt to a node.

        Args:
            node: its number.
        """
        found = []
        while node > 0:
            found.append(self.tokens[node])
            node = self.parents[node]
        return found[::-1]


class Recorder:
    """Writes the trees of a search, step by step.

    Args:
        sets: sets of beams, each of which begins with one row.
        groups: how many of them are those of one prompt.
        width: beams of a set.
        ends: tokens that end a sequence.
        score: score(sum of log-probabilities, length) normalises.
    """

    def __init__(
        self, sets: int, groups: int, width: int, ends: tuple[int, ...], score: Callable[[float, int], float]
    ) -> None:
        self.trees = [SearchTree() for _ in range(sets // groups)]
        self._groups, self._width, self._ends, self._score = groups, width, ends, score
        self._rows, self._next = np.zeros(sets, int), np.zeros(0, int)
        self._found: list[list[int]] = []

    def grow(self, found: _core.beams_select, length: int, last: bool) -> None:
        """Add the candidates of a step.

        Args:
            found: what the kernel says of them.
            length: how many new tokens they have.
            last: whether all of them end.
        """
        self._found, going_on = [], []
        for s, tokens in enumerate(found.tokens.tolist()):
            tree, kept, nodes = self.trees[s // self._groups], 0, []
            for k, token in enumerate(tokens):
                row = int(found.rows[s, k])
                if row < 0:
                    break
                goes_on = not (last or token in self._ends) and kept < self._width
                kept += goes_on
                nodes.append(len(tree))
                tree.parents.append(int(self._rows[row]))
                tree.tokens.append(token)
                tree.log_probs.append(float(found.log_probs[s, k]))
                tree.scores.append(self._score(found.scores[s, k], length))
                tree.fates.append("finished" if found.ended[s, k] else "kept" if goes_on else "dropped")
                tree.groups.append(s % self._groups)
                if goes_on:
                    going_on.append(nodes[-1])
            self._found.append(nodes)
        self._next = np.array(going_on, int)

    def node(self, s: int, place: int) -> int:
        """Return the node of a candidate of set s in the last step."""
        return self._found[s][place]

    def go_on(self, order: np.ndarray | None = None) -> None:
        """Take over the beams that go on, or those of them that `order` names."""
        self._rows = self._next if order is None else self._next[order]
