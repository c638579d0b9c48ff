"""Seeded Transformers that decode, with the same weights here, in transformers and in CTranslate2."""

import copy
import importlib
import importlib.util
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import seqnn
from benchmarks.case import Measured, timed
from benchmarks.torch_peer import torch
from seqnn import decode, models

PROMPT, BEGIN, END = 64, 0, 1
FEW = 4
"""New tokens of a run that only warms a side up."""
SIZES = {
    "GPT-2 small": {"vocab_size": 50257, "n_embd": 768, "n_head": 12, "n_layer": 12},
    "d 256, 3 + 3 layers, vocabulary 8k": {
        "vocab_size": 8000, "d_model": 256, "d_kv": 64, "num_heads": 4, "d_ff": 1024, "num_layers": 3,
    },
    "d 512, 6 + 6 layers, vocabulary 32k": {
        "vocab_size": 32000, "d_model": 512, "d_kv": 64, "num_heads": 8, "d_ff": 2048, "num_layers": 6,
    },
    # CTranslate2 leaves the end out before the softmax: of few words its beams would have other scores.
    "small": {"vocab_size": 8000, "d_model": 64, "d_kv": 16, "num_heads": 4, "d_ff": 128, "num_layers": 2},
}  # fmt: skip


def _module(name: str) -> Any:
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


transformers = _module("transformers") if torch else None
ctranslate2 = _module("ctranslate2") if transformers else None


