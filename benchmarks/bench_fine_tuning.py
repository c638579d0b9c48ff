"""Steps of fine-tuning a classifier, all of it, by LoRA and by bottleneck adapters, against torch, peft, and one another."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.torch_peer import ours, theirs, torch
from seqnn import load_pretrained, ops, optim, tune

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
        return float(loss)

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
