"""Some updates of a recurrent translation model with attention, and what it learns, against the same model of torch.

BiGRU 256, additive attention before the cell, GRU 256, vectors of 256. Both sides start from the same weights and see the
same batches. `--quality` compares perplexities of the validation set after each epoch, and tells BLEU of the test set.
"""

import math
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import numpy as np

import seqnn
from benchmarks import quality
from benchmarks.bench_attention_decoder import twin
from benchmarks.case import Case, Options, timed
from benchmarks.multi30k import BATCH, Data, training_case
from benchmarks.torch_peer import torch
from seqnn import autograd, models, optim

SIZE, RATE, CLIP = 256, 1e-3, 1.0
MAX_DIFFERENCE = 0.03  # of the perplexity, relative
TORCH_EPOCHS = 1  # of the comparison of quality
BLEU = 33.0


def cases(options: Options) -> Iterator[Case]:
    """Yield some updates of the model."""
    data, updates = Data(), 3 if options.quick else 30
    for threads in options.threads:
        yield training_case("BiGRU with additive attention", train_ours, train_torch, data, updates, threads, 2.5)


def model(data: Data, seed: int) -> models.EncoderDecoder:
    """Return the model with the first weights of a seed."""
    source, target = map(len, data.words)
    with seqnn.random.seeded(seed):
        return models.EncoderDecoder(
            SIZE, target, hidden_size=SIZE, cell="gru", bidirectional=True, vocabulary_size=source, embedding_size=SIZE,
            attention="additive",
        )  # fmt: skip


def train_ours(
    data: Data, updates: int, seed: int, look: Callable[[int, Any], None] | None = None
) -> tuple[float, list[float], Any]:
    """Return (seconds, the mean loss of the last ten updates, loss_of(batch)); look(updates so far, network) after each."""
    network = model(data, seed).train()
    optimizer = optim.Adam(network.parameters(), lr=RATE)
    losses = []
    start = perf_counter()
    for count, batch in enumerate(data.updates(updates, seed), start=1):
        network.zero_grad()
        loss = network(*batch)
        loss.backward()
        optim.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()
        losses.append(loss.item())
        if look:
            start += timed(lambda count=count: look(count, network))().value
    seconds = perf_counter() - start
    network.eval()
    return seconds, [float(np.mean(losses[-10:]))], network


def train_torch(
    data: Data, updates: int, seed: int, look: Callable[[int, Any], None] | None = None
) -> tuple[float, list[float], Any]:
    """Return the same of torch."""
    network = Peer(model(data, seed))
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE, fused=True)
    losses = []
    start = perf_counter()
    for count, batch in enumerate(data.updates(updates, seed), start=1):
        optimizer.zero_grad()
        loss = network(*batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()
        losses.append(loss.item())
        if look:
            start += timed(lambda count=count: look(count, network))().value
    return perf_counter() - start, [float(np.mean(losses[-10:]))], network


class Peer(torch.nn.Module if torch else object):
    """The same model of torch, with the same weights."""

    def __init__(self, ours: models.EncoderDecoder) -> None:
        super().__init__()
        state = {name: torch.tensor(array) for name, array in ours.state_dict().items()}

        def loaded(layer: Any, prefix: str) -> Any:
            layer.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
            return layer

        sizes = [state[f"{side}.embedding.weight"].shape for side in ("reader", "writer")]
        self.source, self.target = (
            loaded(torch.nn.Embedding(*size), f"{side}.embedding.")
            for side, size in zip(("reader", "writer"), sizes, strict=True)
        )
        self.encoder = loaded(torch.nn.GRU(SIZE, SIZE, batch_first=True, bidirectional=True), "reader.recurrent.")
        self.start = loaded(torch.nn.Linear(2 * SIZE, SIZE), "writer.start.")
        self.decoder = twin(ours.writer.decoder)
        self.readout = loaded(torch.nn.Linear(4 * SIZE, SIZE), "writer.readout.")
        self.output = loaded(torch.nn.Linear(SIZE, sizes[1][0]), "writer.output.")

    def forward(self, source: Any, lengths: Any, target: Any, following: Any) -> Any:
        """Return the mean loss of a batch of arrays."""
        source, target, following = (torch.from_numpy(a).long() for a in (source, target, following))
        lengths = torch.from_numpy(lengths).long()
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            self.source(source), lengths, batch_first=True, enforce_sorted=False
        )
        states, last = self.encoder(packed)
        states, _ = torch.nn.utils.rnn.pad_packed_sequence(states, batch_first=True, total_length=source.shape[1])
        first = torch.tanh(self.start(torch.cat([last[0], last[1]], dim=1)))
        x = self.target(target)
        out = self.decoder(x, states, lengths, first)
        hidden = torch.tanh(self.readout(torch.cat([out, x], dim=2)))
        logits = self.output(hidden).flatten(0, 1)
        return torch.nn.functional.cross_entropy(logits, following.flatten(), ignore_index=-100)


