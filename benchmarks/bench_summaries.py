"""Summaries of docstrings: their first lines, by `Seq2Seq` and `Translator`, beside the lead and beside torch.

`--quality` trains both models on nine of ten docstrings for as many epochs as it says (take 12), and compares the ROUGE-L of
what they write for the others with that of the first sentence of each text (the lead), and with that of the summary of the most
similar text that is learnt from: docstrings repeat each other, and this summary is much better than the lead. The settings of
the recurrent model were chosen on every tenth text to learn from: small batches, for many updates, and none held out, as ROUGE
goes on rising when the loss of held-out texts hardly falls. The log-likelihood of the recurrent model of torch with equal first
weights and batches stands beside ours. The speed is that of some updates of the recurrent model.
"""

from collections.abc import Iterator

import numpy as np

import seqnn
from benchmarks import quality
from benchmarks.bench_seq2seq import log_perplexity, train_ours, train_torch
from benchmarks.case import Case, Options
from benchmarks.multi30k import BATCH, Data, training_case
from benchmarks.torch_peer import torch
from seqnn.data import docstring_summaries
from seqnn.metrics import rouge
from seqnn.models import Seq2Seq, Translator
from seqnn.text import SPECIALS, Vocabulary

MOST, BAND, MAX_DIFFERENCE = 100, 0.01, 0.03
TWIN_EPOCHS = 3  # of the comparison of log-likelihoods
WRITING = {"num_beams": 4, "no_repeat_ngram_size": 2, "suppress_tokens": [[*SPECIALS].index("unk")]}


class Summaries(Data):
    """Docstrings and their first lines; of a text the first `MOST` words are read."""

    def __init__(self) -> None:
        self.name = "docstrings of Python and NumPy"
        texts, summaries = docstring_summaries()
        texts = [text[:MOST] for text in texts]
        self.pairs = {
            "train": tuple([row for i, row in enumerate(side) if i % 10] for side in (texts, summaries)),
            "val": (texts[::10], summaries[::10]),
        }
        self.words = [Vocabulary.from_tokens(side, min_frequency=2) for side in self.pairs["train"]]
        self.parts = {
            part: (
                [self.words[0].encode(s, eos=True) for s in texts],
                [self.words[1].encode(s, bos=True, eos=True) for s in summaries],
            )
            for part, (texts, summaries) in self.pairs.items()
        }


def cases(options: Options) -> Iterator[Case]:
    """Yield some updates of the recurrent model."""
    data, updates = Summaries(), 3 if options.quick else 20
    for threads in options.threads:
        yield training_case("BiGRU with attention, summaries", train_ours, train_torch, data, updates, threads, 2.5)


def quality_rows(options: Options, known: dict) -> Iterator[quality.Row]:
    """Yield ROUGE-L of three seeds against that of the lead and of the nearest text, and the log-likelihood against torch's."""
    data = Summaries()
    peers = {
        "lead": rouge_of([text[: text.index(".")] if "." in text else text for text in data.pairs["val"][0]], data),
        "nearest text": rouge_of([data.pairs["train"][1][i] for i in nearest(data)], data),
    }
    told = ", ".join(f"{peer} {score:.4f}" for peer, score in peers.items())
    makers = {
        "Seq2Seq": lambda seed: Seq2Seq(
            cell="gru", hidden_size=128, embedding_size=128, bidirectional=True, attention="additive", dropout=0.2,
            max_length=50, min_frequency=2, batch_size=16, learning_rate=2e-3, max_iter=options.epochs,
            validation_fraction=0, random_state=seed,
        ),
        "Translator": lambda seed: Translator(
            d_model=256, nhead=4, num_layers=2, dim_feedforward=512, dropout=0.2, max_length=MOST, min_frequency=2,
            batch_size=BATCH, warmup=400, max_iter=options.epochs, validation_fraction=0.05, random_state=seed,
        ),
    }  # fmt: skip
    train = [side[: 64 if options.quick else None] for side in data.pairs["train"]]
    for name, make in makers.items():
        found = []
        for seed in (1, 2, 3):
            with seqnn.threads(options.threads[-1]):
                model = make(seed).fit(*train)
                written = model.predict(data.pairs["val"][0], **WRITING)
            found.append(rouge_of(written, data))
            print(f"{name}, seed {seed}, {model.n_iter_} epochs: ROUGE-L {found[-1]:.4f}, {told}", flush=True)
        case = f"{name}, {options.epochs} epochs, {data.name}"
        for peer, score in peers.items():
            yield quality.Row(case, peer, "ROUGE-L", found, [score] * 3, BAND)
    yield against_torch(data, options)


def nearest(data: Summaries) -> np.ndarray:
    """Return the text to learn from that is most similar to each of the others, by the cosine of weighted word counts."""
    sides = []
    for part in ("train", "val"):
        counts = np.zeros((len(data.parts[part][0]), len(data.words[0])), np.float32)
        for row, ids in zip(counts, data.parts[part][0], strict=True):
            np.add.at(row, ids, 1)
        sides.append(counts)
    rarity = np.log(len(sides[0]) / np.maximum(1, (sides[0] > 0).sum(axis=0)))
    learnt, asked = (np.log1p(counts) * rarity for counts in sides)
    learnt /= np.linalg.norm(learnt, axis=1, keepdims=True)
    return np.argmax(asked @ learnt.T, axis=1)


def against_torch(data: Summaries, options: Options) -> quality.Row:
    """Return the log-likelihood of the recurrent model and of torch's, of equal first weights and batches."""
    updates = 2 if options.quick else TWIN_EPOCHS * -(-len(data.parts["train"][0]) // BATCH)
    sides: dict = {train_ours: [], train_torch: []}
    for seed in (1, 2, 3):
        for training, found in sides.items():
            if training is train_torch and torch is None:
                continue
            with seqnn.threads(options.threads[-1]):
                found.append(-log_perplexity(data, training(data, updates, seed)[2]))
    case = f"BiGRU with attention, {TWIN_EPOCHS} epochs, {data.name}"
    return quality.Row(
        case, "torch", "log-likelihood, validation", sides[train_ours], sides[train_torch], np.log1p(MAX_DIFFERENCE)
    )


def rouge_of(written: list[list[str]], data: Summaries) -> float:
    """Return the mean F-measure of ROUGE-L."""
    true = [" ".join(row) for row in data.pairs["val"][1]]
    return rouge([" ".join(row) for row in written], true, ["rougeL"])["rougeL"].fmeasure
