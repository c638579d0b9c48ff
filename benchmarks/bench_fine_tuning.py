"""Steps of fine-tuning a classifier, all of it, by LoRA and by bottleneck adapters, against torch, peft, and one another.

`--quality` fine-tunes MiniLM on sentences in each way: test accuracy, and what is left of its old task, retrieval.
"""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import seqnn
from benchmarks import bench_text_cnn, captions, quality
from benchmarks.bench_pretrained import minilm
from benchmarks.case import Case, Options
from benchmarks.torch_peer import ours, theirs, torch
from seqnn import load_pretrained, ops, optim, tune
from seqnn.pretrained import Classifier, Encoder

SHAPES = {
    "MiniLM": {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536},
    "BERT base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
}
SMALL = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
BATCH, LENGTH = 8, 128
WAYS: dict[str, Any] = {"all": None, "LoRA": tune.LoRA(modules_to_save=["classifier"]), "adapters": tune.Bottleneck(
    modules_to_save=["classifier"]
)}  # fmt: skip
"""What learns. LoRA's rank is 8, in queries and values; the adapters are Pfeiffer's, of a 16th of the width."""

TUNED: dict[str, tuple[Any, float]] = {
    "the head alone": ("head", 3e-3), "full": ("full", 2e-4), "gradual unfreezing": ("gradual", 2e-4),
    "LoRA": (tune.LoRA(target_modules="all-linear"), 3e-3), "Houlsby's adapters": (tune.Bottleneck("houlsby"), 3e-3),
    "Pfeiffer's adapters": (tune.Bottleneck(), 3e-3),
}  # fmt: skip
"""What learns of MiniLM, and its learning rate: with few steps all need higher ones than `Classifier.fit` takes."""
CLASSES = ["neg", "pos"]
TRAIN, TEST, LONGEST, CAPTIONS, BAND = 800, 533, 48, 600, 0.01


def cases(options: Options) -> Iterator[Case]:
    """Yield a step of each way in each shape: forward, backward, AdamW, without dropout, at learning rate 0."""
    if torch is None or importlib.util.find_spec("transformers") is None:
        return
    ids = np.random.default_rng(0).integers(5, 1000, (BATCH, LENGTH))
    classes = np.arange(BATCH) % 2
    for shape, sizes in {"small": SMALL}.items() if options.quick else SHAPES.items():
        folder = options.folder / shape
        twin = twin_of(folder, sizes)
        steps = {way: step_of(folder, config, ids, classes) for way, config in WAYS.items()}
        for threads in options.threads:
            peers = {"all": their_step(twin, ids, classes), "LoRA": peft_step(folder, ids, classes)}
            for way, step in steps.items():
                peer = peers.get(way)
                others: dict[str, Any] = {"torch": peer and theirs(peer, threads)} if way in peers else {}
                if way != "all":
                    others["full step"] = ours(steps["all"], threads)
                yield Case(
                    f"{shape}, {BATCH} x {LENGTH}, {way} learns"
                    if way == "all"
                    else f"{shape}, {BATCH} x {LENGTH}, {way}",
                    ours(step, threads),
                    others,
                    check=same_loss,
                    work=BATCH * LENGTH,
                    work_unit="tokens",
                    threads=threads,
                    goals={"torch": 1.5, "full step": 1.33},
                )


