"""Reverse-mode differentiation: every op leaves a node, and `backward` walks the nodes from the last to the first.

>>> import numpy as np
>>> from seqnn.autograd import Tensor, op
>>> @op
... def square(x):
...     return x * x, lambda grad: 2 * x * grad
>>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> square(x).backward(np.ones(3))
>>> x.grad
array([2., 4., 6.], dtype=float32)

Read in this order: `_tape` (nodes, and the walk over them), `_tensor`, `_op`, `_rows` (gradients of embeddings, and what
optimisers read), `_final` (gradients that are told of before the walk ends); above them `_functional` (grad, vjp, jacobian,
...), `_checkpoint` and `_gradcheck`.
"""

from ._checkpoint import checkpoint
from ._final import when_final
from ._functional import grad, jacobian, value_and_grad, vjp
from ._gradcheck import gradcheck
from ._methods import set_functions
from ._op import Needs, also, op, run_apart
from ._rows import Gathered, Rows, gathered, grad_array, grad_values, has_grad
from ._tape import add_hook, check_finite, enable_grad, no_grad, recording, require_finite, watch
from ._tensor import Operand, Tensor

__all__ = [
    "Gathered",
    "Needs",
    "Operand",
    "Rows",
    "Tensor",
    "add_hook",
    "also",
    "check_finite",
    "checkpoint",
    "enable_grad",
    "gathered",
    "grad",
    "grad_array",
    "grad_values",
    "gradcheck",
    "has_grad",
    "jacobian",
    "no_grad",
    "op",
    "recording",
    "require_finite",
    "run_apart",
    "set_functions",
    "value_and_grad",
    "vjp",
    "watch",
    "when_final",
]
