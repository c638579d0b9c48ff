"""The commands `seqnn embed` and `seqnn fill-mask`: what a folder of Hugging Face's makes of texts."""

from __future__ import annotations

import argparse
import io
import json
import sys
from typing import Any

import numpy as np

from .._atomic import atomic_write
from ._actions import add_action
from ._shell import STDOUT, Shell, target, typed

_FOLDER = (
    "FOLDER: of transformers' save_pretrained or of sentence-transformers or model2vec, with config.json, "
    "model.safetensors and tokenizer.json."
)


def add_commands(commands: Any) -> None:
    """Add the sub-commands to those of a parser."""
    embed = add_action(
        commands, "embed",
        "Make a vector of each sentence. They are the lines of the standard input; the result is an array float32 "
        f"[sentences, size] in NumPy's format. {_FOLDER}",
        "  seqnn embed all-MiniLM-L6-v2/ < sentences.txt > vectors.npy\n"
        "  seqnn embed all-MiniLM-L6-v2/ -o vectors.npy < sentences.txt",
        run_embed,
    )  # fmt: skip
    embed.add_argument("folder", metavar="FOLDER")
    embed.add_argument("-o", "--output", metavar="FILE", default="-", help="the file (default: the standard output)")
    embed.add_argument("--batch-size", type=int, default=32, metavar="N", help="sentences at once (default 32)")
    norm = embed.add_mutually_exclusive_group()
    norm.add_argument(
        "--normalize", action="store_true", default=None, help="give vectors norm 1 (default: as FOLDER says)"
    )
    norm.add_argument("--no-normalize", action="store_false", dest="normalize", help="leave their norms")

    fill = add_action(
        commands, "fill-mask",
        "Tell the hidden words of a text. The most probable tokens of each place that the mask token of the model hides, such "
        f"as [MASK], are printed with their probabilities and the text with them. {_FOLDER}",
        '  seqnn fill-mask bert/ "the capital of France is [MASK]."\n'
        '  seqnn fill-mask bert/ --order confidence "the [MASK] [MASK] the mouse."',
        run_fill_mask,
    )  # fmt: skip
    fill.add_argument("folder", metavar="FOLDER")
    fill.add_argument("text", metavar="TEXT", nargs="+")
    fill.add_argument("-k", "--top-k", type=int, default=5, metavar="N", help="how many for each place (default 5)")
    fill.add_argument(
        "--order", choices=("parallel", "confidence", "left_to_right", "mask_predict"), metavar="ORDER",
        help="fill in all places so that they fit together, and print the text: parallel, confidence (the most probable place "
        "first), left_to_right or mask_predict (again and again); default: each place by itself",
    )  # fmt: skip
    fill.add_argument("--json", action="store_true", help="print a JSON object for each token")


def run_embed(arguments: argparse.Namespace) -> None:
    """Write the vectors of the sentences of the standard input."""
    from ..pretrained import Encoder, StaticEncoder

    model = _load(arguments.folder, (Encoder, StaticEncoder), "embeds sentences")
    sentences = [line.rstrip("\r\n") for line in sys.stdin]
    own = {}
    if isinstance(model, Encoder):
        model.model.freeze()  # then nothing looks whether weights have changed
        own = {"batch_size": arguments.batch_size}
    vectors = model.embed(sentences, normalize=arguments.normalize, **own)
    path = target(arguments.output)
    if path != STDOUT:
        with atomic_write(path) as file:
            np.save(file, vectors)
        return
    held = io.BytesIO()
    np.save(held, vectors)
    sys.stdout.buffer.write(held.getbuffer())
    sys.stdout.buffer.flush()


def run_fill_mask(arguments: argparse.Namespace) -> None:
    """Print what fills the hidden places."""
    from ..pretrained import MaskedLanguageModel

    model = _load(arguments.folder, MaskedLanguageModel, "fills in hidden words")
    shell, text = Shell(), " ".join(map(typed, arguments.text))
    if arguments.order is not None:
        filled = model.fill_masks(text, order=arguments.order)
        record = {"text": filled.text, "tokens": filled.tokens, "scores": filled.scores.tolist()}
        shell.result(json.dumps(record, ensure_ascii=False) if arguments.json else filled.text)
    for place, fillings in enumerate(model.fill_mask(text, arguments.top_k) if arguments.order is None else ()):
        for filling in fillings:
            record = {"place": place, **filling._asdict()}
            line = f"{filling.probability:.4f}\t{filling.token}\t{filling.text}"
            shell.result(json.dumps(record, ensure_ascii=False) if arguments.json else line)
    shell.close()


def _load(folder: str, kinds: Any, what: str) -> Any:
    """Return the model of a folder, which is of one of these kinds and has a tokenizer."""
    from ..pretrained import load_pretrained

    model = load_pretrained(folder)
    if not isinstance(model, kinds):
        raise ValueError(f"{folder}: expected a model that {what}, got {type(model).__name__}")
    if model.tokenizer is None:
        raise ValueError(f"{folder}: expected a tokenizer.json (and the tokenizers library)")
    return model
