"""PyTorch's own samples of functions and modules (op_db, module_db) against seqnn: values, gradients, refusals.

A sample passes where values and gradients are PyTorch's, is judged where seqnn refuses it in its own words (an option that it
does not have), and fails where numbers differ or an error names nothing. It needs torch and expecttest.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.suites import Result
from seqnn import Tensor, nn, ops
from seqnn.autograd import grad

RAW = re.compile(
    r"cannot reshape|unsupported operand|not subscriptable|object is not|tuple index|shape mismatch|broadcast together"
)
"""What NumPy's and Python's own messages say; an error of seqnn names the function, the argument, and what was expected."""


def run() -> Result:
    """Run every sample of the functions and modules in the tables below."""
    import torch
    from torch.testing._internal.common_methods_invocations import op_db
    from torch.testing._internal.common_modules import module_db

    result = Result(f"torch {torch.__version__}")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for info in op_db:
            name = f"{info.name}.{info.variant_test_name}" if info.variant_test_name else info.name
            if info.name in FUNCTIONS:
                for dtype in (torch.float32, torch.float64):
                    samples = info.sample_inputs("cpu", dtype, requires_grad=info.supports_autograd)
                    for i, sample in enumerate(samples):
                        label = f"{name} {str(dtype)[6:]} {i}"
                        calls = (
                            lambda s=sample, f=info.op: f(s.input, *s.args, **s.kwargs),
                            lambda given, s=sample, f=FUNCTIONS[info.name]: f(
                                *given(s.input, *s.args), **_converted(s.kwargs, lambda t: given(t)[0])
                            ),
                        )
                        _judge(result, name, label, calls, [sample.input, *sample.args, *sample.kwargs.values()])
        for info in module_db:
            name = info.module_cls.__name__
            if name in MODULES:
                _judge_module(result, torch, info, name)
    return result


# Functions as someone would call them who comes from PyTorch: what stands here is what must be written differently.


def _scaled(function: Callable) -> Callable:
    """Sums with alpha: x + alpha y."""
    return lambda x, y, alpha=1: function(x, y if alpha == 1 else ops.multiply(y, alpha))


def _deviation(function: Callable) -> Callable:
    def call(x: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None) -> Any:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        ddof = int(unbiased) if correction is None else correction
        return function(x, _axes(dim), ddof=ddof, keepdims=keepdim)

    return call


def _axes(dim: Any) -> Any:
    if dim is None or (isinstance(dim, tuple | list) and not dim):
        return None
    return tuple(dim) if isinstance(dim, list) else dim


def _reduction(function: Callable) -> Callable:
    return lambda x, dim=None, keepdim=False, *, dtype=None: function(x, _axes(dim), keepdims=keepdim)


def _layer_norm(x: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    return ops.layer_norm(x, weight, bias, eps, normalized_shape=tuple(normalized_shape))


def _in_dtype(function: Callable) -> Callable:
    names = {"torch.float32": np.float32, "torch.float64": np.float64}
    return lambda x, dim, dtype=None: function(x if dtype is None else ops.astype(x, names[str(dtype)]), dim=dim)


def _div(x: Any, y: Any, *, rounding_mode: Any = None) -> Any:
    if rounding_mode is not None:
        raise TypeError("divide: got rounding_mode")
    return ops.divide(x, y)


FUNCTIONS: dict[str, Callable] = {
    "abs": ops.abs, "add": _scaled(ops.add), "sub": _scaled(ops.subtract), "mul": ops.multiply, "div": _div,
    "true_divide": ops.divide, "neg": ops.negative, "pow": ops.power, "exp": ops.exp, "log": ops.log, "log1p": ops.log1p,
    "sin": ops.sin, "cos": ops.cos, "tanh": ops.tanh, "sigmoid": ops.sigmoid, "erf": ops.erf, "sqrt": ops.sqrt,
    "maximum": ops.maximum, "minimum": ops.minimum, "clamp": ops.clip, "clamp_min": lambda x, m: ops.clip(x, m),
    "clamp_max": lambda x, m: ops.clip(x, max=m), "where": lambda x, condition, y: ops.where(condition, x, y),
    "masked_fill": ops.masked_fill, "clone": lambda x, **_: ops.copy(x), "tril": ops.tril, "triu": ops.triu,
    "sum": _reduction(ops.sum), "mean": _reduction(ops.mean), "prod": _reduction(ops.prod), "var": _deviation(ops.var),
    "std": _deviation(ops.std), "amax": _reduction(ops.max), "amin": _reduction(ops.min),
    "logsumexp": lambda x, dim, keepdim=False: ops.logsumexp(x, _axes(dim), keepdims=keepdim),
    "cumsum": lambda x, dim, *, dtype=None: ops.cumsum(x, dim), "cumprod": lambda x, dim, *, dtype=None: ops.cumprod(x, dim),
    "linalg.vector_norm": lambda x, ord=2.0, dim=None, keepdim=False, *, dtype=None: (
        ops.norm(x, ord, _axes(dim), keepdims=keepdim)
    ),
    "sort": lambda x, dim=-1, descending=False, *, stable=False: ops.sort(x, dim, descending=descending),
    "topk": lambda x, k, dim=-1, largest=True, sorted=True: ops.topk(x, k, dim, largest=largest),
    "reshape": lambda x, *shape: ops.reshape(x, shape[0] if isinstance(shape[0], tuple | list) else shape),
    "view": lambda x, *shape: x.view(*shape), "permute": lambda x, *dims: x.permute(*dims), "flatten": ops.flatten,
    "transpose": ops.swapaxes, "squeeze": ops.squeeze, "unsqueeze": ops.unsqueeze, "expand": lambda x, *shape: x.expand(*shape),
    "cat": lambda tensors, dim=0: ops.concatenate(tensors, dim), "stack": lambda tensors, dim=0: ops.stack(tensors, dim),
    "gather": lambda x, dim, index, **_: ops.gather(x, dim, index.data if isinstance(index, Tensor) else index),
    "__getitem__": lambda x, index: x[_index(index)], "matmul": ops.matmul, "mm": ops.matmul, "bmm": ops.matmul,
    "mv": ops.matmul, "dot": ops.matmul, "einsum": lambda operands, equation: ops.einsum(equation, *operands),
    "outer": np.outer, "tensordot": lambda x, y, dims=2: np.tensordot(x, y, dims), "flip": lambda x, dims: np.flip(x, dims),
    "roll": lambda x, shifts, dims=None: np.roll(x, shifts, dims), "tile": lambda x, dims: np.tile(x, dims),
    "diff": lambda x, n=1, dim=-1, **more: np.diff(x, n, dim, **more), "trace": np.trace, "ravel": np.ravel,
    "softmax": _in_dtype(ops.softmax), "log_softmax": _in_dtype(ops.log_softmax),
    "nn.functional.relu": lambda x, inplace=False: ops.relu(x), "nn.functional.silu": lambda x, inplace=False: ops.silu(x),
    "nn.functional.gelu": ops.gelu, "nn.functional.elu": lambda x, alpha=1.0, inplace=False: ops.elu(x, alpha),
    "nn.functional.leaky_relu": lambda x, negative_slope=0.01, inplace=False: ops.leaky_relu(x, negative_slope),
    "nn.functional.softplus": ops.softplus, "nn.functional.glu": lambda x, dim=-1: ops.glu(x, dim),
    "nn.functional.pad": lambda x, pad, mode="constant", value=None: ops.pad(x, pad, mode, value or 0.0),
    "nn.functional.linear": ops.linear, "nn.functional.conv1d": ops.conv1d, "nn.functional.conv2d": ops.conv2d,
    "nn.functional.conv_transpose1d": ops.conv_transpose1d, "nn.functional.conv_transpose2d": ops.conv_transpose2d,
    "nn.functional.avg_pool1d": ops.avg_pool1d, "nn.functional.avg_pool2d": ops.avg_pool2d,
    "nn.functional.adaptive_avg_pool1d": ops.adaptive_avg_pool1d, "nn.functional.adaptive_avg_pool2d": ops.adaptive_avg_pool2d,
    "nn.functional.layer_norm": _layer_norm, "nn.functional.group_norm": ops.group_norm,
    "nn.functional.mse_loss": ops.mse_loss, "nn.functional.l1_loss": ops.l1_loss, "nn.functional.huber_loss": ops.huber_loss,
    "nn.functional.smooth_l1_loss": ops.smooth_l1_loss, "nn.functional.cross_entropy": ops.cross_entropy,
    "nn.functional.nll_loss": ops.nll_loss, "nn.functional.kl_div": ops.kl_div,
    "nn.functional.binary_cross_entropy": ops.binary_cross_entropy,
    "nn.functional.binary_cross_entropy_with_logits": ops.binary_cross_entropy_with_logits,
    "nn.functional.cosine_embedding_loss": ops.cosine_embedding_loss, "nn.functional.embedding": lambda weight, ids, **options: (
        ops.embedding(ids.data if isinstance(ids, Tensor) else ids, weight, **options)
    ),
}  # fmt: skip
MODULES = {
    "Linear", "Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d",
    "BatchNorm1d", "BatchNorm2d", "LayerNorm", "RMSNorm", "GroupNorm", "Embedding", "ReLU",
    "LeakyReLU", "ELU", "GELU", "GLU", "SiLU", "Sigmoid", "Tanh", "Softplus", "Softmax", "LogSoftmax", "AvgPool1d", "AvgPool2d",
    "MaxPool1d", "MaxPool2d", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "CrossEntropyLoss", "NLLLoss", "BCELoss",
    "BCEWithLogitsLoss", "KLDivLoss", "MSELoss", "L1Loss", "HuberLoss", "SmoothL1Loss", "CosineEmbeddingLoss", "RNN", "LSTM",
    "GRU", "RNNCell", "LSTMCell", "GRUCell", "MultiheadAttention", "TransformerEncoderLayer",
}  # fmt: skip


def _index(index: Any) -> Any:
    if isinstance(index, Tensor):
        return index.data
    return type(index)([_index(i) for i in index]) if type(index) in (tuple, list) else index


# Running a sample.


def _judge(result: Result, name: str, label: str, calls: tuple[Callable, Callable], inputs: list) -> None:
    """Compare values and gradients of one call."""
    theirs, ours = calls
    leaves = [t for t in _tensors(inputs) if t.requires_grad and t.is_floating_point()]
    made: dict[int, Tensor] = {}

    def given(*values: Any) -> list:
        return [
            _converted(v, lambda t: made.setdefault(id(t), Tensor(t.detach().numpy(), t.requires_grad))) for v in values
        ]

    expected = list(_tensors([theirs()]))
    try:
        got = list(_flat(ours(given)))
    except Exception as error:  # every kind is looked at
        _refused(result, name, label, error)
        return
    problem = _differences(expected, got)
    if not problem and leaves and expected and expected[0].requires_grad:
        try:
            problem = _gradients(expected[0], got[0], leaves, made)
        except Exception as error:
            _refused(result, f"backward of {name}", label, error)
            return
    if problem:
        result.failed[label] = problem
    else:
        result.passed.append(label)


def _differences(expected: list, got: list) -> str:
    for e, g in zip(expected, got, strict=False):
        e, g = e.detach().numpy(), np.asarray(g.data if isinstance(g, Tensor) else g)
        if e.shape != g.shape:
            return f"shape {g.shape}, expected {e.shape}"
        tolerance = 2e-4 if e.dtype == np.float32 else 1e-8
        if e.size and not np.allclose(g, e, rtol=tolerance, atol=tolerance, equal_nan=True):
            return f"values differ by {np.nanmax(np.abs(g - e)):.3g}"
    return ""


def _gradients(expected: Any, got: Any, leaves: list, made: dict[int, Tensor]) -> str:
    import torch

    weights = np.random.default_rng(0).standard_normal(tuple(expected.shape))
    theirs = torch.autograd.grad(expected, leaves, torch.from_numpy(weights).to(expected.dtype), allow_unused=True)
    mine = [made[id(leaf)] for leaf in leaves if id(leaf) in made]
    ours = grad(got, mine, weights) if mine and isinstance(got, Tensor) and got.requires_grad else [None] * len(mine)
    for leaf, e, g in zip([leaf for leaf in leaves if id(leaf) in made], theirs, ours, strict=False):
        e = np.zeros(leaf.shape) if e is None else e.numpy()
        g = np.zeros(leaf.shape) if g is None else g
        tolerance = 1e-3 if leaf.dtype == torch.float32 else 1e-7
        if e.size and not np.allclose(
            g, e, rtol=tolerance, atol=tolerance * max(1.0, float(np.nanmax(np.abs(e)))), equal_nan=True
        ):
            return f"gradients differ by {np.nanmax(np.abs(g - e)):.3g}"
    return ""


def _judge_module(result: Result, torch: Any, info: Any, name: str) -> None:
    for training in (True, False):
        samples = info.module_inputs_func(
            info, device="cpu", dtype=torch.float32, requires_grad=True, training=training
        )
        for i, sample in enumerate(samples):
            label = f"{name} {'train' if training else 'eval'} {i}"
            construct, forward = sample.constructor_input, sample.forward_input
            if name.startswith("Transformer") and "batch_first" not in construct.kwargs:
                result.judged[f"{name} without batch_first"] = "the batch comes first, as the docstring says"
                continue
            if forward is None or any(k in construct.kwargs for k in ("device",)):
                continue
            torch.manual_seed(0)
            theirs = info.module_cls(*construct.args, **construct.kwargs).train(training)
            if any(getattr(m, "p", 0) for m in theirs.modules() if type(m).__name__ == "Dropout"):
                theirs.eval()
            try:
                options = {k: v for k, v in construct.kwargs.items() if not (k.startswith("add_") and v is False)}
                layer = getattr(nn, name)(*_converted(construct.args, _array), **_converted(options, _array))
                layer.load_state_dict(theirs.state_dict(), strict=False)
                layer.train(theirs.training)
            except Exception as error:
                _refused(result, name, label, error)
                continue
            calls = (
                lambda m=theirs, f=forward: m(*f.args, **f.kwargs),
                lambda given, m=layer, f=forward: m(*given(*f.args), **_converted(f.kwargs, lambda t: given(t)[0])),
            )
            _judge(result, name, label, calls, [*forward.args, *forward.kwargs.values()])


def _array(tensor: Any) -> Any:
    return tensor.detach().numpy()


def _refused(result: Result, name: str, label: str, error: Exception) -> None:
    """A clear refusal is judged by its kind; another error is a failure."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, TypeError | ValueError | IndexError) and not RAW.search(text):
        kind = re.sub(r"[\d.,\s()\[\]]+", " ", text)[:160]
        result.judged.setdefault(f"{name}: {kind}", "0 samples")
        count = int(result.judged[f"{name}: {kind}"].split()[0]) + 1
        result.judged[f"{name}: {kind}"] = f"{count} samples"
    else:
        result.failed[label] = f"{type(error).__name__}: {text}"


def _tensors(values: Any) -> Iterator[Any]:
    """Yield the tensors of PyTorch in nested containers."""
    if hasattr(values, "detach"):
        yield values
    elif isinstance(values, tuple | list | dict):
        for v in values.values() if isinstance(values, dict) else values:
            yield from _tensors(v)


def _flat(values: Any) -> Iterator[Any]:
    if isinstance(values, tuple | list):
        for v in values:
            yield from _flat(v)
    elif values is not None:
        yield values


def _converted(value: Any, one: Callable) -> Any:
    """Convert the tensors in nested containers."""
    if hasattr(value, "detach"):
        return one(value)
    if isinstance(value, dict):
        return {k: _converted(v, one) for k, v in value.items()}
    return type(value)([_converted(v, one) for v in value]) if type(value) in (tuple, list) else value