def quality_rows(options: Options, known: dict) -> Iterator[quality.Row]:
    """Yield the test accuracy of each way over three seeds, and the retrieval of captions after it and before."""
    folder = minilm()
    if folder is None or not bench_text_cnn.FOLDER.exists():
        return
    scale = 20 if options.quick else 1
    train, test = polarity(TRAIN // scale, TEST // scale)
    lines = captions.sentences(CAPTIONS // scale)
    encoder = load_pretrained(folder)
    before = retrieval(encoder.model, encoder.tokenizer, lines)
    accuracies: dict[str, list[float]] = {}
    for way in TUNED:
        accuracies[way], after = [], []
        for seed in (1, 2, 3):
            with seqnn.threads(options.threads[-1]):
                classifier = tuned(folder, way, train, seed, options.epochs)
                hits = [said == label for said, label in zip(classifier.predict(test[0]), test[1], strict=True)]
                accuracies[way].append(float(np.mean(hits)))
                case = f"MiniLM, {len(train[0])} sentences, {options.epochs} epochs, {way} ({share(classifier):.3g} % learn)"
                if classifier.adapters.configs:
                    classifier.adapters.activate()
                after.append(retrieval(classifier.model.encoder, classifier.tokenizer, lines))
        peer = "the head alone" if way == "full" else "full"
        yield quality.Row(case, peer, "test accuracy", accuracies[way], accuracies.get(peer, []), BAND)
        yield quality.Row(case, "before", "halves of captions found, one of ten", after, [before] * 3, BAND)


def polarity(train: int, test: int) -> Iterator[tuple[list[str], list[str]]]:
    """Yield some sentences with their classes to learn, and some to test."""
    lines, labels = bench_text_cnn.polarity()
    order = np.random.default_rng(0).permutation(len(lines))
    for part in np.split(order[: train + test], [train]):
        yield [lines[i] for i in part], [CLASSES[labels[i]] for i in part]


def tuned(folder: Path, way: str, train: tuple[list[str], list[str]], seed: int, epochs: int) -> Classifier:
    """Return a classifier that was fine-tuned in a way."""
    with seqnn.random.seeded(seed):
        classifier = Classifier.from_pretrained(folder, CLASSES)
    what, rate = TUNED[way]
    return classifier.fit(
        *train, tune=what, epochs=epochs, learning_rate=rate, max_length=LONGEST, seed=seed, verbose=0
    )


def share(classifier: Classifier) -> float:
    """Return how many of a hundred parameters learn."""
    return 100 * classifier.adapters.trainable() / sum(p.size for p in classifier.model.parameters())


def retrieval(network: Any, tokenizer: Any, lines: list[str]) -> float:
    """Return the share of captions whose second half is nearer to its own first half than to those of nine others."""
    encoder = Encoder(SimpleNamespace(model=network, config={}), tokenizer, Path())
    words = [line.split() for line in lines]
    first = encoder.embed([" ".join(row[: len(row) // 2]) for row in words], normalize=True)
    second = encoder.embed([" ".join(row[len(row) // 2 :]) for row in words], normalize=True)
    first, second = (side.reshape(-1, 10, side.shape[1]) for side in (first, second))
    return float(np.mean((second @ first.swapaxes(1, 2)).argmax(axis=2) == np.arange(10)))


def twin_of(folder: Path, sizes: dict[str, int]) -> Any:
    """Write a model of transformers with random weights into a folder, and return it."""
    import transformers

    config = transformers.BertConfig(
        vocab_size=30522, num_labels=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, **sizes
    )
    model = transformers.BertForSequenceClassification(config).train()
    model.save_pretrained(folder)
    return model


def step_of(folder: Path, config: Any, ids: np.ndarray, classes: np.ndarray) -> Callable[[], float]:
    """Return a step of ours; it returns the loss."""
    found: Any = load_pretrained(folder)
    found.model.head.dropout.p = 0.0
    found.model.train()
    if config is not None:
        found.adapters.add("default", config)
    optimizer = optim.AdamW([p for p in found.model.parameters() if p.requires_grad], lr=0.0, weight_decay=0.0)

    def step() -> float:
        loss = ops.cross_entropy(found.model(ids), classes)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return step


def their_step(model: Any, ids: np.ndarray, classes: np.ndarray) -> Callable[[], float]:
    """Return a step of torch's; it returns the loss."""
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=0.0, weight_decay=0.0, fused=True)
    x, y = torch.from_numpy(ids), torch.from_numpy(classes)

    def step() -> float:
        loss = model(input_ids=x, labels=y).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return float(loss.detach())

    return step


def peft_step(folder: Path, ids: np.ndarray, classes: np.ndarray) -> Callable[[], float] | None:
    """Return a step of peft's LoRA, or None where it is not installed."""
    if importlib.util.find_spec("peft") is None:
        return None
    import peft
    import transformers

    base = transformers.BertForSequenceClassification.from_pretrained(folder)
    model = peft.get_peft_model(base, peft.LoraConfig(task_type="SEQ_CLS")).train()
    return their_step(model, ids, classes)


def same_loss(mine: float, other: float) -> float:
    """Check that both computed the same loss; return the difference."""
    assert abs(mine - other) < 1e-4, f"losses {mine} and {other}"
    return abs(mine - other)
