"""Probabilities of words in context by a trained Word2Vec model."""

from __future__ import annotations

import numpy as np

from ._word2vec_weights import Tables

BLOCK = 256


def output_probabilities(hidden: np.ndarray, output: np.ndarray) -> np.ndarray:
    """Compute the softmax over the vocabulary (V) of one hidden vector (D) with the output vectors (V x D)."""
    logits = (output @ hidden).astype(np.float64)
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def sentence_score(
    ids: np.ndarray, vectors: np.ndarray, nodes: np.ndarray, tables: Tables, *, window: int, sg: bool, mean: bool
) -> float:
    """Compute the log-probability (natural) of the words of a sentence under hierarchical softmax, with full windows.

    Skip-gram: the sum over all (context, centre) pairs of log p(centre | context); CBOW: over all centres of
    log p(centre | sum or mean of the contexts). Taddy 2015, "Document classification by inversion of distributed
    language representations".
    """
    count = len(ids)
    total = 0.0
    for first in range(0, count, BLOCK):
        last = min(first + BLOCK, count)
        low, high = max(first - window, 0), min(last + window, count)
        context = vectors[ids[low:high]].astype(np.float64)
        centres = np.arange(first, last)
        starts, stops = np.maximum(centres - window, 0) - low, np.minimum(centres + window + 1, count) - low
        path, sign, owner = _paths(ids[first:last], tables)
        if sg:
            scores = _log_sigmoid(sign * (context @ nodes[path].T))
            sums = np.vstack([np.zeros(len(path)), np.cumsum(scores, axis=0)])
            each = np.arange(len(path))
            own = scores[centres[owner] - low, each]
            total += float(np.sum(sums[stops[owner], each] - sums[starts[owner], each] - own))
        else:
            sums = np.vstack([np.zeros(context.shape[1]), np.cumsum(context, axis=0)])
            hidden = sums[stops] - sums[starts] - context[centres - low]
            if mean:
                hidden /= np.maximum(stops - starts - 1, 1)[:, None]
            total += float(np.sum(_log_sigmoid(sign * np.einsum("ld,ld->l", hidden[owner], nodes[path]))))
    return total


def _paths(ids: np.ndarray, tables: Tables) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inner nodes, signs and position in `ids` of all steps on the words' ways through the tree."""
    assert tables.path_offsets is not None and tables.path_nodes is not None and tables.path_codes is not None
    starts = tables.path_offsets[ids]
    lengths = tables.path_offsets[ids + 1] - starts
    owner = np.repeat(np.arange(len(ids)), lengths)
    at = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + starts[owner]
    return tables.path_nodes[at], 1.0 - 2.0 * tables.path_codes[at], owner


def _log_sigmoid(x: np.ndarray) -> np.ndarray:
    return -np.logaddexp(0.0, -x)
