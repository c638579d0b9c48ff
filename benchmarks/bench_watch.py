"""What watching costs: training steps without and with a `diagnose.Watch` that records every one of them."""

from collections.abc import Callable, Iterator

import numpy as np

import seqnn
from benchmarks.case import Case, Measured, Options, timed
from seqnn import diagnose, nn, ops, optim

STEPS = 50


def cases(options: Options) -> Iterator[Case]:
    """Yield the watched steps of three networks, with the unwatched ones as the peer."""
    for threads in options.threads:
        for name, network, shape in networks():
            x = np.random.default_rng(0).standard_normal(shape, np.float32)
            y = np.random.default_rng(1).integers(0, 10, shape[0])
            yield Case(
                f"{STEPS} training steps, {name}, watched",
                steps(network, x, y, threads, watched=True),
                {"not watched": steps(network, x, y, threads, watched=False)},
                check=same_loss,
                threads=threads,
            )


def networks() -> Iterator[tuple[str, Callable[[], nn.Module], tuple[int, ...]]]:
    """Yield a name, what makes the network, and the shape of a batch."""
    for width, batch in ((64, 64), (512, 256)):
        yield f"MLP 4 x {width}, batch {batch}", lambda width=width: mlp(width), (batch, width)
    yield "CNN 32, 64 channels, batch 32", cnn, (32, 3, 32, 32)


def mlp(width: int) -> nn.Module:
    """Return three hidden layers with ReLU."""
    hidden = [layer for _ in range(3) for layer in (nn.Linear(width, width), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(width, 10))


def cnn() -> nn.Module:
    """Return two convolutions with ReLU."""
    first = nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
    return nn.Sequential(*first, nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.GlobalAvgPool(), nn.Linear(64, 10))


def steps(make: Callable, x: np.ndarray, y: np.ndarray, threads: int, watched: bool) -> Callable[[], Measured]:
    """Return a side that trains a fresh network."""

    def side() -> Measured:
        seqnn.random.seed(0)
        model = make()
        optimizer = optim.Adam(model.parameters(), lr=1e-3)
        watch = diagnose.Watch(model, optimizer)

        def run() -> float:
            for _ in range(STEPS):
                loss = ops.cross_entropy(model(x), y)
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
            return loss.item()

        with seqnn.threads(threads):
            if not watched:
                return timed(run)()
            with watch:
                return timed(run)()

    return side


def same_loss(watched: float, plain: float) -> float:
    """Check that watching changes nothing."""
    assert watched == plain, f"the loss is {watched} watched, {plain} not watched"
    return 0.0
