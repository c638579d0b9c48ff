from collections import Counter

import numpy as np
from harness import each_team

from seqnn import _core


def mbr_overlap(rows, hypotheses, orders, beta):
    """Count the n-grams of each pair."""
    out = np.zeros((hypotheses, len(rows) - hypotheses))
    for h in range(hypotheses):
        for r, reference in enumerate(rows[hypotheses:]):
            for n in range(1, orders + 1):
                a, b = (Counter(tuple(x[i : i + n]) for i in range(len(x) - n + 1)) for x in (rows[h], reference))
                if not a or not b:
                    out[h, r] += (not a and not b) / orders
                    continue
                common = (a & b).total()
                precision, recall = common / a.total(), common / b.total()
                if common:
                    out[h, r] += (1 + beta**2) * precision * recall / (beta**2 * precision + recall) / orders
    return out


def packed(rows):
    return np.concatenate([np.zeros(0, int), *rows]).astype(int), np.cumsum([0, *map(len, rows)])


def test_mbr_overlap():
    rng = np.random.default_rng(0)
    for tokens, orders, beta, hypotheses in (
        (3, 4, 1.0, 5),
        (50, 1, 2.0, 12),
        (2, 6, 0.5, 7),
        (5, 40, 1.0, 3),
        (5, 2, 3.0, 0),
    ):
        rows = [rng.integers(-tokens, tokens, rng.integers(0, 12)) * 2**33 for _ in range(12)]
        expected = mbr_overlap([row.tolist() for row in rows], hypotheses, orders, beta)
        for _ in each_team():
            np.testing.assert_allclose(_core.mbr_overlap(*packed(rows), hypotheses, orders, beta), expected, atol=1e-12)


def test_no_tokens_at_all_are_the_same():
    assert _core.mbr_overlap(np.zeros(0, int), np.zeros(4, int), 2, 4).tolist() == [[1.0], [1.0]]
