"""Words for who looks for a function of torch or torch.nn.functional."""

from __future__ import annotations

from .._hints import give_hints

_INSTEAD = {
    "cat": "concatenate", "concat": "concatenate", "clamp": "clip", "transpose": "swapaxes", "view": "reshape", "mm": "matmul",
    "bmm": "matmul", "mv": "matmul", "dot": "matmul", "sub": "subtract", "mul": "multiply", "div": "divide", "pow": "power",
    "neg": "negative", "scaled_dot_product_attention": "attention", "multi_head_attention_forward": "nn.MultiheadAttention",
    "square": "x * x", "rsqrt": "x ** -0.5", "reciprocal": "1 / x", "sign": "np.sign(x.data)", "tile": "np.tile(x, repeats)",
    "repeat": "np.repeat(x, repeats)", "repeat_interleave": "np.repeat(x, repeats)", "roll": "np.roll(x, shift)",
    "flip": "np.flip(x, axis)", "outer": "np.outer(a, b)", "tensordot": "np.tensordot(a, b, axes)", "diff": "np.diff(x)",
    "chunk": "split(x, parts, axis)", "argmax": "x.argmax(axis)", "argmin": "x.argmin(axis)", "argsort": "x.argsort(axis)",
    "arange": "np.arange", "zeros": "np.zeros", "ones": "np.ones", "zeros_like": "np.zeros_like", "linspace": "np.linspace",
    "ones_like": "np.ones_like", "swish": "silu", "hardtanh": "clip(x, -1, 1)", "relu6": "clip(x, 0, 6)",
    "cosine_similarity": "einsum of rows divided by their norm", "mse": "mse_loss", "index_select": "x[..., ids]",
    "einops": "einsum, reshape and permute", "logsigmoid": "-softplus(-x)", "normalize": "x / norm(x, axis=1, keepdims=True)",
    "vector_norm": "norm", "moveaxis": "permute", "expand_dims": "unsqueeze", "ravel": "reshape(x, -1)",
}  # fmt: skip

give_hints(__package__, _INSTEAD)
