"""Encoders of sentences by onnxruntime and CTranslate2, made of the same folder; None where one is not installed.

Texts become tokens by the folder's own tokenizer.json, and hidden states become vectors by their mean, of norm 1, for all.
"""

import importlib
import importlib.util
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Embed = Callable[[list[str]], np.ndarray]


def _at_hand(*names: str) -> bool:
    return all(importlib.util.find_spec(name) for name in names)


def _tokens(folder: Path) -> Callable[[list[str]], tuple[np.ndarray, np.ndarray]]:
    """Return a function that makes ids [B, T] and the mask of texts."""
    tokenizer = importlib.import_module("tokenizers").Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(256)
    tokenizer.enable_padding()

    def tokens(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        found = tokenizer.encode_batch_fast(texts)
        return np.array([one.ids for one in found]), np.array([one.attention_mask for one in found])

    return tokens


def _pooled(hidden: np.ndarray, mask: np.ndarray) -> np.ndarray:
    found = (hidden * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def _plain(folder: Path, place: Path) -> Any:
    """Return the network of transformers, written to a folder of its own, without what sentence-transformers adds."""
    transformers = importlib.import_module("transformers")
    model = transformers.BertModel.from_pretrained(folder).eval()
    model.save_pretrained(place)
    transformers.AutoTokenizer.from_pretrained(folder).save_pretrained(place)
    return model


def onnx_files(folder: Path, place: Path) -> dict[str, Path] | None:
    """Write the network of a folder as ONNX, and with weights in 8 bits: kind -> file."""
    if not _at_hand("torch", "transformers", "onnx", "onnxruntime"):
        return None
    torch, quantization = importlib.import_module("torch"), importlib.import_module("onnxruntime.quantization")
    model = _plain(folder, place / "plain")

    class Hidden(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: Any, mask: Any) -> Any:
            return self.model(input_ids=ids, attention_mask=mask).last_hidden_state

    files = {"float32": place / "plain.onnx", "8 bits": place / "narrow.onnx"}
    axes, given = {"ids": {0: "b", 1: "t"}, "mask": {0: "b", 1: "t"}}, torch.ones(2, 9, dtype=torch.long)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Hidden(),
            (given, given),
            files["float32"],
            input_names=[*axes],
            dynamic_axes=axes,
            dynamo=False,
            opset_version=17,
        )
        quantization.quantize_dynamic(
            files["float32"], files["8 bits"], per_channel=True, weight_type=quantization.QuantType.QInt8
        )
    return files


def onnx_encoder(folder: Path, file: Path, threads: int) -> Embed:
    """Return how onnxruntime embeds."""
    runtime, tokens = importlib.import_module("onnxruntime"), _tokens(folder)
    setting = runtime.SessionOptions()
    setting.intra_op_num_threads = threads
    setting.add_session_config_entry("session.force_spinning_stop", "1")  # or its idle threads disturb the next turn
    session = runtime.InferenceSession(str(file), setting, providers=["CPUExecutionProvider"])

    def embed(texts: list[str]) -> np.ndarray:
        ids, mask = tokens(texts)
        return _pooled(session.run(None, {"ids": ids, "mask": mask})[0], mask)

    return embed


def ctranslate2_folder(folder: Path, place: Path) -> Path | None:
    """Write the network of a folder as CTranslate2's."""
    if not _at_hand("torch", "transformers", "ctranslate2"):
        return None
    converters = importlib.import_module("ctranslate2.converters")
    _plain(folder, place / "plain")
    converters.TransformersConverter(str(place / "plain")).convert(str(place / "ctranslate2"), force=True)
    return place / "ctranslate2"


def ctranslate2_encoder(folder: Path, place: Path, kind: str, threads: int) -> Embed:
    """Return how CTranslate2 embeds."""
    ctranslate2, tokens = importlib.import_module("ctranslate2"), _tokens(folder)
    kinds = {"float32": "float32", "8 bits": "int8"}
    encoder = ctranslate2.Encoder(str(place), device="cpu", compute_type=kinds[kind], intra_threads=threads)

    def embed(texts: list[str]) -> np.ndarray:
        ids, mask = tokens(texts)
        rows = [row[:count].tolist() for row, count in zip(ids, mask.sum(axis=1), strict=True)]
        hidden = encoder.forward_batch(rows).last_hidden_state
        return _pooled(np.array(hidden), mask)

    return embed
