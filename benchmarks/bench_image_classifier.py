"""Networks of convolutions for images: ten steps of training, and predictions, from equal weights beside torch's."""

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import numpy as np

import seqnn
from benchmarks.case import Case, Measured, Options
from benchmarks.torch_peer import same_arrays, torch
from seqnn import autograd, models, ops, optim

STEPS = 10

# name: images of a batch, filters of the blocks, whether these are residual
SHAPES = {
    "digits 64 x 1 x 8 x 8, blocks of 32 and 64 filters": ((64, 1, 8, 8), (32, 64), False),
    "digits 64 x 1 x 28 x 28, blocks of 16 and 32 filters": ((64, 1, 28, 28), (16, 32), False),
    "shapes 32 x 3 x 32 x 32, blocks of 32 and 64 filters": ((32, 3, 32, 32), (32, 64), False),
    "shapes 32 x 3 x 32 x 32, residual blocks of 16, 32 and 64": ((32, 3, 32, 32), (16, 32, 64), True),
}


def cases(options: Options) -> Iterator[Case]:
    """Yield training and prediction of each network."""
    for name, shape in SHAPES.items():
        for threads in options.threads:
            for what, ours, theirs in (
                ("training", train_ours, train_torch),
                ("prediction", predict_ours, predict_torch),
            ):
                yield Case(
                    f"{name}: {what}",
                    side(ours, shape, threads),
                    {"torch": side(theirs, shape, threads) if torch else None},
                    check=same_arrays if what == "prediction" else same_losses,
                    threads=threads,
                    work=shape[0][0] * STEPS,
                    work_unit="images",
                    goals={"torch": 1.2},
                )


def side(run: Callable[..., Measured], shape: tuple, threads: int) -> Callable[[], Measured]:
    """Return a side that runs from the first weights every time."""
    return lambda: run(*shape, threads)


def network(size: tuple[int, ...], channels: tuple[int, ...], residual: bool) -> models.CNN:
    """Return the network with its first weights."""
    shrunk = 2 ** len(channels)
    flat = channels[-1] * (size[2] // shrunk) * (size[3] // shrunk)
    with seqnn.random.seeded(1):
        return models.CNN(size[1], channels, (flat, 128, 10), residual=residual)


def batch(size: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels."""
    draw = np.random.default_rng(0)
    return draw.standard_normal(size).astype(np.float32), draw.integers(0, 10, size[0]).astype(np.int32)


def train_ours(size: tuple[int, ...], channels: tuple[int, ...], residual: bool, threads: int) -> Measured:
    """Train seqnn's network; the result is the loss of each step."""
    model, (x, y), losses = network(size, channels, residual).train(), batch(size), []
    optimizer = optim.AdamW(model.parameters(), lr=1e-3)
    with seqnn.threads(threads):
        start = perf_counter()
        for _ in range(STEPS):
            model.zero_grad()
            loss = ops.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return Measured(perf_counter() - start, losses)


def predict_ours(size: tuple[int, ...], channels: tuple[int, ...], residual: bool, threads: int) -> Measured:
    """Predict by seqnn's network; the result is a list of the logits."""
    model, (x, _) = network(size, channels, residual).eval(), batch(size)
    with seqnn.threads(threads), autograd.no_grad():
        model(x)
        start = perf_counter()
        for _ in range(STEPS):
            logits = model(x).numpy()
        return Measured(perf_counter() - start, [logits])


def train_torch(size: tuple[int, ...], channels: tuple[int, ...], residual: bool, threads: int) -> Measured:
    """Train torch's network."""
    model, (x, y), losses = peer(size, channels, residual).train(), map(torch.tensor, batch(size)), []
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    torch.set_num_threads(threads)
    y = y.long()
    start = perf_counter()
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return Measured(perf_counter() - start, losses)


def predict_torch(size: tuple[int, ...], channels: tuple[int, ...], residual: bool, threads: int) -> Measured:
    """Predict by torch's network."""
    model, (x, _) = peer(size, channels, residual).eval(), map(torch.tensor, batch(size))
    torch.set_num_threads(threads)
    with torch.inference_mode():
        model(x)
        start = perf_counter()
        for _ in range(STEPS):
            logits = model(x).numpy()
        return Measured(perf_counter() - start, [logits])


def peer(size: tuple[int, ...], channels: tuple[int, ...], residual: bool) -> Any:
    """Return torch's network with the same first weights."""
    nn = torch.nn

    class Residual(nn.Module):
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            self.first, self.first_norm = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)
            self.second, self.second_norm = (
                nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
            )
            self.shortcut, self.shortcut_norm = nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)

        def forward(self, x: Any) -> Any:
            y = self.second_norm(self.second(torch.relu(self.first_norm(self.first(x)))))
            return torch.relu(y + self.shortcut_norm(self.shortcut(x)))

    layers: list[Any] = []
    for inputs, outputs in zip((size[1], *channels), channels, strict=False):
        block = [Residual(inputs, outputs)] if residual else [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
        layers += [*block, nn.MaxPool2d(2)]
    ours = network(size, channels, residual)
    flat, hidden = ours.head[0].in_features, ours.head[0].out_features
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(flat, hidden), nn.ReLU(), nn.Linear(hidden, 10))
    with torch.no_grad():
        for parameter, own in zip(model.parameters(), ours.parameters(), strict=True):
            parameter.copy_(torch.tensor(own.data))
    return model


def same_losses(mine: list[float], other: list[float]) -> float:
    """Check that the losses of all steps agree; return the largest difference."""
    worst = float(np.abs(np.subtract(mine, other)).max())
    assert worst < 0.02, f"losses differ by {worst}"
    return worst
