"""Words for who looks for a name of torch.autograd, or for a method of PyTorch's tensors that a Tensor does not have."""

from __future__ import annotations

from collections.abc import Collection

from .._hints import give_hints

_NAMES = {
    "Function": "@autograd.op above a function that returns (out, backward)", "Variable": "seqnn.Tensor",
    "functional": "autograd.jacobian, autograd.vjp or autograd.value_and_grad", "backward": "tensor.backward()",
    "set_grad_enabled": "autograd.no_grad() or autograd.enable_grad()", "inference_mode": "autograd.no_grad()",
    "detect_anomaly": "autograd.check_finite()", "forward_ad": "autograd.jacobian", "hessian": "autograd.jacobian",
}  # fmt: skip
_INSTEAD = {
    "float": "astype(np.float32)", "double": "astype(np.float64)", "half": "astype(np.float32)", "type": "astype(dtype)",
    "int": "astype(np.int32)", "long": "astype(np.int64)", "bool": "astype(bool)", "to": "astype(dtype); all is on the CPU",
    "cpu": "the tensor as it is: all is on the CPU", "cuda": "the tensor as it is: all is on the CPU",
    "contiguous": "the tensor as it is", "dim": "ndim", "nelement": "size", "t": "T", "mT": "swapaxes(-1, -2)",
    "requires_grad_": "Tensor(data, requires_grad=True)", "detach_": "detach()", "retain_grad": "autograd.grad(y, tensor)",
    "mm": "a @ b", "bmm": "a @ b", "matmul": "a @ b", "mv": "a @ b", "dot": "a @ b", "add": "a + b", "sub": "a - b",
    "mul": "a * b", "div": "a / b", "neg": "-a", "eq": "a == b", "gt": "a > b", "lt": "a < b", "ge": "a >= b", "le": "a <= b",
    "repeat": "np.tile(tensor, repeats)", "tile": "np.tile(tensor, repeats)", "chunk": "ops.split(tensor, parts, axis)",
    "split": "ops.split(tensor, parts, axis)", "unbind": "list(tensor)", "expand_as": "expand(other.shape)",
    "view_as": "reshape(other.shape)", "index_select": "tensor[..., ids]", "take": "tensor.ravel()[ids]",
    "gather": "ops.gather(tensor, axis, index)", "fill_": "tensor.data.fill(value)", "zero_": "tensor.data.fill(0)",
    "nonzero": "np.nonzero(tensor.data)", "unique": "np.unique(tensor.data)", "median": "np.median(tensor.data)",
    "round": "np.round(tensor.data)", "isnan": "np.isnan(tensor)", "device": "nothing: all is on the CPU",
    "is_cuda": "False: all is on the CPU", "is_floating_point": "tensor.dtype.kind == 'f'", "fill": "tensor.data.fill(value)",
    "grad_fn": "is_leaf", "itemsize": "dtype.itemsize", "nbytes": "data.nbytes",
}  # fmt: skip


def missing_method(name: str, functions: Collection[str]) -> str:
    """Return the message for an attribute that a Tensor does not have; `functions` are the names in `seqnn.ops`."""
    message = f"Tensor has no attribute {name!r}"
    if name in _INSTEAD:
        return f"{message}; write {_INSTEAD[name]}"
    if name in functions:
        return f"{message}; write ops.{name}(tensor)"
    if name.endswith("_") and not name.startswith("_"):
        instead = _INSTEAD.get(name[:-1], f"x.{name[:-1]}(...)")
        return f"{message}: nothing is changed in place; write x = {instead}, or change .data"
    return message


give_hints(__package__, _NAMES)
