"""`models.LanguageModel`, two LSTM layers of characters and of words, and a GPT: seconds and perplexity, here and by torch.

Equal first weights, batches and schedule: Adam with a learning rate that falls to 0, clipped gradients, backpropagation
through `STEPS` steps with the state of the LSTM carried on from batch to batch, one table of vectors for input and output; no
dropout, whose masks would differ. A seed a turn. The speed is that of a part of the text with the vocabulary of the whole,
`--quality` reads it all.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import seqnn
from benchmarks import quality
from benchmarks.bench_gpt import SIZES, torch_logits
from benchmarks.case import Case, Measured, Options
from benchmarks.torch_peer import torch
from seqnn.autograd import no_grad
from seqnn.data import python_docs
from seqnn.models import GPT, LanguageModel, RecurrentLM
from seqnn.text import Vocabulary
from seqnn.train import Streams

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
STREAMS, STEPS, HIDDEN, LAYERS, LEARNING_RATE, CLIP = 32, 48, 256, 2, 3e-3, 1.0
BAND = 0.01  # nats
LEARNT, TESTED = 45_000, 9_000  # tokens of a turn of the speed


@dataclass(frozen=True)
class Task:
    """A kind of model, and ids to train on and to test on, [N] each."""

    cell: str
    name: str
    unit: str
    train: np.ndarray
    test: np.ndarray
    size: int
    embedding: int

    @property
    def title(self) -> str:
        return f"{'GPT' if self.cell == 'gpt' else 'LSTM'} language model, {self.name}"

    def part(self) -> "Task":
        """Return the same with the first tokens of either text, and one of the last id: the model makes as many as it meets."""
        return replace(self, train=np.append(self.train[:LEARNT], self.size - 1), test=self.test[:TESTED])


def cases(options: Options) -> Iterator[Case]:
    """Yield the training of each model for an epoch."""
    for whole in tasks(options.quick):
        task = whole.part()
        for threads in options.threads:
            yield Case(
                f"{task.title}: seconds and test perplexity",
                side(train_ours, task, threads),
                {"torch": side(train_torch, task, threads) if torch else None},
                goals={"torch": 2.0},
                check=same_perplexity,
                threads=threads,
                data=f"{task.name} ({task.train.size} of {whole.train.size} {task.unit}s)",
                work=task.train.size,
                work_unit=f"{task.unit}s",
            )


def quality_rows(options: Options, known: dict) -> Iterator[quality.Row]:
    """Yield the test log-likelihood, minus the log of the perplexity, over three seeds (`run.py --quality`)."""
    for task in tasks(options.quick):
        ours, theirs = [], []
        for seed in (1, 2, 3):
            ours.append(-float(np.log(train_ours(task, seed, options.threads[-1], options.epochs).result)))
            key = f"{task.title}, {task.train.size}, {options.epochs} epochs, seed {seed}"
            if torch and key not in known:
                known[key] = -float(np.log(train_torch(task, seed, options.threads[-1], options.epochs).result))
            if key in known:
                theirs.append(known[key])
        case = f"{task.title}, {options.epochs} epochs"
        yield quality.Row(case, "torch", f"log-likelihood a {task.unit}", ours, theirs, BAND)


def side(training: Callable[..., Measured], task: Task, threads: int) -> Callable[[], Measured]:
    """Return a side that trains with the next seed."""
    seeds = itertools.count(1)
    return lambda: training(task, next(seeds), threads)


def tasks(quick: bool) -> Iterator[Task]:
    """Yield characters and words by an LSTM, and characters by a GPT; of the built-in corpus where the data are not at hand."""
    plays, captions = DATA / "shakespeare.txt", DATA / "multi30k" / "train.en"
    built_in = list(itertools.islice(python_docs(), 20_000)) if not (plays.exists() and captions.exists()) else []
    whole = plays.read_text(encoding="utf8") if plays.exists() else " ".join(" ".join(s) for s in built_in)
    letters = list(whole[: len(whole) // (40 if quick else 1)])
    name = "Shakespeare" if plays.exists() else "seqnn.data.python_docs()"
    characters = cut("lstm", f"characters of {name}", "character", letters, 1, 64)
    yield characters
    lines = (
        [line.split() for line in captions.read_text(encoding="utf8").splitlines()] if captions.exists() else built_in
    )
    words = [word for line in lines[: len(lines) // (40 if quick else 1)] for word in (*line, "</s>")]
    name = "Multi30k English" if captions.exists() else "seqnn.data.python_docs()"
    yield cut("lstm", f"words of {name}", "word", words, 2, 128)
    yield replace(characters, cell="gpt")


def cut(cell: str, name: str, unit: str, tokens: list[str], min_frequency: int, embedding: int) -> Task:
    """Return the last tenth for testing, the rest for training."""
    end = len(tokens) * 9 // 10
    vocabulary = Vocabulary.from_tokens([tokens[:end]], min_frequency=min_frequency, specials={"unk": "<unk>"})
    ids = vocabulary.encode(tokens)
    return Task(cell, name, unit, ids[:end], ids[end:], len(vocabulary), embedding)


def estimator(task: Task, seed: int, epochs: int) -> LanguageModel:
    """Return the model of a seed, which has not learnt anything."""
    sizes = (
        {"hidden_size": SIZES["d_model"], "nhead": SIZES["nhead"], "num_layers": SIZES["num_layers"]}
        if task.cell == "gpt"
        else {"hidden_size": HIDDEN, "num_layers": LAYERS, "embedding_size": task.embedding}
    )
    return LanguageModel(
        cell=task.cell, **sizes, dropout=0.0, batch_size=STREAMS, window=STEPS, learning_rate=LEARNING_RATE,
        schedule="linear", clip_norm=CLIP, max_iter=epochs, validation_fraction=0, random_state=seed,
    )  # fmt: skip


def first_weights(task: Task, seed: int) -> dict[str, np.ndarray]:
    """Return those of the model of a seed."""
    with seqnn.random.seeded(seed):
        if task.cell == "gpt":
            return GPT(task.size, **{**SIZES, "max_positions": STEPS}).state_dict()
        return RecurrentLM(
            task.size, embedding_size=task.embedding, hidden_size=HIDDEN, num_layers=LAYERS, cell="lstm"
        ).state_dict()


def test_streams(task: Task) -> Streams:
    """Return what both sides are tested on."""
    return Streams(task.test, batch_size=STREAMS, window=STEPS, shift=False)


def train_ours(task: Task, seed: int, threads: int, epochs: int = 1) -> Measured:
    """Train and test a `LanguageModel`: seconds of the whole fit, perplexity."""
    with seqnn.threads(threads):
        start = perf_counter()
        model = estimator(task, seed, epochs).fit(task.train)
        seconds = perf_counter() - start
        total = count = 0
        with no_grad():
            for ids, carried, target in test_streams(task):
                counted = int((target >= 0).sum())
                state = (carried,) if task.cell != "gpt" else ()
                total += model.model_(ids, *state, target).item() * counted
                count += counted
    return Measured(seconds, float(np.exp(total / count)))


def train_torch(task: Task, seed: int, threads: int, epochs: int = 1) -> Measured:
    """Train and test torch's on the same batches."""
    torch.set_num_threads(threads)
    twin = (GPTTwin if task.cell == "gpt" else Twin)(first_weights(task, seed))
    optimizer = torch.optim.Adam(twin.parameters(), lr=LEARNING_RATE, fused=True)
    start = perf_counter()
    streams = Streams(task.train, batch_size=STREAMS, window=STEPS, seed=seed)
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
            state = None if state is None else tuple(s.detach() for s in state)
    seconds = perf_counter() - start
    total, count, state = 0.0, 0, None
    with torch.no_grad():
        for ids, _, target in test_streams(task):
            value, state = twin(ids, target, state, "sum")
            total, count = total + value.item(), count + int((target >= 0).sum())
    return Measured(seconds, float(np.exp(total / count)))


