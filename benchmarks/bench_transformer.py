"""A Transformer's layer, forward and backward, and a small Transformer that learns to translate, against torch.

Both sides start from the same weights and see the same batches. `--quality` compares perplexities of the validation set.
"""

import itertools
import math
import warnings
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import numpy as np

import seqnn
from benchmarks import quality
from benchmarks.case import Case, Options
from benchmarks.multi30k import BATCH, Data, training_case
from benchmarks.torch_peer import our_step, ours, same_arrays, same_norms, their_step, theirs, torch
from seqnn import autograd, models, nn, ops, optim

WARMUP = 400
SIZES = {"d_model": 128, "nhead": 4, "num_encoder_layers": 2, "num_decoder_layers": 2, "dim_feedforward": 512}
MAX_DIFFERENCE = 0.03  # of the perplexity, relative


def model(data: Data, seed: int) -> models.Transformer:
    """Return the model with the first weights of a seed."""
    with seqnn.random.seeded(seed):
        return models.Transformer(*map(len, data.words), **SIZES, norm_first=True, dropout=0.0, label_smoothing=0.0)


def train_ours(data: Data, updates: int, seed: int) -> tuple[float, list[float]]:
    """Return (seconds, [mean loss of the last ten updates, log-perplexity of validation])."""
    transformer = model(data, seed).train()
    optimizer = optim.Adam(transformer.parameters(), lr=1.0, betas=(0.9, 0.98), eps=1e-9)
    schedule = optim.Scheduler(optimizer, optim.Noam(SIZES["d_model"], WARMUP))
    losses = []
    start = perf_counter()
    for batch in data.updates(updates, seed):
        transformer.zero_grad()
        loss = transformer(*batch)
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    seconds = perf_counter() - start
    transformer.eval()
    with autograd.no_grad():
        perplexity = log_perplexity(data, lambda *batch: transformer(*batch).item())
    return seconds, [float(np.mean(losses[-10:])), perplexity]


def train_torch(data: Data, updates: int, seed: int) -> tuple[float, list[float]]:
    """Return the same of torch."""
    first = model(data, seed)
    size = SIZES["d_model"]
    tables = [torch.nn.Parameter(torch.tensor(table.weight.data)) for table in (first.source, first.target)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that pre-norm layers take no nested tensors
        transformer = torch.nn.Transformer(*SIZES.values(), dropout=0.0, norm_first=True, batch_first=True)
    state = first.state_dict()
    transformer.load_state_dict(
        {k: torch.from_numpy(v) for k, v in state.items() if k.split(".")[0] in ("encoder", "decoder")}
    )
    parameters = [*tables, *transformer.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1.0, betas=(0.9, 0.98), eps=1e-9, fused=True)
    noam = optim.Noam(size, WARMUP)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, noam)
    positions = torch.from_numpy(ops.sinusoidal_positions(256, size))

    def embedded(table: Any, ids: np.ndarray) -> Any:
        x = torch.nn.functional.embedding(torch.from_numpy(ids).long(), table, padding_idx=0)
        return x * math.sqrt(size) + positions[: ids.shape[1]]

    def loss_of(source: np.ndarray, lengths: np.ndarray, target: np.ndarray, following: np.ndarray) -> Any:
        padding = torch.from_numpy(np.arange(source.shape[1]) >= lengths[:, None])
        out = transformer(
            embedded(tables[0], source), embedded(tables[1], target), src_key_padding_mask=padding,
            memory_key_padding_mask=padding, tgt_is_causal=True,
            tgt_mask=torch.nn.Transformer.generate_square_subsequent_mask(target.shape[1]),
        )  # fmt: skip
        logits = torch.nn.functional.linear(out, tables[1]).flatten(0, 1)
        return torch.nn.functional.cross_entropy(logits, torch.from_numpy(following).long().flatten())

    losses = []
    transformer.train()
    start = perf_counter()
    for batch in data.updates(updates, seed):
        optimizer.zero_grad()
        loss = loss_of(*batch)
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    seconds = perf_counter() - start
    with torch.no_grad():
        perplexity = log_perplexity(data, lambda *batch: loss_of(*batch).item())
    return seconds, [float(np.mean(losses[-10:])), perplexity]


