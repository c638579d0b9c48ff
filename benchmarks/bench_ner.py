"""Named entities by a BiLSTM and a CRF over words, letters and casing, trained here and by torch; a seed a turn.

Both sides have equal first weights and see equal batches, in which equal words are spelt once; the span F1 is that of
conlleval, of the second test file.
"""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import seqnn
from benchmarks import quality
from benchmarks.bench_crf import their_loss, their_tags
from benchmarks.case import Case, Measured, Options
from benchmarks.torch_peer import torch
from seqnn import autograd, optim
from seqnn.metrics import convert_tags, span_f1
from seqnn.models import Tagger
from seqnn.models._base import by_length
from seqnn.models._coders import padded_classes
from seqnn.models._tag_scheme import TagScheme
from seqnn.text import length_buckets, read_conll

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "ner_es"
BATCH, RATE, CLIP = 32, 2e-3, 5.0
BAND = 0.01


class Data:
    """Encoded sentences, and the estimator that makes their networks."""

    def __init__(self, quick: bool, epochs: int) -> None:
        self.epochs = epochs
        train, test = self._texts()
        count = 600 if quick else len(train[0])
        tokens = train[0][:count]
        # A span of the file begins with I-LOC.
        tags = convert_tags(train[1][:count], "IOB2", "IOB2", invalid="repair")
        self.test_tokens, self.gold = test[0][: 300 if quick else None], test[1][: 300 if quick else None]
        self.estimator = Tagger(max_iter=1, validation_fraction=0, learning_rate=0.0).fit(tokens[:1], tags[:1])
        self._learn(tokens, tags)
        self.tokens = sum(map(len, tokens))

    @staticmethod
    def _texts() -> list:
        if FOLDER.exists():
            return [read_conll(FOLDER / name) for name in ("esp.train", "esp.testb")]
        draw = np.random.default_rng(0)
        words = [[[f"w{w}" for w in row] for row in draw.integers(0, 2000, (count, 20))] for count in (3000, 500)]
        return [(rows, [["B-X" if len(w) < 4 else "O" for w in row] for row in rows]) for rows in words]

    def _learn(self, tokens: list, tags: list) -> None:
        """Learn words and tags as `fit` does, without training."""
        estimator = self.estimator
        estimator._tags = TagScheme(tags, "IOBES")
        estimator.classes_ = estimator._tags.classes()
        self.rows, self.coder = estimator._encode(estimator._sentences(tokens, "X", empty=False))
        number = {tag: i for i, tag in enumerate(estimator.classes_.tolist())}
        self.tags = [np.array([number[tag] for tag in row]) for row in estimator._tags.to_learn(tags)]
        self.test = self.coder.encode(estimator._sentences(self.test_tokens, "X", empty=False), "X")

    def network(self, seed: int) -> Any:
        """Return the network with the first weights of a seed."""
        with seqnn.random.seeded(seed):
            return self.estimator._make()

    def batches(self, seed: int) -> Iterator[tuple[Any, np.ndarray, np.ndarray]]:
        """Yield the batches of a training run: words, lengths, tags; the padding is -100."""
        for epoch in range(self.epochs):
            for part in length_buckets([len(row) for row in self.rows], BATCH, seed=1000 * seed + epoch):
                words, lengths = self.coder.collate([self.rows[i] for i in part])
                yield words, lengths, padded_classes([self.tags[i] for i in part])

    def score(self, tagged: Callable[[Any, np.ndarray], list]) -> float:
        """Return the F1 of the tags [T] that a function gives to the sentences of a batch."""
        with autograd.no_grad():
            found = by_length(self.test, 256, lambda part: tagged(*self.coder.collate(part)))
        names = [self.estimator.classes_[row].tolist() for row in found]
        return span_f1(self.gold, self.estimator._tags.found(names), mode="conlleval").f1


def cases(options: Options) -> Iterator[Case]:
    """Yield the training of an epoch."""
    data = Data(options.quick, 1)
    for threads in options.threads:
        yield Case(
            "BiLSTM-CRF with letters and casing: seconds an epoch and test F1",
            side(train_ours, data, threads),
            {"torch": side(train_torch, data, threads) if torch else None},
            check=same_f1,
            threads=threads,
            data=f"CoNLL-2002 Spanish, {data.tokens:,} tokens" if FOLDER.exists() else "made sentences",
            work=data.tokens,
            work_unit="tokens",
            goals={"torch": 4.0},
        )


def quality_rows(options: Options, known: dict) -> Iterator[quality.Row]:
    """Yield the test F1 over three seeds."""
    data, ours, theirs = Data(options.quick, options.epochs), [], []
    for seed in (1, 2, 3):
        ours.append(train_ours(data, seed, options.threads[-1]).result)
        key = f"{data.tokens} tokens, {options.epochs} epochs, seed {seed}"
        if torch and key not in known:
            known[key] = train_torch(data, seed, options.threads[-1]).result
        if key in known:
            theirs.append(known[key])
    yield quality.Row(f"BiLSTM-CRF, {options.epochs} epochs", "torch", "test F1", ours, theirs, BAND)


