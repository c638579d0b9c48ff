"""Write seqnn/ops/__init__.pyi, what type checkers and editors read of `seqnn.ops`: `python tests/typing/ops_stub.py`.

The functions compute on arrays, and `@op` lets callers give Tensors as well; no decorator can tell a type checker so. The stub
says it by two overloads a function, made from the annotations in the sources: with arrays in place of every `Array` the result
holds arrays, otherwise there was a Tensor, and it holds Tensors. A result `A | B` follows the flag that asks for more.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from seqnn import ops
from seqnn.ops import _types

STUB = Path(ops.__file__).with_suffix(".pyi")
FLAGS = ("need_weights", "return_sum")  # with them a function returns B instead of A
HEAD = """\
# Generated from the signatures by `python tests/typing/ops_stub.py`: do not edit.
# mypy: disable-error-code="overload-overlap"
# pyright: reportOverlappingOverload=false

from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from ..autograd import Operand, Tensor
{imports}

_Arrays = np.ndarray[Any, Any] | np.generic | bool | int | float | list[Any] | tuple[Any, ...]
"""


def stub() -> str:
    """Return the text of the file."""
    public = [getattr(ops, name) for name in ops.__all__]
    functions = [f for f in public if not inspect.isclass(f)]
    texts = ["\n".join(declarations(function)) for function in functions]
    return (
        HEAD.format(imports=imports(functions, [c for c in public if inspect.isclass(c)]))
        + "\n"
        + "\n\n".join(texts)
        + "\n"
    )


def declarations(function: Callable) -> Iterator[str]:
    """Yield the lines that declare a function."""
    parameters = list(inspect.signature(function).parameters.values())
    result = returned(function)
    if not any(holds_array(p.annotation) for p in parameters if p.kind is not p.KEYWORD_ONLY):
        yield definition(function.__name__, [lift(p, "Any") for p in parameters], substitute(result, "Any"))
        return
    flag = next((p.name for p in parameters if p.name in FLAGS), None)
    results = [("", result)]
    if flag is not None:
        less, more = split_union(result)
        results = [("Literal[False]", less), ("Literal[True]", more)]
    for value, kind in results:
        for given, got in (("_Arrays", "np.ndarray"), ("Operand", "Tensor")):
            changed = [lift(p, given) for p in parameters]
            if flag is not None:
                changed = [p.replace(annotation=value) if p.name == flag else p for p in changed]
                if value == "Literal[True]":
                    changed = keyword_only(changed, flag)
            yield "@overload"
            yield definition(function.__name__, changed, substitute(kind, got))
    if flag is not None:  # a flag whose value the checker does not know
        yield "@overload"
        yield definition(function.__name__, [lift(p, "Operand") for p in parameters], "Any")


def returned(function: Callable) -> str:
    """Return the annotation of what callers get: without the backward function of an op."""
    annotation = inspect.signature(inspect.unwrap(function)).return_annotation
    if inspect.unwrap(function) is function:
        return annotation
    if annotation == "Result":
        return "Array"
    found = re.fullmatch(r"tuple\[(.*), (?:Backward|Callable(?:\[.*\])?)\]", annotation)
    assert found, f"{function.__name__}: expected an op that returns Result or tuple[..., Backward], got {annotation}"
    return found[1]


def holds_array(annotation: str) -> bool:
    return re.search(r"\bArray\b", annotation) is not None


def substitute(annotation: str, kind: str) -> str:
    return re.sub(r"\bArray\b", kind, annotation)


def lift(parameter: inspect.Parameter, kind: str) -> inspect.Parameter:
    """Return a parameter as callers see it: they may give a `kind` for an array, except for options."""
    option = parameter.kind is parameter.KEYWORD_ONLY
    return parameter.replace(annotation=substitute(parameter.annotation, "np.ndarray" if option else kind))


def split_union(annotation: str) -> tuple[str, str]:
    """Return A and B of A | B."""
    tree = ast.parse(annotation, mode="eval").body
    assert isinstance(tree, ast.BinOp), f"expected a union, got {annotation}"
    return ast.unparse(tree.left), ast.unparse(tree.right)


def keyword_only(parameters: list[inspect.Parameter], name: str) -> list[inspect.Parameter]:
    """Return the parameters with one of them required, and therefore keyword-only."""
    chosen = next(p for p in parameters if p.name == name)
    rest = [p for p in parameters if p.name != name]
    return [*rest, chosen.replace(kind=inspect.Parameter.KEYWORD_ONLY, default=inspect.Parameter.empty)]


def definition(name: str, parameters: list[inspect.Parameter], result: str) -> str:
    parts, star = [], False
    for p in parameters:
        prefix = "*" if p.kind is inspect.Parameter.VAR_POSITIONAL else ""
        star = star or bool(prefix)
        if p.kind is inspect.Parameter.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        default = f"np.{p.default.__name__}" if p.default in (np.float32, np.int64) else repr(p.default)
        default = "" if p.default is inspect.Parameter.empty else f" = {default}"
        parts.append(f"{prefix}{p.name}: {p.annotation}{default}")
    return f"def {name}({', '.join(parts)}) -> {result}: ..."


def imports(functions: list[Callable], classes: list[type]) -> str:
    """Return the import lines of the classes, and of the names in annotations that modules of the package define."""
    known = {
        *dir(builtins),
        *(c.__name__ for c in classes),
        "Any",
        "Array",
        "Backward",
        "Callable",
        "Literal",
        "Result",
        "Sequence",
        "np",
        "npt",
    }
    found: dict[str, set[str]] = {}
    for function in functions:
        parameters = inspect.signature(function).parameters.values()
        for annotation in [returned(function), *[p.annotation for p in parameters]]:
            for node in ast.walk(ast.parse(annotation)):
                if isinstance(node, ast.Name) and node.id not in known:
                    module = "_types" if hasattr(_types, node.id) else function.__module__.rpartition(".")[2]
                    if not any(node.id in names for names in found.values()):
                        found.setdefault(module, set()).add(node.id)
    for c in classes:  # "as": this module passes it on
        found.setdefault(c.__module__.rpartition(".")[2], set()).add(f"{c.__name__} as {c.__name__}")
    return "\n".join(f"from .{module} import {', '.join(sorted(names))}" for module, names in sorted(found.items()))


if __name__ == "__main__":
    STUB.write_text(stub())