def log_perplexity(data: Data, loss_of: Callable[..., float]) -> float:
    """Return the mean loss of a word of the validation set."""
    total, words = 0.0, 0
    for batch in data.batches("val", None):
        count = int((batch[3] >= 0).sum())
        total, words = total + count * loss_of(*batch), words + count
    return total / words


def cases(options: Options) -> Iterator[Case]:
    """Yield the encoder layer, then some updates of the translation model."""
    data, updates = Data(), 3 if options.quick else 30
    for threads in options.threads:
        yield from layer_cases(options.quick, threads)
        yield training_case("Transformer", train_ours, train_torch, data, updates, threads)


def layer_cases(quick: bool, threads: int) -> Iterator[Case]:
    """Yield TransformerEncoderLayer, forward, and forward + backward."""
    batch, time, size, heads, inner = (2, 16, 32, 4, 64) if quick else (32, 128, 512, 8, 2048)
    rng = np.random.default_rng(1)
    x, grad = (rng.standard_normal((batch, time, size), np.float32) for _ in range(2))
    layer = nn.TransformerEncoderLayer(size, heads, inner, dropout=0.0)
    frozen = nn.TransformerEncoderLayer(size, heads, inner, dropout=0.0).eval()
    frozen.load_state_dict(layer.state_dict())
    frozen.freeze()
    peer = other = None
    if torch:
        peer, other = (
            torch.nn.TransformerEncoderLayer(size, heads, inner, dropout=0.0, batch_first=True) for _ in range(2)
        )
        for theirs_ in (peer, other.eval()):
            theirs_.load_state_dict({k: torch.from_numpy(v) for k, v in layer.state_dict().items()})

    def forward() -> list:
        with torch.no_grad():
            return [other(torch.from_numpy(x))]

    def our_forward() -> list:
        with autograd.no_grad():
            return [frozen(x).data]

    name = f"encoder layer, {batch} × {time}, d {size}, {heads} heads, ff {inner}"
    yield Case(
        f"{name}, forward", ours(our_forward, threads), {"torch": theirs(forward, threads)}, check=same_arrays,
        threads=threads, goals={"torch": 2.3},
    )  # fmt: skip
    yield Case(
        f"{name}, forward + backward",
        ours(with_parameters(our_step(layer, [x], grad), layer), threads),
        {"torch": theirs(with_parameters(their_step(peer, [x], grad), peer), threads)},
        check=same_norms,
        threads=threads,
        goals={"torch": 2.3},
    )


def with_parameters(step: Callable[[], list], layer: Any) -> Callable[[], list]:
    """Return the step with clear gradients of the layer's parameters before and those gradients behind its result."""

    def run() -> list:
        for parameter in layer.parameters():
            parameter.grad = None
        return [*step(), *(parameter.grad for parameter in layer.parameters())]

    return run


def quality_rows(options: Options, known: dict) -> Iterator[quality.Row]:
    """Yield log-perplexities of validation after 100 updates an epoch, of two seeds; print the seconds of an epoch."""
    data, updates = Data(), 5 if options.quick else 100 * options.epochs
    epoch = len(data.parts["train"][0]) / BATCH
    sides: dict[Callable, list[list[float]]] = {train_ours: [], train_torch: []}
    for seed, (training, found) in itertools.product((1, 2), sides.items()):
        if training is train_torch and torch is None:
            continue
        with seqnn.threads(options.threads[-1]):
            if torch:
                torch.set_num_threads(options.threads[-1])
            seconds, losses = training(data, updates, seed)
        found.append(losses)
        shown = f"perplexity {math.exp(losses[1]):.2f}, {seconds / updates * epoch:.0f} s an epoch"
        print(f"{training.__name__}, seed {seed}, {updates} updates: {shown}", flush=True)
    for n, score in enumerate(("log-likelihood, training", "log-likelihood, validation")):
        mine, other = ([-losses[n] for losses in side] for side in sides.values())
        yield quality.Row(
            f"Transformer, {updates} updates, {data.name}", "torch", score, mine, other, math.log1p(MAX_DIFFERENCE)
        )
