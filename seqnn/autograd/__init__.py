"""Reverse-mode differentiation: every op leaves a node behind, and `backward` walks the nodes from the last to the first.

>>> import numpy as np
>>> from seqnn.autograd import Tensor, op
>>> @op
... def square(x):
...     return x * x, lambda grad: 2 * x * grad
>>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> square(x).backward(np.ones(3))
>>> x.grad
array([2., 4., 6.], dtype=float32)

To read in this order: `_tape` (nodes, and the walk over them), `_tensor`, `_op`, `_rows` (gradients of embeddings); on top of
them `_functional` (grad, vjp, jacobian, ...), `_checkpoint` and `_gradcheck`.
"""

from ._checkpoint import checkpoint
from ._functional import grad, jacobian, value_and_grad, vjp
from ._gradcheck import gradcheck
from ._op import op
from ._rows import Rows
from ._tape import check_finite, no_grad, watch
from ._tensor import Tensor

__all__ = [
    "Rows",
    "Tensor",
    "check_finite",
    "checkpoint",
    "grad",
    "gradcheck",
    "jacobian",
    "no_grad",
    "op",
    "value_and_grad",
    "vjp",
    "watch",
]
