"""Products with weights in float32, bfloat16 and 8 bits, for 1 to 128 rows, against torch's of the same kind.

The layers of a case are many, as in a model, so that their weights come from memory: for few rows its speed is the bound.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import seqnn
from benchmarks.case import Case, Measured, Options
from benchmarks.torch_peer import torch
from seqnn import ops

SHAPES = [(512, 512), (512, 2048), (768, 2304), (768, 3072), (3072, 768)]  # depth, columns
ROWS = (1, 4, 32, 128)
BYTES = {"float32": 4, "bf16": 2, "int8": 1}  # of a weight
BEYOND_CACHES = 48 << 20
CLOSE = {"float32": 1e-5, "bf16": 0.03, "int8": 0.05}  # to the float32 product, relative to its largest element


def in_turn(layers: list[Callable[[], Any]], threads: int, library: str) -> Callable[[], Measured]:
    """Return a side that calls all layers for about 0.1 s and gives the time of a call."""

    def side() -> Measured:
        if library == "torch":
            torch.set_num_threads(threads)
        with seqnn.threads(threads):
            result, *_ = [layer() for layer in layers]
            start, count = time.perf_counter(), 0
            while count == 0 or time.perf_counter() - start < 0.1:
                for layer in layers:
                    layer()
                count += len(layers)
            return Measured((time.perf_counter() - start) / count, np.asarray(result))

    return side


def our_layers(kind: str, x: np.ndarray, weights: list[np.ndarray]) -> list[Callable[[], Any]]:
    """Return a product for each weight."""
    if kind == "float32":
        packed = [(weight, ops.pack_weight(weight)) for weight in weights]
        return [lambda w=w, p=p: ops.linear(x, w, packed=p) for w, p in packed]  # type: ignore[misc]
    kept = [ops.QuantizedWeight(weight, kind) for weight in weights]
    return [lambda w=w: ops.linear(x, w) for w in kept]  # type: ignore[misc]


def torch_layers(kind: str, x: np.ndarray, weights: list[np.ndarray]) -> list[Callable[[], Any]]:
    """Return the same of torch: `F.linear`, or its dynamically quantised layer."""
    rows, found = torch.from_numpy(x), []
    for weight in weights:
        if kind == "int8":
            layer = torch.nn.Linear(*weight.shape[::-1], bias=False)
            layer.weight = torch.nn.Parameter(torch.from_numpy(weight), requires_grad=False)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                quantized = torch.ao.quantization.quantize_dynamic(torch.nn.Sequential(layer), dtype=torch.qint8)
            found.append(lambda f=quantized: f(rows))
        else:
            dtype = torch.float32 if kind == "float32" else torch.bfloat16
            matrix = torch.tensor(weight).to(dtype)
            found.append(lambda w=matrix: torch.nn.functional.linear(rows.to(w.dtype), w).float())
    return found


def cases(options: Options) -> Iterator[Case]:
    """Yield the products; a rate is that of the bytes of the weights."""
    for threads in options.threads:
        for depth, columns in SHAPES[:1] if options.quick else SHAPES:
            draw = np.random.default_rng(depth + columns)
            count = 1 if options.quick else 1 + BEYOND_CACHES // (depth * columns)
            weights = [draw.standard_normal((columns, depth), np.float32)] * count
            for rows in ROWS[:2] if options.quick else ROWS:
                x = draw.standard_normal((rows, depth), np.float32)
                for kind, size in BYTES.items():

                    def check(mine: np.ndarray, other: np.ndarray, kind: str = kind) -> float:
                        worst = float(np.abs(mine - other).max() / np.abs(other).max())
                        assert worst < CLOSE[kind], f"products differ by {worst}"
                        return worst

                    yield Case(
                        f"{rows} rows, {depth} to {columns}, {kind}",
                        in_turn(our_layers(kind, x, weights), threads, "seqnn"),
                        {"torch": in_turn(torch_layers(kind, x, weights), threads, "torch") if torch else None},
                        check=check,
                        work=1e-9 * depth * columns * size,
                        work_unit="GB",
                        operations=2.0 * rows * depth * columns,
                        moved=1.0 * depth * columns * size,
                        cold=count > 1,
                        threads=threads,
                        goals={"torch": 1.0},
                    )
