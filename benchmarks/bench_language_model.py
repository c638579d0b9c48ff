"""Language models by two LSTM layers, characters and words: seconds and perplexity, here and by torch.

Equal first weights, batches and schedule: Adam with a learning rate that falls to 0, clipped gradients, backpropagation
through `STEPS` steps with the state carried on from batch to batch; no dropout, whose masks would differ. A seed a turn.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import seqnn
from benchmarks import quality
from benchmarks.case import Case, Measured, Options
from benchmarks.torch_peer import torch
from seqnn import Tensor, nn, ops, optim
from seqnn.autograd import no_grad
from seqnn.data import python_docs
from seqnn.text import Vocabulary

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
STREAMS, STEPS, HIDDEN, LAYERS, LEARNING_RATE, CLIP = 32, 48, 256, 2, 3e-3, 1.0
BAND = 0.01  # nats


@dataclass(frozen=True)
class Text:
    """Ids to train on and to test on, both [T, STREAMS]: side by side stretches of a text."""

    name: str
    unit: str
    train: np.ndarray
    test: np.ndarray
    size: int
    embedding: int


class LanguageModel(nn.Module):
    """Ids [T, B], a state and the next ids to their mean cross-entropy, or without those to logits, and to the next state."""

    def __init__(self, size: int, embedding: int) -> None:
        self.embedding = nn.Embedding(size, embedding)
        self.lstm = nn.LSTM(embedding, HIDDEN, LAYERS)
        self.output = nn.Linear(HIDDEN, size)

    def forward(self, ids: np.ndarray, state: Any = None, target: Any = None) -> tuple[Tensor, Any]:
        out, state = self.lstm(self.embedding(ids), state)
        if target is None:
            return self.output(out), state
        return ops.linear_cross_entropy(out, self.output.weight, target, self.output.bias), state


def cases(options: Options) -> Iterator[Case]:
    """Yield the training of both texts for an epoch."""
    for text in texts(options.quick):
        for threads in options.threads:
            yield Case(
                f"LSTM language model, {text.name}: seconds an epoch and test perplexity",
                side(train_ours, text, threads),
                {"torch": side(train_torch, text, threads) if torch else None},
                check=same_perplexity,
                threads=threads,
                data=f"{text.name} ({text.train.size} {text.unit}s)",
                work=text.train.size,
                work_unit=f"{text.unit}s",
            )


def quality_rows(options: Options, known: dict) -> Iterator[quality.Row]:
    """Yield the test log-likelihood, minus the log of the perplexity, over three seeds (`run.py --quality`)."""
    for text in texts(options.quick):
        ours, theirs = [], []
        for seed in (1, 2, 3):
            ours.append(-float(np.log(train_ours(text, seed, options.threads[-1], options.epochs).result)))
            key = f"{text.name}, {text.train.size}, {options.epochs} epochs, seed {seed}"
            if torch and key not in known:
                known[key] = -float(np.log(train_torch(text, seed, options.threads[-1], options.epochs).result))
            if key in known:
                theirs.append(known[key])
        case = f"LSTM language model, {text.name}, {options.epochs} epochs"
        yield quality.Row(case, "torch", f"log-likelihood a {text.unit}", ours, theirs, BAND)


def side(training: Callable[..., Measured], text: Text, threads: int) -> Callable[[], Measured]:
    """Return a side that trains with the next seed."""
    seeds = itertools.count(1)
    return lambda: training(text, next(seeds), threads)


def texts(quick: bool) -> Iterator[Text]:
    """Yield characters and words; of the built-in corpus where the data are not at hand."""
    plays, captions = DATA / "shakespeare.txt", DATA / "multi30k" / "train.en"
    built_in = list(itertools.islice(python_docs(), 20_000)) if not (plays.exists() and captions.exists()) else []
    whole = plays.read_text(encoding="utf8") if plays.exists() else " ".join(" ".join(s) for s in built_in)
    letters = list(whole[: len(whole) // (40 if quick else 1)])
    name = "Shakespeare" if plays.exists() else "seqnn.data.python_docs()"
    yield cut(f"characters of {name}", "character", letters, 1, 64)
    lines = (
        [line.split() for line in captions.read_text(encoding="utf8").splitlines()] if captions.exists() else built_in
    )
    words = [word for line in lines[: len(lines) // (40 if quick else 1)] for word in (*line, "</s>")]
    name = "Multi30k English" if captions.exists() else "seqnn.data.python_docs()"
    yield cut(f"words of {name}", "word", words, 2, 128)


def cut(name: str, unit: str, tokens: list[str], min_frequency: int, embedding: int) -> Text:
    """Return the last tenth for testing, the rest for training."""
    end = len(tokens) * 9 // 10
    vocabulary = Vocabulary.from_tokens([tokens[:end]], min_frequency=min_frequency, specials={"unk": "<unk>"})
    ids = vocabulary.encode(tokens)
    parts = [part[: len(part) // STREAMS * STREAMS].reshape(STREAMS, -1).T.copy() for part in (ids[:end], ids[end:])]
    return Text(name, unit, *parts, len(vocabulary), embedding)


def stretches(ids: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (inputs, targets) [STEPS or fewer, STREAMS], one after the other."""
    return [(ids[i : i + STEPS][: len(ids) - 1 - i], ids[i + 1 : i + 1 + STEPS]) for i in range(0, len(ids) - 1, STEPS)]