class Decoders:
    """One model in all libraries that are at hand, made when a side first runs. Without transformers ours has weights of its
    own.

    Args:
        name: of `SIZES`.
        folder: where CTranslate2 finds its copy.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.sizes, self.gpt = SIZES[name], name.startswith("GPT")
        self.vocabulary = self.sizes["vocab_size"]
        self.folder = folder / "".join(c for c in name if c.isalnum())
        self._kept: dict[tuple, Any] = {}

    @cached_property
    def theirs(self) -> Any:
        """The model of transformers, or None."""
        return self._of_transformers() if transformers else None

    @cached_property
    def ours(self) -> Any:
        """Our model."""
        with seqnn.random.seeded(0):
            own = self._own()
        if self.theirs is not None:
            own.load_huggingface({key: value.numpy() for key, value in self.theirs.state_dict().items()})
        return own

    @cached_property
    def watched(self) -> Any:
        """Our model, whose layers run one by one."""
        watched = copy.deepcopy(self.ours)
        watched.register_forward_hook(lambda *_: None)
        return watched

    @cached_property
    def narrow(self) -> Any:
        """Our model in 8 bits."""
        return copy.deepcopy(self.ours).quantize("int8")

    @property
    def step_bytes(self) -> int:
        """Bytes of the weights in float32 that a step of one row reads."""
        s = self.sizes
        if self.gpt:
            return 4 * (self.vocabulary * s["n_embd"] + 12 * s["n_layer"] * s["n_embd"] ** 2)
        layer = 6 * s["d_model"] * s["num_heads"] * s["d_kv"] + 2 * s["d_model"] * s["d_ff"]
        return 4 * (self.vocabulary * s["d_model"] + s["num_layers"] * layer)

    def prompts(self, batch: int) -> np.ndarray:
        """Return seeded prompts [batch, PROMPT], without a word that ends one."""
        return np.random.default_rng(batch).integers(3, self.vocabulary, (batch, PROMPT if self.gpt else 20))

    def our_side(self, model: str, batch: int, beams: int, count: int, threads: int) -> Callable[[], Measured]:
        """Return our side: `model` is "ours", "watched" or "narrow"."""
        prompts, end = self.prompts(batch), END if self.gpt else None
        options = {} if end is None else {"eos_token_id": end}

        def run(count: int) -> np.ndarray:
            with seqnn.threads(threads):
                found = decode.generate(
                    getattr(self, model), prompts, max_new_tokens=count, min_new_tokens=count, num_beams=beams, **options
                )  # fmt: skip
            return found.sequences[:, -count:]

        return _warm(run, count)

    def torch_side(self, batch: int, beams: int, count: int, threads: int) -> Callable[[], Measured] | None:
        """Return the side of transformers."""
        if transformers is None:
            return None
        ids = torch.from_numpy(self.prompts(batch))

        def run(count: int) -> np.ndarray:
            torch.set_num_threads(threads)
            with torch.no_grad():
                found = self.theirs.generate(
                    ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, min_new_tokens=count, num_beams=beams,
                    do_sample=False, eos_token_id=END, pad_token_id=END,
                )  # fmt: skip
            return found.numpy()[:, -count:]

        return _warm(run, count)

    def ctranslate2_side(
        self, batch: int, beams: int, count: int, threads: int, kind: str = "float32"
    ) -> Callable[[], Measured] | None:
        """Return the side of CTranslate2, with as many threads up to `threads` as a short run takes the least time with."""
        if ctranslate2 is None:
            return None
        words = [[str(token) for token in row] for row in self.prompts(batch)]
        limits = {"beam_size": beams, "max_batch_size": 0}
        best: list[int] = []

        def write(threads: int, count: int) -> np.ndarray:
            engine = self._engine(threads, kind)
            if self.gpt:
                found = engine.generate_batch(
                    words, max_length=count, min_length=count, include_prompt_in_result=False, **limits
                )
            else:
                found = engine.translate_batch(words, max_decoding_length=count, min_decoding_length=count, **limits)
            rows = [(r.sequences if self.gpt else r.hypotheses)[0] for r in found]
            return np.array([[int(word) for word in row] for row in rows])

        def short(threads: int) -> float:
            write(threads, FEW)
            start = perf_counter()
            write(threads, 2 * FEW)
            return perf_counter() - start

        def run(count: int) -> np.ndarray:
            if not best:
                best.append(min(range(1, threads + 1), key=short))
            return write(best[0], count)

        return _warm(run, count)

    def _engine(self, threads: int, kind: str) -> Any:
        if not self.folder.exists():
            self._convert()
        if (threads, kind) not in self._kept:
            make = ctranslate2.Generator if self.gpt else ctranslate2.Translator
            self._kept = {
                (threads, kind): make(
                    str(self.folder), device="cpu", intra_threads=threads, inter_threads=1, compute_type=kind
                )
            }
        return self._kept[threads, kind]

    def _own(self) -> Any:
        s = self.sizes
        if self.gpt:
            sizes = {"d_model": s["n_embd"], "nhead": s["n_head"], "num_layers": s["n_layer"]}
            return models.GPT(self.vocabulary, **sizes).eval()
        return models.T5(
            self.vocabulary, d_model=s["d_model"], nhead=s["num_heads"], head_dim=s["d_kv"], num_layers=s["num_layers"],
            dim_feedforward=s["d_ff"], pad_id=BEGIN, eos_id=END,
        ).eval()  # fmt: skip

    def _of_transformers(self) -> Any:
        torch.manual_seed(0)
        if self.gpt:
            options = {"bos_token_id": END, "eos_token_id": END}
            model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**self.sizes, **options))
        else:
            options = {"decoder_start_token_id": BEGIN, "pad_token_id": BEGIN, "eos_token_id": END}
            model = transformers.T5ForConditionalGeneration(transformers.T5Config(**self.sizes, **options))
        return model.eval()

    def _convert(self) -> None:
        """Write the model as CTranslate2 reads it; words are the numbers of the tokens."""
        loaders = importlib.import_module("ctranslate2.converters.transformers")
        words = [str(token) for token in range(self.vocabulary)]
        if self.gpt:
            spec = loaders.GPT2Loader().get_model_spec(self.theirs)
            spec.register_vocabulary(words)
            spec.config.bos_token = spec.config.eos_token = spec.config.unk_token = str(END)
        else:
            spec = loaders.T5Loader().get_model_spec(self.theirs)
            spec.register_source_vocabulary(words)
            spec.register_target_vocabulary(words)
            spec.config.bos_token, spec.config.eos_token, spec.config.unk_token = str(BEGIN), str(END), str(END)
            spec.config.decoder_start_token = str(BEGIN)
            spec.config.add_source_eos = False
        spec.validate()
        self.folder.mkdir(parents=True)
        spec.save(str(self.folder))


def _warm(run: Callable[[int], np.ndarray], count: int) -> Callable[[], Measured]:
    """Return a side that runs once for few tokens before it is timed."""
    begun = []

    def side() -> Measured:
        if not begun:
            begun.append(run(FEW))
        return timed(lambda: run(count))()

    return side
