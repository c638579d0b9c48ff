"""CTC by its definition: what paths give, and the probabilities of all labellings by all paths."""

import itertools

import numpy as np


def read(path, blank):
    """What a path gives: repetitions joined, blanks left out."""
    return tuple(label for label, _ in itertools.groupby(path) if label != blank)


def probabilities(frames, blank):
    """{labels: probability} by all paths; frames hold log-probabilities [T, C]."""
    found = {}
    for path in itertools.product(range(frames.shape[1]), repeat=len(frames)):
        labels = read(path, blank)
        p = np.exp(sum(frame[c] for frame, c in zip(frames, path, strict=True)))
        found[labels] = found.get(labels, 0) + p
    return found