def network(text: Text, seed: int) -> LanguageModel:
    """Return the network with the first weights of a seed."""
    with seqnn.random.seeded(seed):
        return LanguageModel(text.size, text.embedding)


def train_ours(text: Text, seed: int, threads: int, epochs: int = 1) -> Measured:
    """Train and test seqnn's network: seconds of the training, perplexity."""
    model = network(text, seed)
    optimizer = optim.Adam(model.parameters(), lr=LEARNING_RATE)
    batches = stretches(text.train)
    schedule = optim.Scheduler(optimizer, lambda step: 1 - step / (epochs * len(batches)))
    with seqnn.threads(threads):
        start = perf_counter()
        for _ in range(epochs):
            state = None
            for ids, target in batches:
                model.zero_grad()
                loss, state = model(ids, state, target)
                loss.backward()
                optim.clip_grad_norm_(model.parameters(), CLIP)
                optimizer.step()
                schedule.step()
                state = tuple(s.detach() for s in state)
        seconds = perf_counter() - start
        total, state = 0.0, None
        model.eval()
        with no_grad():
            for ids, target in stretches(text.test):
                logits, state = model(ids, state)
                total += ops.cross_entropy(logits.reshape(-1, text.size), target.reshape(-1), reduction="sum").item()
    return Measured(seconds, float(np.exp(total / (len(text.test) - 1) / STREAMS)))


def train_torch(text: Text, seed: int, threads: int, epochs: int = 1) -> Measured:
    """Train and test torch's."""
    torch.set_num_threads(threads)
    layers = torch.nn.ModuleDict(
        {
            "embedding": torch.nn.Embedding(text.size, text.embedding),
            "lstm": torch.nn.LSTM(text.embedding, HIDDEN, LAYERS),
            "output": torch.nn.Linear(HIDDEN, text.size),
        }
    )
    layers.load_state_dict({k: torch.tensor(v) for k, v in network(text, seed).state_dict().items()})
    optimizer = torch.optim.Adam(layers.parameters(), lr=LEARNING_RATE, fused=True)
    batches = stretches(text.train)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / (epochs * len(batches)))

    def loss(ids: np.ndarray, target: np.ndarray, state: Any, reduction: str) -> tuple:
        out, state = layers["lstm"](layers["embedding"](torch.from_numpy(ids).long()), state)
        logits = layers["output"](out).reshape(-1, text.size)
        target = torch.from_numpy(target.reshape(-1)).long()
        return torch.nn.functional.cross_entropy(logits, target, reduction=reduction), state

    start = perf_counter()
    for _ in range(epochs):
        state = None
        for ids, target in batches:
            optimizer.zero_grad()
            value, state = loss(ids, target, state, "mean")
            value.backward()
            torch.nn.utils.clip_grad_norm_(layers.parameters(), CLIP)
            optimizer.step()
            schedule.step()
            state = tuple(s.detach() for s in state)
    seconds = perf_counter() - start
    total, state = 0.0, None
    with torch.no_grad():
        for ids, target in stretches(text.test):
            value, state = loss(ids, target, state, "sum")
            total += value.item()
    return Measured(seconds, float(np.exp(total / (len(text.test) - 1) / STREAMS)))


def same_perplexity(mine: float, other: float) -> float:
    """Check that the perplexities agree within 2 %; return the relative difference."""
    assert abs(mine / other - 1) < 0.02, (mine, other)
    return mine / other - 1
