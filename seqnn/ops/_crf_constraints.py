"""Which tags may follow which in the schemes that write spans as tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

Constraints = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Booleans: whether tag j may follow tag i [K, K], and whether a sequence may begin and end with a tag, [K] each."""


def crf_constraints(labels: Sequence[str], scheme: Literal["IOB2", "IOBES", "BILOU"] = "IOB2") -> Constraints:
    """Say which tags may follow which in a scheme of spans.

    Args:
        labels: the names of the tags in the order of their numbers, such as ["O", "B-PER", "I-PER"].
        scheme: "IOB2" (BIO): I-X only after B-X or I-X; "IOBES" or "BILOU": spans of several steps also end as they
            should, with E-X or L-X, and those of one step are S-X or U-X.

    Returns:
        (transitions, start, end), for `crf_decode` and `nn.CRF`: [K, K] booleans that say whether tag j may follow tag i,
        and [K] whether a sequence may begin and whether it may end with a tag.

    Raises:
        ValueError: for another scheme, or a label that it does not have.

    >>> from seqnn import ops
    >>> transitions, start, end = ops.crf_constraints(["O", "B-PER", "I-PER"])
    >>> transitions.astype(int)
    array([[1, 1, 0],
           [1, 1, 1],
           [1, 1, 1]])
    """
    inside = {"IOB2": "I", "IOBES": "IE", "BILOU": "IL"}
    opening = {"IOB2": "B", "IOBES": "BS", "BILOU": "BU"}
    if scheme not in inside:
        raise ValueError(f"crf_constraints: scheme must be 'IOB2', 'IOBES' or 'BILOU', got {scheme!r}")
    parts = [str(label).partition("-") for label in labels]
    for label, (prefix, _, kind) in zip(labels, parts, strict=True):
        if prefix not in [*inside[scheme], *opening[scheme], "O"] or (prefix == "O" and kind):
            known = ", ".join(f"{p}-X" for p in sorted(inside[scheme] + opening[scheme]))
            raise ValueError(f"crf_constraints: {label!r} is no label of {scheme}, which has O, {known}")
    prefixes, kinds = np.array([p for p, _, _ in parts], str), np.array([k for _, _, k in parts], str)
    goes_on = np.isin(prefixes, [*inside[scheme]])  # a label that needs one before it
    open_ = np.isin(prefixes, ["B", "I"])  # a label after which a span may go on
    within = open_[:, None] & (kinds[:, None] == kinds)
    closed = np.ones(len(parts), bool) if scheme == "IOB2" else ~open_
    return np.where(goes_on, within, closed[:, None]), ~goes_on, closed
