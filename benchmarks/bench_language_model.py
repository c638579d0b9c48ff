"""`models.LanguageModel` with two LSTM layers, of characters and of words: seconds and perplexity, here and by torch.

Equal first weights, batches and schedule: Adam with a learning rate that falls to 0, clipped gradients, backpropagation
through `STEPS` steps with the state carried on from batch to batch, one table of vectors for input and output; no dropout,
whose masks would differ. A seed a turn.
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
from seqnn.autograd import no_grad
from seqnn.data import python_docs
from seqnn.models import LanguageModel, RecurrentLM
from seqnn.text import Vocabulary
from seqnn.train import Streams

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
STREAMS, STEPS, HIDDEN, LAYERS, LEARNING_RATE, CLIP = 32, 48, 256, 2, 3e-3, 1.0
BAND = 0.01  # nats


@dataclass(frozen=True)
class Text:
    """Ids to train on and to test on, [N] each."""

    name: str
    unit: str
    train: np.ndarray
    test: np.ndarray
    size: int
    embedding: int


def cases(options: Options) -> Iterator[Case]:
    """Yield the training of both texts for an epoch."""
    for text in texts(options.quick):
        for threads in options.threads:
            yield Case(
                f"LSTM language model, {text.name}: seconds an epoch and test perplexity",
                side(train_ours, text, threads),
                {"torch": side(train_torch, text, threads) if torch else None},
                goals={"torch": 2.0},
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
    return Text(name, unit, ids[:end], ids[end:], len(vocabulary), embedding)


def estimator(text: Text, seed: int, epochs: int) -> LanguageModel:
    """Return the model of a seed, which has not learnt anything."""
    return LanguageModel(
        cell="lstm", hidden_size=HIDDEN, num_layers=LAYERS, embedding_size=text.embedding, dropout=0.0,
        batch_size=STREAMS, window=STEPS, learning_rate=LEARNING_RATE, schedule="linear", clip_norm=CLIP, max_iter=epochs,
        validation_fraction=0, random_state=seed,
    )  # fmt: skip


def test_streams(text: Text) -> Streams:
    """Return what both sides are tested on."""
    return Streams(text.test, batch_size=STREAMS, window=STEPS, shift=False)


def train_ours(text: Text, seed: int, threads: int, epochs: int = 1) -> Measured:
    """Train and test a `LanguageModel`: seconds of the whole fit, perplexity."""
    with seqnn.threads(threads):
        start = perf_counter()
        model = estimator(text, seed, epochs).fit(text.train)
        seconds = perf_counter() - start
        total = count = 0
        with no_grad():
            for ids, carried, target in test_streams(text):
                counted = int((target >= 0).sum())
                total += model.model_(ids, carried, target).item() * counted
                count += counted
    return Measured(seconds, float(np.exp(total / count)))


def train_torch(text: Text, seed: int, threads: int, epochs: int = 1) -> Measured:
    """Train and test torch's on the same batches."""
    torch.set_num_threads(threads)
    with seqnn.random.seeded(seed):
        ours = RecurrentLM(text.size, embedding_size=text.embedding, hidden_size=HIDDEN, num_layers=LAYERS, cell="lstm")
    twin = Twin(ours)
    optimizer = torch.optim.Adam(twin.parameters(), lr=LEARNING_RATE, fused=True)
    start = perf_counter()
    streams = Streams(text.train, batch_size=STREAMS, window=STEPS, seed=seed)
    steps = epochs * streams.batches()
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / steps))
    for epoch in range(epochs):
        state = None
        for ids, _, target in streams.epoch(epoch):
            optimizer.zero_grad()
            value, state = twin(ids, target, state, "mean")
            value.backward()
            torch.nn.utils.clip_grad_norm_(twin.parameters(), CLIP)
            optimizer.step()
            schedule.step()
            state = tuple(s.detach() for s in state)
    seconds = perf_counter() - start
    total, count, state = 0.0, 0, None
    with torch.no_grad():
        for ids, _, target in test_streams(text):
            value, state = twin(ids, target, state, "sum")
            total, count = total + value.item(), count + int((target >= 0).sum())
    return Measured(seconds, float(np.exp(total / count)))


class Twin(torch.nn.Module if torch else object):
    """The same model of torch, with the same weights: the output uses the table of the vectors."""

    def __init__(self, ours: RecurrentLM) -> None:
        super().__init__()
        state = {name: torch.tensor(array) for name, array in ours.state_dict().items()}
        size, width = state["embedding.weight"].shape
        self.embedding = torch.nn.Embedding(size, width)
        self.recurrent = torch.nn.LSTM(width, HIDDEN, LAYERS, batch_first=True)
        self.projection = torch.nn.Linear(HIDDEN, width, bias=False)
        self.bias = torch.nn.Parameter(state.pop("head.bias"))
        self.load_state_dict({**state, "bias": self.bias.data})

    def forward(self, ids: np.ndarray, target: np.ndarray, state: Any, reduction: str) -> tuple:
        """Return the loss of arrays, and the state."""
        x = self.embedding(torch.from_numpy(ids)) * self.embedding.embedding_dim**0.5
        out, state = self.recurrent(x, state)
        logits = torch.nn.functional.linear(self.projection(out), self.embedding.weight, self.bias).flatten(0, 1)
        target = torch.from_numpy(target).flatten()
        return torch.nn.functional.cross_entropy(logits, target, reduction=reduction), state


def same_perplexity(mine: float, other: float) -> float:
    """Check that the perplexities agree within 2 %; return the relative difference."""
    assert abs(mine / other - 1) < 0.02, (mine, other)
    return mine / other - 1
