"""Adversarial nets: training beside torch's at the shapes of the examples, the modes of a ring that each loss reaches, and
what samples are worth as further training data.

The ring is learnt with networks of the same sizes by each loss. Wasserstein's needs Adam without momentum, which is its default:
in 150 epochs with betas (0.5, 0.999) it reaches 1 mode of 8, and with RMSprop and weights clipped at 0.1 or 0.3 none or one.
With spectral norms it reaches 7 or 8 of them; clipping at 0.1 leaves it at 0 to 8 by seed, whether the discriminator has one
step or five.
"""

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np

import seqnn
from benchmarks.case import Case, Measured, Options, constant, timed
from benchmarks.torch_peer import torch
from seqnn import nn, ops, optim, train
from seqnn.data import gaussian_ring, shapes
from seqnn.metrics import mode_coverage
from seqnn.models import GAN

RATE, BATCH, NOISE = 2e-3, 64, 8


def perceptrons(kit: Any) -> tuple[Any, Any]:
    """Return the players for points of the plane, by the layers of `kit`."""
    return tuple(
        kit.Sequential(kit.Linear(inputs, 64), kit.ReLU(), kit.Linear(64, 64), kit.ReLU(), kit.Linear(64, outputs))
        for inputs, outputs in ((NOISE, 2), (2, 1))
    )


def convolutions(kit: Any, classes: int = 0) -> tuple[Any, Any]:
    """Return the players for images [1, 16, 16], as DCGAN's, with channels for the classes."""
    generator = kit.Sequential(
        kit.ConvTranspose2d(NOISE + classes, 64, 4), kit.BatchNorm2d(64), kit.ReLU(), kit.ConvTranspose2d(64, 32, 4, 2, 1),
        kit.BatchNorm2d(32), kit.ReLU(), kit.ConvTranspose2d(32, 1, 4, 2, 1), kit.Tanh(),
    )  # fmt: skip
    discriminator = kit.Sequential(
        kit.Conv2d(1 + classes, 32, 4, 2, 1), kit.LeakyReLU(0.2), kit.Conv2d(32, 64, 4, 2, 1), kit.LeakyReLU(0.2), kit.Flatten(),
        kit.Linear(64 * 4 * 4, 1),
    )  # fmt: skip
    return generator, discriminator


def gan(players: Callable, noise: tuple[int, ...], epochs: int, seed: int = 0, **options: Any) -> GAN:
    """Return a GAN whose first weights are those of a seed."""
    with seqnn.random.seeded(seed):
        nets = players(nn)
    options = {"learning_rate": RATE, **options}
    return GAN(*nets, noise=noise, batch_size=BATCH, max_iter=epochs, random_state=seed, **options)


def train_ours(model: GAN, x: np.ndarray, threads: int) -> Measured:
    """Train, and keep the loss of the discriminator in the first epoch."""
    with seqnn.threads(threads):
        measured = timed(lambda: model.fit(x))()
    return Measured(measured.value, model.history_["discriminator_loss"][0])


