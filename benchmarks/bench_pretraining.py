"""Pre-training from scratch on English sentences, in the shapes of BERT, GPT and T5: seconds, loss curve, perplexity of tokens.

The twin is the model of transformers with the same first weights, batches, AdamW, schedule and clipping, without dropout,
whose masks would differ. Both compute logits only where tokens are hidden. `--quality` shows the curve: the log-likelihood of
the hidden (or next) tokens in each quarter of the training, and that of the test set, minus the log of its perplexity.
"""

import importlib
import importlib.util
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

import seqnn
from benchmarks import quality
from benchmarks.case import Case, Measured, Options
from benchmarks.torch_peer import torch
from seqnn import models, optim
from seqnn.autograd import no_grad
from seqnn.data import python_docs
from seqnn.text import Vocabulary, causal_windows, corrupt_spans, mask_several, mask_tokens, pad

LENGTH, BATCH, WIDTH, HEADS, RATE, CLIP, BAND = 64, 16, 128, 4, 1e-3, 1.0, 0.02
SPECIALS = {"pad": "<pad>", "unk": "<unk>", "eos": "<eos>", "mask": "<mask>"}
SENTINELS = 32


@dataclass(frozen=True)
class Task:
    """What a model learns: batches for training and testing, and the names of the models."""

    name: str
    kind: str
    size: int
    steps: int
    train: list[tuple[np.ndarray, ...]] = field(repr=False)
    test: list[tuple[np.ndarray, ...]] = field(repr=False)


def cases(options: Options) -> Iterator[Case]:
    """Yield the training of each task."""
    for task in tasks(12 if options.quick else 120):
        for threads in options.threads:
            yield Case(
                f"{task.name}, {task.steps} steps: seconds, loss curve and test perplexity",
                side(train_ours, task, threads),
                {"transformers + torch": side(train_torch, task, threads) if have_peer() else None},
                check=same_curve,
                threads=threads,
                data="seqnn.data.python_docs()",
                work=task.steps * BATCH * LENGTH,
                work_unit="tokens",
                repeat=1 if options.quick else None,
            )


def quality_rows(options: Options, known: dict) -> Iterator[quality.Row]:
    """Yield the log-likelihood in each quarter of the training and on the test set, over three seeds."""
    for task in tasks(40 * options.epochs):
        ours, theirs = [], []
        for seed in (1, 2, 3):
            ours.append(train_ours(task, seed, options.threads[-1]).result)
            key = f"{task.name}, {task.steps} steps, seed {seed}"
            if have_peer() and key not in known:
                known[key] = train_torch(task, seed, options.threads[-1]).result.tolist()
            if key in known:
                theirs.append(known[key])
        for place, part in enumerate(("1st quarter", "2nd quarter", "3rd quarter", "4th quarter", "test")):
            yield quality.Row(
                f"{task.name}, {task.steps} steps, {part}", "transformers + torch", "log-likelihood a token",
                [-float(one[place]) for one in ours], [-float(one[place]) for one in theirs], BAND,
            )  # fmt: skip


def side(training: Callable[..., Measured], task: Task, threads: int) -> Callable[[], Measured]:
    """Return a side that trains with the next seed."""
    seeds = itertools.count(1)
    return lambda: training(task, next(seeds), threads)


def have_peer() -> bool:
    """Tell whether torch and transformers are installed."""
    return torch is not None and importlib.util.find_spec("transformers") is not None