def quality_rows(options: Options, known: dict) -> Iterator[quality.Row]:
    """Yield log-perplexities of validation after each of the epochs that are asked for, and BLEU of the test, of three seeds.

    A line tells each epoch at once, and a seed that is done is kept: an interrupted run goes on with the next. torch trains
    for `TORCH_EPOCHS`, as the two remain the same model.
    """
    data = Data()
    epoch = 5 if options.quick else math.ceil(len(data.parts["train"][0]) / BATCH)
    sides: dict = {train_ours: [], train_torch: []}
    for seed in (1, 2, 3):
        for training, found in sides.items():
            epochs = options.epochs if training is train_ours else min(options.epochs, TORCH_EPOCHS)
            side = f"seqnn {seqnn.__version__}" if training is train_ours else "torch"
            key = f"{side}, {data.name}, {epochs} epochs of {epoch} updates, seed {seed}"
            if key not in known and (torch or training is train_ours):
                known[key] = epochs_of(training, data, epochs, epoch, seed, options)
            if key in known:
                found.append(known[key])
    for n in range(options.epochs):
        mine, other = ([-seed["losses"][n] for seed in found if n < len(seed["losses"])] for found in sides.values())
        case = f"BiGRU with additive attention, {n + 1} of {options.epochs} epochs, {data.name}"
        yield quality.Row(case, "torch", "log-likelihood, validation", mine, other, math.log1p(MAX_DIFFERENCE))
    for kind in ("greedy", "5 beams"):
        scores = [seed["bleu"][kind] for seed in sides[train_ours]]
        case = f"BiGRU with additive attention, {options.epochs} epochs, {data.name}"
        yield quality.Row(case, "goal", f"BLEU of the test, {kind}", scores, [BLEU] * 3, 0)


def epochs_of(training: Callable, data: Data, epochs: int, epoch: int, seed: int, options: Options) -> dict[str, Any]:
    """Return and print the log-perplexities of validation after each epoch of one side, and in the end BLEU of ours."""
    found: list[float] = []

    def look(count: int, network: Any) -> None:
        if count % epoch == 0:
            network.eval()
            found.append(log_perplexity(data, network))
            network.train()
            print(f"{training.__name__}, seed {seed}, epoch {len(found)}: {math.exp(found[-1]):.2f}", flush=True)

    with seqnn.threads(options.threads[-1]):
        if torch:
            torch.set_num_threads(options.threads[-1])
        seconds, _, network = training(data, epoch * epochs, seed, look)
        print(f"{training.__name__}, seed {seed}: {seconds / epochs:.0f} s an epoch", flush=True)
        if training is train_torch:
            return {"losses": found}
        bleu = {"greedy": score(data, network, "test"), "5 beams": score(data, network, "test", num_beams=5)}
        print(f"seed {seed}: test BLEU {bleu['greedy']:.1f} greedy, {bleu['5 beams']:.1f} with 5 beams", flush=True)
    return {"losses": found, "bleu": bleu}


def log_perplexity(data: Data, network: Any) -> float:
    """Return the mean loss of a word of the validation set."""
    total, words = 0.0, 0
    for batch in data.batches("val", None):
        count = int((batch[3] >= 0).sum())
        with torch.no_grad() if torch and isinstance(network, Peer) else autograd.no_grad():
            total, words = total + count * network(*batch).item(), words + count
    return total / words


def score(data: Data, network: models.EncoderDecoder, part: str, **options: Any) -> float:
    """Return the BLEU of translations of a part."""
    sources, _ = data.parts[part]
    words, found = data.words[1], [""] * len(sources)
    for ids in seqnn.text.length_buckets([len(s) for s in sources], BATCH, seed=None):
        source, lengths = seqnn.text.pad([sources[i] for i in ids], value=0)
        written = network.generate(source, lengths, 60, words.bos_id, words.eos_id, **options)
        for i, row in zip(ids, written, strict=True):
            end = np.flatnonzero(row == words.eos_id)
            found[i] = " ".join(words.decode(row[: end[0] if len(end) else None], skip_specials=True))
    return seqnn.metrics.bleu(found, data.references[part], tokenize="none").score