def train_torch(model: GAN, players: Callable, x: np.ndarray, threads: int) -> Measured:
    """Do the same in torch: equal first weights, fused optimisers, and no gradients that a step does not need."""
    torch.set_num_threads(threads)
    nets = players(torch.nn)
    for net, given in zip(nets, (model.generator, model.discriminator), strict=True):
        first = {name: torch.tensor(array) for name, array in given.state_dict().items()}
        counts = {name: number for name, number in net.state_dict().items() if name.endswith("num_batches_tracked")}
        net.load_state_dict(first | counts)
    generator, discriminator = nets
    mine, judging = (torch.optim.Adam(n.parameters(), lr=RATE, betas=(0.5, 0.999), fused=True) for n in nets)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    rows, ones, zeros = torch.tensor(x), torch.ones(BATCH, 1), torch.zeros(BATCH, 1)

    def epoch() -> float:
        total, order = 0.0, torch.randperm(len(rows))
        for chosen in order[: len(order) // BATCH * BATCH].split(BATCH):
            with torch.no_grad():
                made = generator(torch.randn(BATCH, *model.noise))
            judging.zero_grad()
            loss = entropy(discriminator(rows[chosen]), ones) + entropy(discriminator(made), zeros)
            loss.backward()
            judging.step()
            discriminator.requires_grad_(False)
            mine.zero_grad()
            entropy(discriminator(generator(torch.randn(BATCH, *model.noise))), ones).backward()
            mine.step()
            discriminator.requires_grad_(True)
            total += loss.item()
        return total / (len(order) // BATCH)

    measured = timed(lambda: [epoch() for _ in range(model.max_iter)])()
    return Measured(measured.value, measured.result[0])


def similar(mine: float, other: float) -> float:
    """Check that both discriminators begin to learn alike; return the difference of their losses."""
    assert abs(mine - other) < 0.15, (mine, other)
    return abs(mine - other)


def normed(kit: Any) -> tuple[Any, Any]:
    """Return the players for points, the discriminator's layers with spectral norms."""
    generator, discriminator = perceptrons(kit)
    for layer in discriminator:
        if isinstance(layer, kit.Linear):
            kit.spectral_norm(layer)
    return generator, discriminator


LOSSES: dict[str, tuple[Callable, dict[str, Any]]] = {
    "non-saturating": (perceptrons, {}),
    "minimax": (perceptrons, {"loss": "minimax"}),
    "least-squares": (perceptrons, {"loss": "least-squares"}),
    "wasserstein, weights clipped at 0.1": (
        perceptrons,
        {"loss": "wasserstein", "weight_clip": 0.1, "learning_rate": RATE / 2},
    ),
    "wasserstein, spectral norms": (normed, {"loss": "wasserstein", "discriminator_steps": 2}),
}


@cache
def reached(loss: str, epochs: int, seeds: int) -> tuple[float, float]:
    """Train by a loss from some seeds; return 8 divided by the mean of the modes reached, and the share of samples near none."""
    points, centers = gaussian_ring(2048)
    players, how = LOSSES[loss]
    found = []
    for seed in range(seeds):
        model = gan(players, (NOISE,), epochs, seed, **how).fit(points)
        found.append(mode_coverage(model.sample(2000), centers, radius=0.15, least=20))
    modes, shares = np.array(found).T
    print(f"modes of 8 by seed: {modes.astype(int).tolist()}, samples near one: {shares.round(2).tolist()}")
    return float(8 / max(modes.mean(), 0.1)), float(1 - shares.mean())


FIGURES = (
    ("modes of a ring for each that is reached", "modes", 8 / 7),
    ("samples near no mode of a ring", "share of samples", 0.5),
)

KINDS = ("circle", "cross", "square", "star", "triangle")


class Joined(nn.Module):
    """A network that gets the class of each row beside it, as further channels."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net

    def forward(self, x: Any, y: Any) -> Any:
        size = x.shape[2:] or (1, 1)
        planes = np.asarray(y)[:, :, None, None] * np.ones((1, 1, *size), np.float32)
        return self.net(ops.concatenate([x.reshape(*x.shape[:2], *size), planes], axis=1))


def labelled(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images of shapes [count, 1, 16, 16] and the numbers of their kinds."""
    made = shapes(count, size=16, seed=seed)
    return made.images[:, None], np.array([KINDS.index(label) for label in made.labels.tolist()])


def with_samples(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Add twice as many samples of a GAN that has seen nothing else."""
    one_hot = np.eye(len(KINDS), dtype=np.float32)
    with seqnn.random.seeded(seed):
        generator, discriminator = convolutions(nn, len(KINDS))
    generator[-1] = nn.Sigmoid()
    model = GAN(
        Joined(generator), Joined(discriminator), noise=NOISE, learning_rate=1e-3, batch_size=20, max_iter=40,
        random_state=seed,
    ).fit(x, one_hot[y])  # fmt: skip
    more = np.arange(2 * len(x)) % len(KINDS)
    return np.concatenate([x, model.sample(y=one_hot[more], seed=1)]), np.concatenate([y, more])


def mirrored(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Add the mirror images."""
    return np.concatenate([x, x[..., ::-1]]), np.concatenate([y, y])


def wrong(augment: Callable, seeds: int) -> Callable[[], Measured]:
    """Return a side that measures the share of test images that are classified wrongly after 100 images to learn from."""

    def run() -> Measured:
        images, labels = labelled(500, 99)
        shares = []
        for seed in range(seeds):
            x, y = augment(*labelled(100, seed), seed)
            with seqnn.random.seeded(seed):
                net = nn.Sequential(
                    nn.Conv2d(1, 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.Flatten(),
                    nn.Linear(512, 32), nn.ReLU(), nn.Linear(32, len(KINDS)),
                )  # fmt: skip
            optimizer = optim.Adam(net.parameters())
            train.fit(net, ops.cross_entropy, (x, y), None, optimizer, steps=200, verbose=0, seed=seed)
            shares.append(1 - train.accuracy(net(images).numpy(), labels))
        return Measured(float(np.mean(shares)))

    return run


def cases(options: Options) -> Iterator[Case]:
    """Yield the trainings of points and of images, and the modes by each loss."""
    points, images = gaussian_ring(2048)[0], 2 * shapes(512, size=16).images[:, None] - 1
    for threads in options.threads:
        for name, players, noise, x in (
            ("points, 3 layers of 64 units", perceptrons, (NOISE,), points),
            ("images 16 x 16, transposed convolutions of 64 and 32 channels", convolutions, (NOISE, 1, 1), images),
        ):
            model = gan(players, noise, 1 if options.quick else 3)
            yield Case(
                f"{name}, batches of {BATCH}",
                partial(train_ours, model, x, threads),
                {"torch": partial(train_torch, model, players, x, threads) if torch else None},
                check=similar,
                work=model.max_iter * len(x),
                work_unit="rows",
                threads=threads,
                goals={"torch": 1.2},
            )
    epochs, seeds = (2, 1) if options.quick else (80, 5)
    for loss in LOSSES:
        for what, (name, unit, bound) in enumerate(FIGURES):
            yield Case(
                f"{name}, {loss}",
                lambda loss=loss, what=what: Measured(reached(loss, epochs, seeds)[what]),
                {f"bound of {bound:.3g}": constant(bound)},
                unit=unit,
                data=f"2,048 points, deviation 0.05 at radius 2; {epochs} epochs, five seeds",
                repeat=1,
            )
    seeds = 1 if options.quick else 3
    yield Case(
        "share wrong after 100 images, with samples of a GAN",
        wrong(with_samples, seeds),
        {
            "without samples": wrong(lambda x, y, seed: (x, y), seeds),
            "with mirror images": wrong(mirrored, seeds),
        },
        unit="share wrong",
        data="shapes 16 x 16 of five kinds, 500 held out; three seeds",
        repeat=1,
    )
