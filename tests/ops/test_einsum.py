"""einsum: values against NumPy's, gradients against differences."""

import harness
import numpy as np
import pytest

from seqnn import Tensor, ops

DRAW = np.random.default_rng(5)
CASES = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ij,kj->ki", (2, 3), (4, 3)),
    ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
    ("bij,bjk->bik", (2, 3, 4), (1, 4, 2)),
    ("i,i->", (4,), (4,)),
    ("i,j->ij", (4,), (3,)),
    ("ij,ij->ij", (2, 3), (2, 3)),
    ("ij,ij->j", (2, 3), (2, 3)),
    ("ij,k->j", (2, 3), (4,)),
    ("ij->ji", (2, 3)),
    ("ij->", (2, 3)),
    ("ba", (2, 3)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("iij,j->i", (3, 3, 2), (2,)),
    ("...ij,...jk->...ik", (2, 1, 3, 4), (5, 4, 2)),
    ("...i,i->...", (2, 3, 4), (4,)),
    ("i...->...", (2, 3)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("a,ab,bc,c->", (2,), (2, 3), (3, 4), (4,)),
    ("bi,oij,bj->bo", (2, 3), (4, 3, 2), (2, 2)),
    ("ij,jk->ik", (2, 0), (0, 4)),
    (",ij->ij", (), (2, 3)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c[0])
def test_einsum(case):
    subscripts, *shapes = case
    arrays = [DRAW.standard_normal(s) for s in shapes]
    harness.assert_close(ops.einsum(subscripts, *arrays), np.einsum(subscripts, *arrays), 1e-12)
    harness.check_gradient(lambda *x: ops.einsum(subscripts, *x), *arrays)


def test_float32_and_constants():
    x = Tensor(np.ones((2, 3), np.float32), True)
    out = ops.einsum("ij,kj->ik", x, np.ones((4, 3), np.float32))
    out.sum().backward()
    assert out.dtype == x.grad.dtype == np.float32 and (x.grad == 4).all()


@pytest.mark.parametrize(
    ("subscripts", "shapes", "message"),
    [
        ("ij,jk->ik", [(2, 3)], "for 2 operands, got 1"),
        ("ij->i", [(2,)], "does not fit an operand of 1 axes"),
        ("ij->k", [(2, 3)], "has one that no operand has"),
        ("ij->ii", [(2, 3)], "repeats a letter"),
        ("ij,jk->ik", [(2, 3), (4, 5)], "'j' of 'ij,jk->ik' has sizes 3 and 4"),
        ("i1->i", [(2, 3)], "more than letters"),
    ],
)
def test_errors(subscripts, shapes, message):
    with pytest.raises(ValueError, match=message):
        ops.einsum(subscripts, *[np.ones(s) for s in shapes])
