"""The command `seqnn generate`: what a saved model writes after a prompt, by any strategy of decoding."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

from .. import _safetensors, decode
from ._options import Help, add_settings, offered
from ._shell import Shell, source, typed

DRAWING = ("temperature", "top_k", "top_p", "min_p", "typical_p", "seed")
"""Options that are only for drawn tokens."""

CUTS = ("truncate", "crop")
"""What may become of a prompt that is longer than the positions: see `GPT.generate`."""

MOST = 100
"""Tokens that are written where nothing is said of it."""

BY_HAND = (
    "max_new_tokens", "eos_token_id", "do_sample", "early_stopping", "stop_strings", "coverage_penalty", "bad_words_ids",
    "suppress_tokens", "begin_suppress_tokens", "prefix_allowed_tokens_fn", "tokenizer", "assistant_model",
    "return_attention", "return_tree",
)  # fmt: skip
"""Options of decoding that are spelled by hand here, or not offered."""


def add_command(commands: Any) -> None:
    """Add the sub-command to those of a parser."""
    parser = commands.add_parser(
        "generate",
        help="write what follows a prompt, by any strategy",
        description="Write what a model says after PROMPT, or after each line of the standard input. MODEL: a folder of "
        "GPT.save_huggingface, or of transformers' save_pretrained with a tokenizer.json (GPT-2, LLaMA, Qwen2, Qwen3, T5, BART, "
        "Marian, mBART, NLLB), whose generation_config.json says how many beams there are; or a file of seqnn lm train, "
        "lm-neural train or LanguageModel.save. Without options the most probable token is taken each time.",
        epilog='Examples:\n  seqnn generate gpt2/ "Once upon a time" --temperature 0.8 --top-p 0.9 --seed 1\n'
        '  seqnn generate model.lm "once upon" --num-beams 8 --num-return-sequences 3\n'
        "  seqnn generate t5/ --num-beams 4 --json < texts.txt\n"
        '  seqnn generate nllb/ "Good morning." --target-language deu_Latn',
        formatter_class=Help,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    parser.set_defaults(run=run)
    add_arguments(parser)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the model, the prompt, and the options of decoding."""
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("prompt", metavar="PROMPT", nargs="*", default=[])
    parser.add_argument(
        "--max-new-tokens", type=int, metavar="N",
        help="most tokens of a sequence (default 100, or as many as the model has positions for)",
    )  # fmt: skip
    parser.add_argument(
        "--do-sample", action="store_true", default=False,
        help=f"draw tokens; on with {', '.join('--' + name.replace('_', '-') for name in DRAWING)}",
    )  # fmt: skip
    parser.add_argument(
        "--truncate", action="store_true", default=False,
        help="leave out the first tokens of a prompt that is too long for the model's positions",
    )  # fmt: skip
    parser.add_argument(
        "--crop", action="store_true", default=False,
        help="go on from the last tokens where the model has positions for no more; each then takes a pass over all of them",
    )  # fmt: skip
    add_settings(parser, decode.Options, spelled=BY_HAND)
    parser.add_argument(
        "--early-stopping", choices=("true", "false", "never"),
        help="when a beam search ends that has found num_beams sequences: at once, when no beam is better at its present "
        "length (default), or when none can become better",
    )  # fmt: skip
    parser.add_argument(
        "--stop-strings",
        metavar="TEXT",
        action="append",
        help="a text that ends a sequence in which it occurs; give the option once for each; not for beams",
    )
    parser.add_argument(
        "--eos-token-id",
        type=int,
        metavar="N",
        action="append",
        help="a token that ends a sequence (default: the model's); give the option once for each",
    )
    for side, of in (("source", "the prompts"), ("target", "the answers")):
        parser.add_argument(
            f"--{side}-language", metavar="CODE", default=None,
            help=f"that of {of}, for models with tokens for languages, such as deu_Latn",
        )  # fmt: skip
    parser.add_argument(
        "--assistant-model", metavar="MODEL", help="a smaller model of the same vocabulary that proposes tokens"
    )
    parser.add_argument(
        "--json", action="store_true", default=False,
        help="print a JSON object for each sequence: prompt, text, score, finish_reason",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> None:
    """Print what is written after each prompt."""
    options = options_of(arguments)
    model, generator = load(arguments.model)
    if "assistant_model" in options:
        options["assistant_model"] = load(options["assistant_model"])[0]
    languages = {name: getattr(arguments, name) for name in ("source_language", "target_language")}
    if generator is not None:
        options = generator.options(options, languages["target_language"])
    elif any(languages.values()):
        raise ValueError(
            f"source_language, target_language: need a folder of a model that translates, got {arguments.model}"
        )
    shell = Shell()
    cuts = {name: True for name in CUTS if getattr(arguments, name)}
    if cuts and not hasattr(model, "max_positions"):
        raise ValueError(f"{' and '.join(cuts)}: needs a model with a bounded number of positions, such as a GPT")
    plain = not arguments.json and options.get("num_beams", 1) == 1 and options.get("num_return_sequences", 1) == 1
    for prompt in prompts(arguments.prompt):
        own = {"max_new_tokens": room(model, prompt, **cuts), **options}
        if languages["source_language"] is not None:
            read = generator.read(prompt, languages["source_language"])
            report(model, prompt, own, shell, as_json=arguments.json, ids=read)
        elif plain and "assistant_model" not in options:
            stream(cutting(model, cuts), prompt, own, shell)
        else:
            report(cutting(model, cuts), prompt, own, shell, as_json=arguments.json)
        if shell.error is not None:
            break
    shell.close()


def options_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options of decoding that are given."""
    names = [*offered(decode.Options), "early_stopping", "assistant_model"]
    options = {name: getattr(arguments, name) for name in names if hasattr(arguments, name)}
    if "early_stopping" in options:
        options["early_stopping"] = {"true": True, "false": False}.get(options["early_stopping"], "never")
    if "stop_strings" in options:
        options["stop_strings"] = [typed(text) for text in options["stop_strings"]]
    options["do_sample"] = arguments.do_sample or any(name in options for name in DRAWING)
    return options


def load(path: str) -> tuple[Any, Any]:
    """Return the model of a folder or a file, and the `Generator` of a folder."""
    if not os.path.isdir(path):
        return load_file(source(path)), None
    from ..pretrained import Generator, load_pretrained

    found = load_pretrained(path)
    if not isinstance(found, Generator):
        raise ValueError(f"{path}: expected a model that writes text, got {type(found.model).__name__}")
    if found.tokenizer is None:
        raise ValueError(f"{path}: expected a tokenizer.json (and the tokenizers library), or a vocabulary.json")
    return found.model, found


def load_file(path: str) -> Any:
    """Return the language model of a file: of n-grams, or a network."""
    if not (os.path.isfile(path) and holds_estimator(path)):
        from ..lm import NGramLM

        return NGramLM.load(path)
    from ..models import LanguageModel

    model = LanguageModel.load(path)
    if model.tokenizer_ is None:
        raise ValueError(f"{path}: expected a model of texts, got one of integers")
    return model


def holds_estimator(path: str) -> bool:
    """Tell whether a file was written by the `save` of an estimator."""
    try:
        return "seqnn.estimator" in _safetensors.load(path)[1]
    except ValueError:
        return False


def room(model: Any, prompt: str, *, truncate: bool = False, crop: bool = False) -> int:
    """Return how many tokens to write where nothing is said of it."""
    if crop or not hasattr(model, "max_positions"):
        return MOST
    left = model.max_positions - len(decode.as_prompts(prompt, model.tokenizer)[0])
    return max(1, min(MOST, max(left, model.max_positions // 2) if truncate else left))


def cutting(model: Any, cuts: dict[str, bool]) -> Any:
    """Return what `decode` takes for the model, whose prompts are cut as `start_decoding` says."""
    if not cuts:
        return model
    return SimpleNamespace(tokenizer=model.tokenizer, start_decoding=partial(model.start_decoding, **cuts))


def prompts(words: list[str]) -> Iterator[str]:
    """Yield the prompt that is typed, or those of the standard input."""
    if words:
        yield " ".join(map(typed, words))
        return
    for line in sys.stdin:
        if line.strip():
            yield line.rstrip("\r\n")


def stream(model: Any, prompt: str, options: dict[str, Any], shell: Shell) -> None:
    """Print a text as it comes."""
    for piece in decode.stream_text(model, prompt, **options):
        shell.result(piece, end="")
        if shell.error is not None:
            return
    shell.result("")


def report(model: Any, prompt: str, options: dict[str, Any], shell: Shell, *, as_json: bool, ids: Any = None) -> None:
    """Print all sequences of a prompt, whose token ids may be given."""
    found = decode.generate(model, prompt if ids is None else ids, **options)
    for text, score, reason in zip(found.texts, found.scores.tolist(), found.finish_reason, strict=True):
        if as_json:
            record = {"prompt": prompt, "text": text, "score": score, "finish_reason": reason}
            shell.result(json.dumps(record, ensure_ascii=False))
        else:
            shell.result(text)