def tasks(steps: int) -> Iterator[Task]:
    """Yield hidden tokens (one share, and a number drawn anew), next tokens, and missing spans."""
    sentences = list(python_docs())[: (steps + 16) * BATCH * LENGTH // 10]
    words = Vocabulary.from_tokens(sentences, max_size=4000, specials=SPECIALS)
    size, (eos, mask) = len(words), words.encode(["<eos>", "<mask>"]).tolist()
    ids, targets = causal_windows([words.encode(sentence) for sentence in sentences], LENGTH, eos_id=eos)
    order = np.random.default_rng(0).permutation(len(ids) - 1)  # the last window is not full
    rows = order[: (steps + 4) * BATCH]
    ids, targets = ids[rows], targets[rows]
    hide = {"mask_id": mask, "special_ids": [0, 1, 2, 3], "seed": 1}

    def task(name: str, kind: str, size: int, arrays: tuple[np.ndarray, ...]) -> Task:
        batches = [tuple(array[i : i + BATCH] for array in arrays) for i in range(0, len(arrays[0]), BATCH)]
        return Task(name, kind, size, len(batches) - 4, batches[:-4], batches[-4:])

    yield task("BERT, 15 % hidden (MLM)", "BERT", size, mask_tokens(ids, vocabulary_size=size, **hide))
    yield task("BERT, 1 to 16 hidden (MMLM)", "BERT", size, mask_several(ids, most=16, **hide))
    yield task("GPT, next tokens", "GPT", size, (ids, targets))
    spans = [corrupt_spans(row, sentinel_id=size + SENTINELS - 1, eos_id=eos, seed=n) for n, row in enumerate(ids)]
    sources, lengths = pad([source for source, _ in spans])
    yield task(
        "T5, missing spans", "T5", size + SENTINELS, (sources, lengths, pad([t for _, t in spans], value=-100)[0])
    )


def model_of(task: Task, seed: int) -> Any:
    """Return our model with the first weights of a seed: those of the twin, where there is one."""
    shape = {"d_model": WIDTH, "nhead": HEADS, "num_layers": 2, "dropout": 0.0}
    with seqnn.random.seeded(seed):
        if task.kind == "BERT":
            bert = models.BERT(task.size, max_positions=LENGTH, num_segments=2, pooler=False, **shape)
            model: Any = models.BERTForPretraining(bert, next_sentence=False)
        elif task.kind == "GPT":
            model = models.GPT(task.size, max_positions=LENGTH, **shape)
        else:
            model = models.T5(task.size, head_dim=WIDTH // HEADS, dim_feedforward=4 * WIDTH, eos_id=2, **shape)
    if have_peer():
        model.load_huggingface({name: tensor.numpy() for name, tensor in twin(task, seed).state_dict().items()})
    return model


def train_ours(task: Task, seed: int, threads: int) -> Measured:
    """Train and test ours: seconds of training; the mean loss of each quarter, and that of the test set."""
    with seqnn.threads(threads):
        model = model_of(task, seed)

        def loss(batch: tuple[np.ndarray, ...]) -> Any:
            if task.kind == "T5":
                return model(*batch[:2], model.shift_right(batch[2]), batch[2])
            return model(batch[0], targets=batch[1])

        optimizer = optim.AdamW(model.parameters(), lr=RATE)
        falling, losses, start = optim.Linear(task.steps, start=1.0, end=0.0), [], perf_counter()
        for step, batch in enumerate(task.train):
            value = loss(batch)
            value.backward()
            optim.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.param_groups[0]["lr"] = RATE * falling(step)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(value.item())
        seconds = perf_counter() - start
        with no_grad():
            return Measured(seconds, summary(losses, [loss(batch).item() for batch in task.test]))


def train_torch(task: Task, seed: int, threads: int) -> Measured:
    """Train and test the model of transformers on the same batches."""
    torch.set_num_threads(threads)
    model = twin(task, seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / task.steps)
    losses, start = [], perf_counter()
    for batch in task.train:
        value = their_loss(model, task.kind, batch)
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(value.item())
    seconds = perf_counter() - start
    with torch.no_grad():
        return Measured(seconds, summary(losses, [their_loss(model, task.kind, batch).item() for batch in task.test]))


def twin(task: Task, seed: int) -> Any:
    """Return transformers' model with the first weights of a seed."""
    library: Any = importlib.import_module("transformers")
    torch.manual_seed(seed)
    if task.kind == "BERT":
        config = library.BertConfig(
            vocab_size=task.size, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS, pad_token_id=None,
            intermediate_size=4 * WIDTH, max_position_embeddings=LENGTH, hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )  # fmt: skip
        return library.BertForMaskedLM(config)
    if task.kind == "GPT":
        config = library.GPT2Config(
            vocab_size=task.size, n_positions=LENGTH, n_embd=WIDTH, n_layer=2, n_head=HEADS, activation_function="gelu_new",
            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, layer_norm_epsilon=1e-5, bos_token_id=None, eos_token_id=None,
        )  # fmt: skip
        return library.GPT2LMHeadModel(config)
    config = library.T5Config(
        vocab_size=task.size, d_model=WIDTH, d_kv=WIDTH // HEADS, d_ff=4 * WIDTH, num_layers=2, num_heads=HEADS,
        dropout_rate=0.0, eos_token_id=2,
    )  # fmt: skip
    return library.T5ForConditionalGeneration(config)


def their_loss(model: Any, kind: str, batch: tuple[np.ndarray, ...]) -> Any:
    """Return the loss of a batch, of the places that count alone."""
    targets = torch.from_numpy(np.asarray(batch[-1], np.int64))
    counted, ids = targets != -100, torch.from_numpy(np.asarray(batch[0], np.int64))
    if kind == "BERT":
        logits = model.cls(model.bert(ids).last_hidden_state[counted])
    elif kind == "GPT":
        logits = model(ids).logits[counted]
    else:
        mask = torch.arange(ids.shape[1]) < torch.from_numpy(np.asarray(batch[1]))[:, None]
        before = torch.nn.functional.pad(targets.clamp(min=0)[:, :-1], (1, 0))
        logits = model(input_ids=ids, attention_mask=mask.long(), decoder_input_ids=before).logits[counted]
    return torch.nn.functional.cross_entropy(logits, targets[counted])


def summary(losses: list[float], tests: list[float]) -> np.ndarray:
    """Return the mean loss of each quarter of the training, and of the test batches."""
    return np.array([*(float(np.mean(part)) for part in np.array_split(losses, 4)), float(np.mean(tests))])


def same_curve(mine: np.ndarray, other: np.ndarray) -> float:
    """Check that losses agree within 2 %, all along; return the largest relative difference."""
    worst = float(np.abs(mine / other - 1).max())
    assert worst < 0.02, (mine, other)
    return worst
