"""A GPT that learns Shakespeare's plays character by character, here and in torch: equal first weights and batches."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import seqnn
from benchmarks import quality
from benchmarks.case import Case, Measured, Options
from benchmarks.torch_peer import torch
from seqnn import autograd, models, optim

FILE = Path(__file__).resolve().parents[2] / "shared" / "data" / "shakespeare.txt"
TIME, BATCH, LEARNING_RATE, WARMUP, WEIGHT_DECAY = 64, 12, 2e-3, 100, 0.01
SIZES = {"d_model": 128, "nhead": 4, "num_layers": 4, "max_positions": TIME, "dropout": 0.0}
MAX_DIFFERENCE = 0.01


class Data:
    """Characters as ids: nine tenths to learn from, the rest for validation."""

    def __init__(self) -> None:
        if FILE.exists():
            text, self.name = FILE.read_text(encoding="utf-8"), "Shakespeare's plays, 1.1 million characters"
        else:
            words = np.random.default_rng(0).choice(["the", "king", "comes", "speak", "my", "lord", "so"], 40_000)
            text, self.name = " ".join(words), "made sentences"
        self.characters = sorted(set(text))
        number = {c: i for i, c in enumerate(self.characters)}
        ids = np.array([number[c] for c in text], np.int32)
        cut = len(ids) * 9 // 10
        self.train, self.validation = ids[:cut], ids[cut:]

    def batches(self, updates: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Windows from random places, and the same one character further."""
        draw = np.random.default_rng(seed)
        for _ in range(updates):
            places = draw.integers(0, len(self.train) - TIME, BATCH)[:, None] + np.arange(TIME)
            yield self.train[places], self.train[places + 1]

    def validation_batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start in range(0, min(20 * BATCH, len(self.validation) // TIME - 1), BATCH):
            places = (start + np.arange(BATCH))[:, None] * TIME % (len(self.validation) - TIME) + np.arange(TIME)
            yield self.validation[places], self.validation[places + 1]

    def text(self, ids: np.ndarray) -> str:
        return "".join(self.characters[i] for i in ids)


def model(data: Data, seed: int) -> models.GPT:
    """Return the model with the first weights of a seed."""
    with seqnn.random.seeded(seed):
        return models.GPT(len(data.characters), **SIZES)


def train_ours(data: Data, updates: int, seed: int) -> tuple[float, list[float], models.GPT]:
    """Return (seconds, [mean loss of the last twenty updates, loss of validation], the model)."""
    gpt = model(data, seed).train()
    optimizer = optim.AdamW(gpt.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    losses = []
    start = perf_counter()
    for n, (ids, targets) in enumerate(data.batches(updates, seed)):
        warm_up(optimizer, n)
        gpt.zero_grad()
        loss = gpt(ids, targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    seconds = perf_counter() - start
    gpt.eval()
    with autograd.no_grad():
        validation = [gpt(ids, targets).item() for ids, targets in data.validation_batches()]
    return seconds, [float(np.mean(losses[-20:])), float(np.mean(validation))], gpt


def train_torch(data: Data, updates: int, seed: int) -> tuple[float, list[float]]:
    """Return the same of torch."""
    weights = {k: torch.tensor(v, requires_grad=True) for k, v in model(data, seed).state_dict().items()}
    optimizer = torch.optim.AdamW(weights.values(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True)

    def loss_of(batch: tuple[np.ndarray, np.ndarray]) -> Any:
        ids, targets = (torch.from_numpy(x).long() for x in batch)
        return torch.nn.functional.cross_entropy(torch_logits(weights, ids).flatten(0, 1), targets.flatten())

    losses = []
    start = perf_counter()
    for n, batch in enumerate(data.batches(updates, seed)):
        warm_up(optimizer, n)
        optimizer.zero_grad()
        loss = loss_of(batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    seconds = perf_counter() - start
    with torch.no_grad():
        validation = [loss_of(batch).item() for batch in data.validation_batches()]
    return seconds, [float(np.mean(losses[-20:])), float(np.mean(validation))]


def warm_up(optimizer: Any, n: int) -> None:
    """Set the learning rate of update n of either optimiser."""
    optimizer.param_groups[0]["lr"] = LEARNING_RATE * min(1.0, (n + 1) / WARMUP)


def torch_logits(weights: dict[str, Any], ids: Any) -> Any:
    """Return what the model computes, in torch's functions."""
    f = torch.nn.functional
    size, heads = SIZES["d_model"], SIZES["nhead"]

    def norm(x: Any, name: str) -> Any:
        return f.layer_norm(x, (size,), weights[f"{name}.weight"], weights[f"{name}.bias"])

    def linear(x: Any, name: str) -> Any:
        return f.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    x = f.embedding(ids, weights["embedding.weight"]) + weights["positions.weight"][: ids.shape[1]]
    for i in range(SIZES["num_layers"]):
        layer = f"transformer.layers.{i}"
        attention = f"{layer}.self_attn.in_proj"
        qkv = f.linear(norm(x, f"{layer}.norm1"), weights[f"{attention}_weight"], weights[f"{attention}_bias"])
        q, k, v = (y.unflatten(-1, (heads, -1)).transpose(1, 2) for y in qkv.chunk(3, -1))
        attended = f.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
        x = x + linear(attended, f"{layer}.self_attn.out_proj")
        inner = f.gelu(linear(norm(x, f"{layer}.norm2"), f"{layer}.linear1"), approximate="tanh")
        x = x + linear(inner, f"{layer}.linear2")
    return f.linear(norm(x, "transformer.norm"), weights["embedding.weight"])


def cases(options: Options) -> Iterator[Case]:
    """Yield a few updates."""
    data = Data()
    updates = 3 if options.quick else 50

    def side(training: Callable, threads: int) -> Callable[[], Measured]:
        seeds = itertools.count(1)

        def run() -> Measured:
            with seqnn.threads(threads):
                if torch:
                    torch.set_num_threads(threads)
                seconds, losses, *_ = training(data, updates, next(seeds))
            return Measured(seconds, losses)

        return run

    for threads in options.threads:
        yield Case(
            f"GPT, {updates} updates of {BATCH} × {TIME} characters",
            side(train_ours, threads),
            {"torch": side(train_torch, threads) if torch else None},
            check=same_losses,
            threads=threads,
            data=data.name,
            work=updates * BATCH * TIME,
            work_unit="characters",
        )


def same_losses(mine: list[float], other: list[float]) -> float:
    """Check that the losses agree; return the largest relative difference."""
    worst = max(abs(a / b - 1) for a, b in zip(mine, other, strict=True))
    assert worst < MAX_DIFFERENCE, (mine, other)
    return worst


def quality_rows(options: Options, known: dict) -> Iterator[quality.Row]:
    """Yield log-likelihoods after 200 updates an epoch, of two seeds; print how the first one goes on with lines."""
    data, updates = Data(), 10 if options.quick else 200 * options.epochs
    ours, theirs = [], []
    for seed in (1, 2):
        with seqnn.threads(options.threads[-1]):
            _, losses, gpt = train_ours(data, updates, seed)
        ours.append(losses)
        if seed == 1:
            with seqnn.random.seeded(1):
                begun = data.validation[: 4 * 16].reshape(4, 16)
                for line in gpt.generate(begun, TIME - 16, do_sample=True, temperature=0.7, top_k=20):
                    print(f"{data.text(line[:16])!r} ... {data.text(line[16:])!r}")
        if torch:
            torch.set_num_threads(options.threads[-1])
            theirs.append(train_torch(data, updates, seed)[1])
    name = f"GPT, {updates} updates, {data.name}"
    for n, score in enumerate(("log-likelihood, training", "log-likelihood, validation")):
        mine, other = ([-losses[n] for losses in side] for side in (ours, theirs))
        yield quality.Row(name, "torch", score, mine, other, MAX_DIFFERENCE * -float(np.mean(mine)))
