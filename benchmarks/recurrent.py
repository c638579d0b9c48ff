"""What the benchmarks of the recurrent layers share: sizes, both sides, and the comparison with torch."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks import onnx_peer, recurrent_conditions
from benchmarks.case import Case, Options, constant
from benchmarks.torch_peer import our_step, ours, same_arrays, their_step, theirs, torch
from seqnn import nn
from seqnn.autograd import no_grad

SHAPES = [
    (1, 64, 128, 128),
    (8, 64, 256, 256),
    (32, 64, 256, 256),
    (32, 128, 512, 512),
    (64, 32, 128, 1024),
]  # B, T, I, H
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
STEP = 4e-6  # seconds that one step of a stream may take


def torch_cases(
    kind: str, options: Options, forward_goal: Callable, both_goal: Callable, onnx_goal: float
) -> Iterator[Case]:
    """Yield all cases of torch's layer of that name; goals from (B, threads), and of inference against onnxruntime."""
    for threads in options.threads:
        for shape in SHAPES[:2] if options.quick else SHAPES:
            goals = {"torch": forward_goal(shape[0], threads), "onnxruntime": onnx_goal}
            yield _inference(kind, shape, threads, goals)
            yield _training(kind, shape, threads, {"torch": both_goal(shape[0], threads)})
        for inputs in (32, 128):
            yield stream(kind, inputs, threads)
        yield unequal(kind, threads)
        yield recurrent_conditions.memory(kind, SHAPES[1 if options.quick else 3], threads)
        if threads > 1:
            yield recurrent_conditions.busy(kind, SHAPES[1], threads)
            yield recurrent_conditions.meeting(threads)


def layers(kind: str, shape: tuple[int, ...]) -> tuple[Any, Any, np.ndarray]:
    """Our layer, torch's with the same numbers (None without torch), and an input."""
    batch, steps, inputs, hidden = shape
    layer = getattr(nn, kind)(inputs, hidden)
    peer = None
    if torch is not None:
        peer = getattr(torch.nn, kind)(inputs, hidden)
        peer.load_state_dict({k: torch.tensor(v) for k, v in layer.state_dict().items()})
    return layer, peer, np.random.default_rng(1).standard_normal((steps, batch, inputs), np.float32)


def label(kind: str, shape: tuple[int, ...], what: str) -> str:
    """The name of a case."""
    batch, steps, inputs, hidden = shape
    return f"{kind}, B={batch} T={steps} I={inputs} H={hidden}, {what}"


def _inference(kind: str, shape: tuple[int, ...], threads: int, goals: dict[str, float]) -> Case:
    layer, peer, x = layers(kind, shape)
    layer.eval().freeze()

    def mine() -> list:
        with no_grad():
            return [layer(x)[0].numpy()]

    def their() -> list:
        with torch.no_grad():
            return [peer(torch.from_numpy(x))[0]]

    weights = layer.state_dict()
    peers = {"torch": theirs(their, threads), "onnxruntime": onnx_peer.recurrent(kind, weights, x, threads)}
    operations, moved = least_work(kind, shape)
    return Case(
        label(kind, shape, "forward"), ours(mine, threads), peers, same_arrays, threads=threads, goals=goals,
        operations=operations, moved=moved,
    )  # fmt: skip


def _training(kind: str, shape: tuple[int, ...], threads: int, goals: dict[str, float]) -> Case:
    layer, peer, x = layers(kind, shape)
    grad = np.random.default_rng(2).standard_normal((*x.shape[:2], shape[3]), np.float32)
    mine = our_step(lambda given, *_: layer(given)[0], [x], grad)

    def step() -> list:
        layer.zero_grad()
        return mine() + [p.grad for p in layer.parameters()]

    run = their_step(lambda given: peer(given)[0], [x], grad)

    def their() -> list:
        peer.zero_grad()
        return run() + [p.grad for p in peer.parameters()]

    peers = {"torch": theirs(their, threads)}
    operations, moved = least_work(kind, shape)
    return Case(
        label(kind, shape, "forward + backward"), ours(step, threads), peers, same_arrays, threads=threads, goals=goals,
        operations=3 * operations, moved=2 * moved,
    )  # fmt: skip


def least_work(kind: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """Return the operations of the products of a forward pass, and the bytes of its input, weights and output."""
    batch, steps, inputs, hidden = shape
    weights = GATES[kind] * hidden * (inputs + hidden)
    return 2.0 * steps * batch * weights, 4.0 * (steps * batch * (inputs + hidden) + weights)


def stream(kind: str, inputs: int, threads: int, count: int = 1000) -> Case:
    """One step at a time, B = 1, H = 128, `count` steps."""
    layer, peer, x = layers(kind, (1, 1, inputs, 128))
    layer.eval().freeze()

    def mine() -> list:
        state = None
        for _ in range(count):
            out, state = layer.step(x[0], state)
        return [out]

    def their() -> list:
        given, state = torch.from_numpy(x), None
        with torch.no_grad():
            for _ in range(count):
                out, state = peer(given, state)
        return [out[0]]

    bound = f"{STEP * 1e6:g} µs a step"
    return Case(
        f"{kind}, {count} streaming steps, B=1 I={inputs} H=128",
        ours(mine, threads),
        {"torch": theirs(their, threads), bound: constant(count * STEP)},
        lambda mine, other: 0.0 if other is None else same_arrays(mine, other),
        work=count,
        work_unit="steps",
        threads=threads,
        goals={bound: 1.0},
    )


def unequal(kind: str, threads: int) -> Case:
    """Lengths from 1 to T in any order, against our own time for half of the steps: the work that is not padding."""
    batch, steps, inputs, hidden = 32, 64, 256, 256
    layer, _, x = (
        layers(kind, (batch, steps, inputs, hidden)) if kind != "STLM" else (nn.STLM(inputs, hidden), None, None)
    )
    x = np.random.default_rng(1).standard_normal((steps, batch, inputs), np.float32)
    lengths = np.random.default_rng(3).permutation(np.linspace(1, steps - 1, batch).round().astype(int))
    layer.eval()

    def run(given: np.ndarray, **options: Any) -> Callable[[], list]:
        def call() -> list:
            with no_grad():
                return [layer(given, **options)[0].numpy()]

        return call

    return Case(
        f"{kind}, B={batch} T={steps} I=H={hidden}, lengths of mean {lengths.mean():g}",
        ours(run(x, lengths=lengths), threads),
        {"the same work, equal lengths": ours(run(x[: steps // 2]), threads)},
        threads=threads,
        goals={"the same work, equal lengths": 1 / 1.15},
    )