def side(training: Callable[..., Measured], data: Data, threads: int) -> Callable[[], Measured]:
    """Return a side that trains with the next seed."""
    seeds = itertools.count(1)
    return lambda: training(data, next(seeds), threads)


def train_ours(data: Data, seed: int, threads: int) -> Measured:
    """Train and test seqnn's network."""
    model = data.network(seed).train()
    learnt = list(model.parameters())
    optimizer = optim.AdamW(learnt, lr=RATE, weight_decay=0.0)
    with seqnn.threads(threads):
        began = perf_counter()
        for words, lengths, tags in data.batches(seed):
            loss, _ = model(words, lengths, np.ones(len(lengths)), tags)
            (loss / int(lengths.sum())).backward()
            optim.clip_grad_norm_(learnt, CLIP)
            optimizer.step()
            optimizer.zero_grad()
        seconds = perf_counter() - began
        model.eval()
        return Measured(seconds, data.score(lambda words, lengths: model.decode(model(words, lengths), lengths)))


def train_torch(data: Data, seed: int, threads: int) -> Measured:
    """Train and test torch's."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    nn, rnn = torch.nn, torch.nn.utils.rnn
    first, settings = data.network(seed), data.estimator._used
    state = {k: nn.Parameter(torch.tensor(v)) for k, v in first.state_dict().items()}
    lstm = nn.LSTM(first.reader.recurrent.input_size, settings.hidden_size, batch_first=True, bidirectional=True)
    lstm.load_state_dict({k.removeprefix("reader.recurrent."): v for k, v in state.items() if ".recurrent." in k})
    others = {k: v for k, v in state.items() if ".recurrent." not in k}
    learnt = [*lstm.parameters(), *others.values()]
    optimizer = torch.optim.AdamW(learnt, lr=RATE, weight_decay=0.0, fused=True)
    words_of, letters_of, casings_of = (
        others[f"reader.embedding.{name}.weight"] for name in ("words", "spelling.embedding", "casing")
    )
    filters = [others[f"reader.embedding.spelling.reader.{name}"] for name in ("weight", "bias")]
    chain = [others[f"crf.{name}"] for name in ("transitions", "start_transitions", "end_transitions")]
    unknown = data.coder.vocabulary.unk_id

    def emissions(words: Any, lengths: np.ndarray, training: bool) -> Any:
        dropped = nn.functional.dropout
        ids = torch.from_numpy(words.ids).long()
        if training:
            ids = torch.where(torch.rand(ids.shape) < settings.word_dropout, unknown, ids)
        inside = torch.arange(words.letters.shape[1]) < torch.from_numpy(words.sizes)[:, None]
        x = nn.functional.embedding(torch.from_numpy(words.letters).long(), letters_of) * inside[:, :, None]
        h = nn.functional.conv1d(x.transpose(1, 2), *filters, padding=1)
        spelt = h.masked_fill(~inside[:, None], -torch.inf).amax(2)
        parts = [
            nn.functional.embedding(ids, words_of), spelt[torch.from_numpy(words.spelled).long()],
            nn.functional.embedding(torch.from_numpy(words.casings).long(), casings_of),
        ]  # fmt: skip
        x = dropped(torch.cat(parts, -1), settings.dropout, training)
        packed = rnn.pack_padded_sequence(x, torch.from_numpy(lengths), batch_first=True, enforce_sorted=False)
        h, _ = rnn.pad_packed_sequence(lstm(packed)[0], batch_first=True)
        h = dropped(h, settings.dropout, training)
        return nn.functional.linear(h, others["head.output.weight"], others["head.output.bias"]).transpose(0, 1)

    began = perf_counter()
    for words, lengths, tags in data.batches(seed):
        optimizer.zero_grad()
        mask = torch.arange(int(lengths.max()))[:, None] < torch.from_numpy(lengths)
        gold = torch.from_numpy(np.maximum(tags, 0).T.copy())
        (their_loss(emissions(words, lengths, True), *chain, gold, mask) * len(lengths) / int(lengths.sum())).backward()
        nn.utils.clip_grad_norm_(learnt, CLIP)
        optimizer.step()
    seconds = perf_counter() - began
    allowed = [np.where(a, 0, -1e4).astype(np.float32) for a in first.crf.constraints]

    def tagged(words: Any, lengths: np.ndarray) -> list:
        with torch.no_grad():
            mask = torch.arange(int(lengths.max()))[:, None] < torch.from_numpy(lengths)
            scores = [s + torch.from_numpy(a) for s, a in zip(chain, allowed, strict=True)]
            best = their_tags(emissions(words, lengths, False), *scores, mask)[0]
        return [row[:n] for row, n in zip(best, lengths, strict=True)]

    return Measured(seconds, data.score(tagged))


def same_f1(mine: float, other: float) -> float:
    """Check that F1 after an epoch is about the same; return the difference."""
    assert abs(mine - other) < 0.08, (mine, other)
    return mine - other
