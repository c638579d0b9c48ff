"""Recurrent classifiers of sentences, trained here and by torch: equal first weights, batches, schedule.

`--quality` adds word vectors that Word2Vec learns from all of the English text before, as they are and debiased,
and what debiasing does to the answers. The settings were chosen on sentences to learn from that were held out, never on those of
the test. A seed a turn.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

import numpy as np

import seqnn
from benchmarks import gender_swap, quality, text
from benchmarks.bench_text_cnn import BATCH, Data, same_accuracy, sentences
from benchmarks.case import Case, Measured, Options
from benchmarks.torch_peer import torch
from seqnn import KeyedVectors, Word2Vec, autograd, models, ops, optim
from seqnn.embed import HardDebias
from seqnn.models._pretrained import Pretrained

SIZE, HIDDEN, EMBEDDING_DROPOUT, DROPOUT, RATE, CLIP = 100, 64, 0.5, 0.5, 2e-3, 1.0
VECTOR_SIZE, LENGTH = 300, 2.0  # of the vectors of a text
BAND = 0.013  # the standard deviation of the share of 1,066 sentences


class Scores(NamedTuple):
    """What is told of a classifier: its accuracy on the test, and what it makes of gender, see `gender_swap.agreement`."""

    accuracy: float
    agreement: float


@dataclass(frozen=True)
class Start:
    """How a training begins: the name of its vectors, the sentences in ids of theirs, and the vectors [V, D] or None."""

    name: str
    data: Data
    vectors: np.ndarray | None = None


def cases(options: Options) -> Iterator[Case]:
    """Yield the training from random vectors."""
    data = sentences(1 if options.quick else 3)
    start = Start("random vectors", data)
    for threads in options.threads:
        yield Case(
            f"BiLSTM for sentences, {data.epochs} epochs: seconds and test accuracy",
            side(train_ours, start, threads),
            {"torch": side(train_torch, start, threads) if torch else None},
            check=lambda mine, other: same_accuracy(mine.accuracy, other),
            threads=threads,
            data=data.name,
            work=data.epochs * len(data.train[1]),
            work_unit="sentences",
            repeat=1 if options.quick else None,
        )


def quality_rows(options: Options, known: dict) -> Iterator[quality.Row]:
    """Yield the test accuracy over three seeds with every kind of vectors, and what debiasing the vectors changes."""
    found = []
    for start in starts(options):
        ours, theirs = [], []
        for seed in (1, 2, 3):
            mine = train_ours(start, seed, options.threads[-1])
            ours.append(mine.result)
            key = f"{start.name}, {options.epochs} epochs, seed {seed}, quick {options.quick}"
            if torch and key not in known:
                known[key] = train_torch(start, seed, options.threads[-1]).result
            if key in known:
                theirs.append(known[key])
            print(f"{key}: {mine.value:.1f} s, {mine.result}", flush=True)
        found.append(ours)
        case = f"BiLSTM, {start.name}, {options.epochs} epochs"
        yield quality.Row(case, "torch", "test accuracy", [scores.accuracy for scores in ours], theirs, BAND)
    _, before, after = (np.array(scores).T.tolist() for scores in found)
    for name, mine, other in zip(("test accuracy", "agreement of he and she"), after, before, strict=True):
        case = f"BiLSTM, debiased vectors of a text, {options.epochs} epochs"
        yield quality.Row(case, "the vectors as they were", name, mine, other, BAND)


def starts(options: Options) -> Iterator[Start]:
    """Yield random vectors, and vectors of an English text, as they are and debiased, all of the same length."""
    yield Start("random vectors", sentences(options.epochs))
    corpus = text.thinned(options.folder, 4) if options.quick else text.whole(options.folder)
    epochs = 1 if options.quick else 5
    wv = Word2Vec(str(corpus.path), vector_size=VECTOR_SIZE, sg=True, min_count=5, epochs=epochs, verbose=0).wv
    unit = KeyedVectors.from_arrays(wv.index_to_key, wv.get_normed_vectors())  # as debiased ones are
    data = sentences(options.epochs, known=wv.key_to_index)
    for name, vectors in (
        ("vectors of a text", unit),
        ("debiased vectors of a text", HardDebias().fit(unit).transform(unit)),
    ):
        with seqnn.random.seeded(0):
            yield Start(name, data, LENGTH * Pretrained(vectors, "embedding").table(data.vocabulary))


def side(training: Callable[..., Measured], start: Start, threads: int) -> Callable[[], Measured]:
    """Return a side that trains with the next seed."""
    seeds = itertools.count(1)
    return lambda: training(start, next(seeds), threads)


def network(start: Start, seed: int) -> models.ManyToOne:
    """Return the network with the first weights of a seed."""
    with seqnn.random.seeded(seed):
        model = models.ManyToOne(
            SIZE if start.vectors is None else VECTOR_SIZE, 2, hidden_size=HIDDEN, bidirectional=True, pooling="max",
            embedding_dropout=EMBEDDING_DROPOUT, dropout=DROPOUT, vocabulary_size=len(start.data.vocabulary),
        )  # fmt: skip
    if start.vectors is not None:
        model.reader.embedding.weight.data[...] = start.vectors
    return model


def train_ours(start: Start, seed: int, threads: int) -> Measured:
    """Train and test seqnn's network."""
    data, model = start.data, network(start, seed).train()
    optimizer = optim.Adam(model.parameters(), lr=RATE)
    scheduler = optim.Scheduler(optimizer, optim.Linear(steps(data), start=1, end=0))

    def answer(ids: np.ndarray) -> np.ndarray:
        return ops.softmax(model(ids, lengths(ids)).numpy())

    with seqnn.threads(threads):
        began = perf_counter()
        for ids, labels in data.batches(seed):
            ops.cross_entropy(model(ids, lengths(ids)), labels).backward()
            optim.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
            scheduler.step()
            model.zero_grad()
        seconds = perf_counter() - began
        model.eval()
        with autograd.no_grad():
            hits = sum(int((answer(ids).argmax(axis=1) == labels).sum()) for ids, labels in data.test_batches())
            agreement = gender_swap.agreement(answer, data.test[0], data.vocabulary)
    return Measured(seconds, Scores(hits / len(data.test[1]), agreement))


