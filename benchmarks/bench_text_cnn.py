"""A CNN that classifies sentences, trained here and by torch: equal first weights, batches and schedule; a seed a turn."""

import itertools
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from time import perf_counter

import numpy as np

import seqnn
from benchmarks.case import Case, Measured, Options
from benchmarks.torch_peer import torch
from seqnn import autograd, models, ops, optim, train
from seqnn.text import Vocabulary, length_buckets, pad

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "sentiment"
EPOCHS, BATCH, WIDTHS, FILTERS, SIZE = 4, 50, (3, 4, 5), 100, 100


def cases(options: Options) -> Iterator[Case]:
    """Yield the training of four epochs."""
    data = sentences(2 if options.quick else EPOCHS)
    for threads in options.threads:
        yield Case(
            f"CNN for sentences, {data.epochs} epochs: seconds and test accuracy",
            data.side(train_ours, threads),
            {"torch": data.side(train_torch, threads) if torch else None},
            check=same_accuracy,
            threads=threads,
            data=data.name,
            work=data.epochs * len(data.train[1]),
            work_unit="sentences",
        )


class Data:
    """Encoded sentences with labels, and the batches of a seed; of the words of the test those in `known` have ids too."""

    def __init__(
        self, name: str, tokens: list, labels: np.ndarray, test: np.ndarray, epochs: int, known: Container[str] = ()
    ) -> None:
        self.name, self.epochs = name, epochs
        sides = zip(tokens, test, strict=True)
        self.vocabulary = Vocabulary.from_tokens([[w for w in t if w in known] if held else t for t, held in sides])
        ids = [self.vocabulary.encode(t) for t in tokens]
        self.train = [i for i, held in zip(ids, test, strict=True) if not held], labels[~test]
        self.test = [i for i, held in zip(ids, test, strict=True) if held], labels[test]

    def batches(self, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All batches of a training run."""
        ids, labels = self.train
        for epoch in range(self.epochs):
            for rows in length_buckets([len(i) for i in ids], BATCH, seed=1000 * seed + epoch):
                yield padded([ids[r] for r in rows]), labels[rows]

    def test_batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        ids, labels = self.test
        for rows in length_buckets([len(i) for i in ids], 250):
            yield padded([ids[r] for r in rows]), labels[rows]

    def side(self, training: Callable, threads: int) -> Callable[[], Measured]:
        """Return a side that trains with the next seed."""
        seeds = itertools.count(1)

        def run() -> Measured:
            with seqnn.threads(threads):
                return training(self, next(seeds), threads)

        return run


def sentences(epochs: int, known: Container[str] = ()) -> Data:
    """Return the polarity data, every tenth sentence for testing; or made ones where it is not at hand."""
    if FOLDER.exists():
        lines, labels = polarity()
        texts = [line.split() for line in lines]
        name = "sentence polarity, 9,596 sentences"
    else:
        draw = np.random.default_rng(0)
        words = draw.integers(0, 3000, (4000, 20))
        texts = [[f"w{w}" for w in row] for row in words]
        labels = (words < 300).sum(axis=1) > 2
        name = "made sentences"
    test = np.arange(len(texts)) % 10 == 9
    return Data(name, texts, np.array(labels, np.int32), test, epochs, known)


def polarity() -> tuple[list[str], list[int]]:
    """Return the sentences of the polarity data, and the class of each: 0 where it is negative."""
    lines = [(FOLDER / f"{name}.txt").read_text(encoding="utf8").splitlines() for name in ("neg", "pos")]
    return [*lines[0], *lines[1]], [0] * len(lines[0]) + [1] * len(lines[1])


def padded(ids: list) -> np.ndarray:
    """Return ids [N, T] with T at least the widest window."""
    return pad(ids, length=max(max(map(len, ids)), *WIDTHS))[0].astype(np.int32, copy=False)


def network(data: Data, seed: int) -> models.TextCNN:
    """Return the network with the first weights of a seed."""
    seqnn.random.seed(seed)
    return models.TextCNN(len(data.vocabulary), 2, embedding_size=SIZE, widths=WIDTHS, filters=FILTERS)


def train_ours(data: Data, seed: int, threads: int) -> Measured:
    """Train and test seqnn's network."""
    model = network(data, seed).train()
    optimizer = optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    start = perf_counter()
    for ids, labels in data.batches(seed):
        model.zero_grad()
        ops.cross_entropy(model(ids), labels).backward()
        optimizer.step()
    seconds = perf_counter() - start
    model.eval()
    with autograd.no_grad():
        hits = [train.accuracy(model(ids).numpy(), labels) * len(labels) for ids, labels in data.test_batches()]
    return Measured(seconds, sum(hits) / len(data.test[1]))


def train_torch(data: Data, seed: int, threads: int) -> Measured:
    """Train and test torch's."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    nn = torch.nn
    layers = nn.ModuleDict(
        {
            "embedding": nn.Embedding(len(data.vocabulary), SIZE, padding_idx=0),
            "convolutions": nn.ModuleList([nn.Conv1d(SIZE, FILTERS, width) for width in WIDTHS]),
            "output": nn.Linear(FILTERS * len(WIDTHS), 2),
        }
    )
    layers.load_state_dict({k: torch.tensor(v) for k, v in network(data, seed).state_dict().items()})
    optimizer = torch.optim.AdamW(layers.parameters(), lr=1e-3, weight_decay=1e-2, fused=True)

    def logits(ids: np.ndarray, training: bool):
        ids = torch.from_numpy(ids).long()
        x = layers["embedding"](ids).transpose(1, 2)
        lengths = (ids != 0).sum(1, keepdim=True)
        largest = []
        for convolution, width in zip(layers["convolutions"], WIDTHS, strict=True):
            h = torch.relu(convolution(x))
            inside = torch.arange(h.shape[2]) < (lengths - (width - 1)).clamp(min=1)
            largest.append(h.masked_fill(~inside[:, None], -1).amax(2))
        return layers["output"](nn.functional.dropout(torch.cat(largest, 1), 0.5, training))

    start = perf_counter()
    for ids, labels in data.batches(seed):
        optimizer.zero_grad()
        nn.functional.cross_entropy(logits(ids, True), torch.from_numpy(labels).long()).backward()
        optimizer.step()
    seconds = perf_counter() - start
    with torch.no_grad():
        hits = sum(int((logits(i, False).argmax(1).numpy() == y).sum()) for i, y in data.test_batches())
    return Measured(seconds, hits / len(data.test[1]))


def same_accuracy(mine: float, other: float) -> float:
    """Check that one run's accuracies are as near as two draws of 1,066 test sentences; return the difference."""
    assert abs(mine - other) < 0.05, (mine, other)
    return mine - other