class Twin(torch.nn.Module if torch else object):
    """The same model of torch, with the same weights: the output uses the table of the vectors."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        super().__init__()
        state = {name: torch.tensor(array) for name, array in weights.items()}
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
        logits = torch.nn.functional.linear(self.projection(out), self.embedding.weight, self.bias)
        return loss_of(logits, target, reduction), state


class GPTTwin:
    """The same GPT in torch's functions."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self.weights = {name: torch.tensor(array, requires_grad=True) for name, array in weights.items()}

    def parameters(self) -> list:
        """List the weights."""
        return list(self.weights.values())

    def __call__(self, ids: np.ndarray, target: np.ndarray, state: None, reduction: str) -> tuple:
        """Return the loss of arrays, and no state."""
        return loss_of(torch_logits(self.weights, torch.from_numpy(ids)), target, reduction), state


def loss_of(logits: Any, target: np.ndarray, reduction: str) -> Any:
    """Return torch's cross-entropy of logits [B, T, V] and ids [B, T]."""
    return torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), torch.from_numpy(target).flatten(), reduction=reduction
    )


def same_perplexity(mine: float, other: float) -> float:
    """Check that the perplexities agree within 2 %; return the relative difference."""
    assert abs(mine / other - 1) < 0.02, (mine, other)
    return mine / other - 1
