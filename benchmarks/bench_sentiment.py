"""Recurrent classifiers of sentences with attention, trained here and by torch: equal first weights, batches, schedule.

`--quality` adds word vectors that Word2Vec learns from English texts before, as they are and debiased. A seed a turn.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter

import numpy as np

import seqnn
from benchmarks import quality, text
from benchmarks.bench_text_cnn import Data, same_accuracy, sentences
from benchmarks.case import Case, Measured, Options
from benchmarks.torch_peer import torch
from seqnn import KeyedVectors, Word2Vec, autograd, models, ops, optim, train
from seqnn.embed import HardDebias
from seqnn.models._pretrained import Pretrained

SIZE, HIDDEN, DROPOUT, RATE, CLIP, EVERY = 100, 64, 0.5, 1e-3, 1.0, 4
BAND = 0.013  # the standard deviation of the share of 1,066 sentences


@dataclass(frozen=True)
class Start:
    """How a training begins: the name of its vectors, and these [V, D] or None."""

    name: str
    vectors: np.ndarray | None = None


def cases(options: Options) -> Iterator[Case]:
    """Yield the training from random vectors."""
    data = sentences(1 if options.quick else 4)
    for threads in options.threads:
        yield Case(
            f"BiLSTM with attention for sentences, {data.epochs} epochs: seconds and test accuracy",
            side(train_ours, data, threads),
            {"torch": side(train_torch, data, threads) if torch else None},
            check=same_accuracy,
            threads=threads,
            data=data.name,
            work=data.epochs * len(data.train[1]),
            work_unit="sentences",
            repeat=1 if options.quick else None,
        )


def quality_rows(options: Options, known: dict) -> Iterator[quality.Row]:
    """Yield the test accuracy over three seeds, with every kind of vectors."""
    data = sentences(options.epochs)
    for start in starts(data, options):
        ours, theirs = [], []
        for seed in (1, 2, 3):
            ours.append(train_ours(data, seed, options.threads[-1], start).result)
            key = f"{start.name}, {options.epochs} epochs, seed {seed}, quick {options.quick}"
            if torch and key not in known:
                known[key] = train_torch(data, seed, options.threads[-1], start).result
            if key in known:
                theirs.append(known[key])
        case = f"BiLSTM with attention, {start.name}, {options.epochs} epochs"
        yield quality.Row(case, "torch", "test accuracy", ours, theirs, BAND)


def starts(data: Data, options: Options) -> Iterator[Start]:
    """Yield random vectors, and vectors of an English text, as they are and debiased."""
    yield Start("random vectors")
    corpus = text.thinned(options.folder, EVERY)
    epochs = 1 if options.quick else 5
    wv = Word2Vec(str(corpus.path), vector_size=SIZE, sg=True, window=5, min_count=5, epochs=epochs, verbose=0).wv
    unit = KeyedVectors.from_arrays(wv.index_to_key, wv.get_normed_vectors())  # as debiased ones are
    for name, vectors in (
        ("vectors of a text", unit),
        ("debiased vectors of a text", HardDebias().fit(unit).transform(unit)),
    ):
        with seqnn.random.seeded(0):
            yield Start(name, Pretrained(vectors, "embedding").table(data.vocabulary))


def side(training: Callable[..., Measured], data: Data, threads: int) -> Callable[[], Measured]:
    """Return a side that trains with the next seed."""
    seeds = itertools.count(1)
    return lambda: training(data, next(seeds), threads, Start("random vectors"))


def network(data: Data, seed: int, start: Start) -> models.ManyToOne:
    """Return the network with the first weights of a seed."""
    with seqnn.random.seeded(seed):
        model = models.ManyToOne(
            SIZE, 2, hidden_size=HIDDEN, bidirectional=True, pooling="attention", dropout=DROPOUT,
            vocabulary_size=len(data.vocabulary),
        )  # fmt: skip
    if start.vectors is not None:
        model.reader.embedding.weight.data[...] = start.vectors
    return model


def train_ours(data: Data, seed: int, threads: int, start: Start) -> Measured:
    """Train and test seqnn's network."""
    model = network(data, seed, start).train()
    optimizer = optim.Adam(model.parameters(), lr=RATE)
    with seqnn.threads(threads):
        began = perf_counter()
        for ids, labels in data.batches(seed):
            ops.cross_entropy(model(ids, lengths(ids)), labels).backward()
            optim.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
            model.zero_grad()
        seconds = perf_counter() - began
        model.eval()
        with autograd.no_grad():
            batches = data.test_batches()
            hits = [train.accuracy(model(ids, lengths(ids)).numpy(), labels) * len(labels) for ids, labels in batches]
    return Measured(seconds, sum(hits) / len(data.test[1]))


def lengths(ids: np.ndarray) -> np.ndarray:
    """Return how many words each row has."""
    return (ids != 0).sum(axis=1)


def train_torch(data: Data, seed: int, threads: int, start: Start) -> Measured:
    """Train and test torch's."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    nn, rnn = torch.nn, torch.nn.utils.rnn
    state = {k: torch.tensor(v) for k, v in network(data, seed, start).state_dict().items()}
    layers = nn.ModuleDict(
        {
            "reader": nn.ModuleDict(
                {
                    "embedding": nn.Embedding(len(data.vocabulary), SIZE),
                    "recurrent": nn.LSTM(SIZE, HIDDEN, batch_first=True, bidirectional=True),
                }
            ),
            "pooling": nn.ModuleDict(
                {"hidden": nn.Linear(2 * HIDDEN, 2 * HIDDEN), "query": nn.Linear(2 * HIDDEN, 1, bias=False)}
            ),
            "output": nn.Linear(2 * HIDDEN, 2),
        }
    )
    layers.load_state_dict(state)
    optimizer = torch.optim.Adam(layers.parameters(), lr=RATE, fused=True)

    def logits(ids: np.ndarray, training: bool):
        sizes = torch.from_numpy(lengths(ids))
        x = layers["reader"]["embedding"](torch.from_numpy(ids).long())
        packed = rnn.pack_padded_sequence(x, sizes, batch_first=True, enforce_sorted=False)
        h, _ = rnn.pad_packed_sequence(layers["reader"]["recurrent"](packed)[0], batch_first=True)
        scores = layers["pooling"]["query"](torch.tanh(layers["pooling"]["hidden"](h)))[:, :, 0]
        outside = torch.arange(h.shape[1]) >= sizes[:, None]
        weights = scores.masked_fill(outside, -torch.inf).softmax(1)
        pooled = (h * weights[:, :, None]).sum(1)
        return layers["output"](nn.functional.dropout(pooled, DROPOUT, training))

    began = perf_counter()
    for ids, labels in data.batches(seed):
        optimizer.zero_grad()
        nn.functional.cross_entropy(logits(ids, True), torch.from_numpy(labels).long()).backward()
        nn.utils.clip_grad_norm_(layers.parameters(), CLIP)
        optimizer.step()
    seconds = perf_counter() - began
    with torch.no_grad():
        hits = sum(int((logits(i, False).argmax(1).numpy() == y).sum()) for i, y in data.test_batches())
    return Measured(seconds, hits / len(data.test[1]))