def steps(data: Data) -> int:
    """Return how many batches a training has; its learning rate falls to zero with them."""
    return data.epochs * -(-len(data.train[1]) // BATCH)


def lengths(ids: np.ndarray) -> np.ndarray:
    """Return how many words each row has."""
    return (ids != 0).sum(axis=1)


def train_torch(start: Start, seed: int, threads: int) -> Measured:
    """Train and test torch's."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    data, nn, rnn = start.data, torch.nn, torch.nn.utils.rnn
    state = {k: torch.tensor(v) for k, v in network(start, seed).state_dict().items()}
    count, size = state["reader.embedding.weight"].shape
    layers = nn.ModuleDict(
        {
            "reader": nn.ModuleDict(
                {
                    "embedding": nn.Embedding(count, size),
                    "recurrent": nn.LSTM(size, HIDDEN, batch_first=True, bidirectional=True),
                }
            ),
            "output": nn.Linear(2 * HIDDEN, 2),
        }
    )
    layers.load_state_dict(state)
    optimizer = torch.optim.Adam(layers.parameters(), lr=RATE, fused=True)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps(data))

    def logits(ids: np.ndarray, training: bool):
        sizes = torch.from_numpy(lengths(ids))
        x = nn.functional.dropout(
            layers["reader"]["embedding"](torch.from_numpy(ids).long()), EMBEDDING_DROPOUT, training
        )
        packed = rnn.pack_padded_sequence(x, sizes, batch_first=True, enforce_sorted=False)
        h, _ = rnn.pad_packed_sequence(layers["reader"]["recurrent"](packed)[0], batch_first=True)
        outside = torch.arange(h.shape[1]) >= sizes[:, None]
        pooled = h.masked_fill(outside[:, :, None], -torch.inf).amax(1)
        return layers["output"](nn.functional.dropout(pooled, DROPOUT, training))

    began = perf_counter()
    for ids, labels in data.batches(seed):
        optimizer.zero_grad()
        nn.functional.cross_entropy(logits(ids, True), torch.from_numpy(labels).long()).backward()
        nn.utils.clip_grad_norm_(layers.parameters(), CLIP)
        optimizer.step()
        scheduler.step()
    seconds = perf_counter() - began
    with torch.no_grad():
        hits = sum(int((logits(i, False).argmax(1).numpy() == y).sum()) for i, y in data.test_batches())
    return Measured(seconds, hits / len(data.test[1]))
