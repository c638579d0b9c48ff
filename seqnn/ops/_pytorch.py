"""Words for who looks for a function of torch or torch.nn.functional."""

from __future__ import annotations

from .._hints import give_hints

_INSTEAD = {
    "cat": "concatenate", "concat": "concatenate", "clamp": "clip", "transpose": "swapaxes", "view": "reshape", "mm": "matmul",
    "bmm": "matmul", "mv": "matmul", "dot": "matmul", "sub": "subtract", "mul": "multiply", "div": "divide", "pow": "power",
    "neg": "negative",
    "scaled_dot_product_attention": "attention(q, k, v, mask=attn_mask, causal=is_causal, dropout=dropout_p)",
    "multi_head_attention_forward": "nn.MultiheadAttention",
    "square": "x * x", "rsqrt": "x ** -0.5", "reciprocal": "1 / x", "sign": "np.sign(x.data)", "tile": "np.tile(x, repeats)",
    "repeat": "np.repeat(x, repeats)", "repeat_interleave": "np.repeat(x, repeats)", "roll": "np.roll(x, shift)",
    "flip": "np.flip(x, axis)", "outer": "np.outer(a, b)", "tensordot": "np.tensordot(a, b, axes)", "diff": "np.diff(x)",
    "chunk": "split(x, parts, axis)", "argmax": "x.argmax(axis)", "argmin": "x.argmin(axis)", "argsort": "x.argsort(axis)",
    "arange": "np.arange", "zeros": "np.zeros", "ones": "np.ones", "zeros_like": "np.zeros_like", "linspace": "np.linspace",
    "ones_like": "np.ones_like", "swish": "silu", "hardtanh": "clip(x, -1, 1)", "relu6": "clip(x, 0, 6)",
    "cosine_similarity": "einsum of rows divided by their norm", "mse": "mse_loss", "index_select": "x[..., ids]",
    "einops": "einsum, reshape and permute", "logsigmoid": "-softplus(-x)", "normalize": "x / norm(x, axis=1, keepdims=True)",
    "vector_norm": "norm", "moveaxis": "permute", "addmm": "x + a @ b", "baddbmm": "x + a @ b",
    "softmin": "softmax(-x, axis)", "floor": "np.floor(x.data)", "ceil": "np.ceil(x.data)", "round": "np.round(x.data)",
    "mish": "x * tanh(softplus(x))", "softsign": "x / (1 + abs(x))",
    "prelu": "where(x > 0, x, weight * x)", "selu": "1.0507009873554805 * elu(x, 1.6732632423543772)",
    "hardsigmoid": "clip(x / 6 + 0.5, 0, 1)", "hardswish": "x * clip(x / 6 + 0.5, 0, 1)", "celu": "alpha * elu(x / alpha)",
    "gumbel_softmax": "softmax((x + gumbel) / tau) with gumbel = np.random.default_rng(0).gumbel(size=x.shape).astype(x.dtype)",
    "embedding_bag": "embedding(ids, weight).mean(axis=1)", "margin_ranking_loss": "relu(margin - target * (a - b)).mean()",
    "triplet_margin_loss": "relu(norm(a - p, axis=1) - norm(a - n, axis=1) + margin).mean()",
    "poisson_nll_loss": "(exp(x) - target * x).mean()", "unbind": "list(x)", "rand": "np.random.default_rng(seed).random",
    "randn": "np.random.default_rng(seed).standard_normal", "full": "np.full", "eye": "np.eye", "tensor": "seqnn.Tensor",
    "expand_dims": "unsqueeze", "ravel": "reshape(x, -1)",
}  # fmt: skip

give_hints(__package__, _INSTEAD)
