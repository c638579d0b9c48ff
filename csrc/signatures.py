"""Signature lines: parsed here once, at build time, into C structs, C tables and the type stub of `seqnn._core`.

A kernel file states every function's arguments on `//:` comment lines (the language: README.md beside this file). From them come

* `signatures.h`: one struct a function, which the kernel sees as `a`;
* `tables.inc`: constant tables that the generic call path in `boundary/` walks;
* `seqnn/_core.pyi`: the stub (`python csrc/signatures.py --stub` rewrites it, a test keeps it fresh).
"""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
STUB = HERE.parent / "seqnn" / "_core.pyi"

C_TYPES = {
    "f": "real", "f32": "float", "f64": "double", "i8": "int8_t", "i": "int32_t", "l": "int64_t", "u": "uint8_t",
    "u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "u64": "uint64_t", "b": "bool",
    "d": "double", "n": "int64_t", "p": "int64_t",
}  # fmt: skip
SCALARS = "dnp"


class SignatureError(ValueError):
    """A signature line that does not follow the language; the message names file, line and place."""


@dataclass(frozen=True)
class Axis:
    """One axis: `text` as written; `expression` its syntax tree; `linear` = (name, times, plus) where it binds one name."""

    text: str
    expression: ast.expr
    linear: tuple[str | None, int, int] | None
    broadcast: bool


@dataclass(frozen=True)
class Param:
    """One argument or output."""

    name: str
    type: str
    axes: tuple[Axis, ...] = ()
    optional: bool = False
    inplace: bool = False
    strided: bool = False
    swapped: bool = False
    list: bool = False
    flat: bool = False
    output: bool = False
    below: str | None = None
    default: str | None = None
    minimum: int | None = None

    @property
    def scalar(self) -> bool:
        return self.type in SCALARS


@dataclass(frozen=True)
class Function:
    """One signature line: `text` as written, its inputs and outputs, and the axis names in order of first appearance."""

    name: str
    stem: str
    kind: str
    text: str
    inputs: tuple[Param, ...]
    outputs: tuple[Param, ...]
    dims: tuple[str, ...]


# --- reading ---------------------------------------------------------------------------------------------


def _split(text: str) -> list[str]:
    """Parts between the commas that stand outside brackets."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "[(") - (c in "])")
        if c == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [p.strip() for p in [*parts, text[start:]] if p.strip()]


def _linear(node: ast.expr) -> tuple[str | None, int, int] | None:
    """(name, times, plus) where the expression is times * name + plus with one axis name (or none), else None."""
    match node:
        case ast.Constant(value=int(value)):
            return None, 0, value
        case ast.Name(id=name) if name[0].isupper():
            return name, 1, 0
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _linear(left), _linear(right)
            if a is None or b is None or (a[0] and b[0]):
                return None
            name = a[0] or b[0]
            match op:
                case ast.Add():
                    return name, a[1] + b[1], a[2] + b[2]
                case ast.Sub() if not b[0]:
                    return name, a[1], a[2] - b[2]
                case ast.Mult():
                    return name, a[1] * b[2] + b[1] * a[2], a[2] * b[2]
    return None


def _axis(text: str) -> Axis:
    written = text.strip()
    broadcast = written.endswith("~")
    bare = re.sub(r"(\d)(?=[A-Za-z_])", r"\1*", written.rstrip("~"))
    expression = ast.parse(bare, mode="eval").body
    for node in ast.walk(expression):
        if not isinstance(
            node, ast.BinOp | ast.Name | ast.Constant | ast.Add | ast.Sub | ast.Mult | ast.Div | ast.Load
        ):
            raise SignatureError(f"axis {written!r} uses more than names, integers and + - * /")
    return Axis(written, expression, _linear(expression), broadcast)


_PARAM = re.compile(
    r"(?P<name>[a-z]\w*)(?P<marks>[:~+?*]+)(?P<type>f32|f64|i8|u8|u16|u32|u64|[filubdnp])"
    r"(?:\[(?P<axes>[^\]]*)\])?(?:<(?P<below>[A-Z]\w*))?(?:>=(?P<minimum>-?\d+))?(?:=(?P<default>[-+.\w]+))?$"
)


def _param(text: str, output: bool) -> Param:
    m = _PARAM.match(text.replace(" ", ""))
    if not m:
        raise SignatureError(f"cannot read argument {text!r}")
    marks, type_ = m["marks"], m["type"]
    axes = m["axes"] or ""
    flat = axes.endswith("...")
    if (m["axes"] is None) != (type_ in SCALARS):
        raise SignatureError(f"{text!r}: arrays have axes, scalars (d, n, p) have none")
    if flat and not re.fullmatch(r"[A-Z]\w*\.\.\.", axes):
        raise SignatureError(f"{text!r}: an array of any shape has one name for its size, such as N...")
    return Param(
        name=m["name"],
        type=type_,
        axes=tuple(_axis(a) for a in _split(axes.removesuffix("..."))),
        optional="?" in marks,
        inplace="+" in marks,
        strided="~" in marks,
        swapped="~~" in marks,
        list="*" in marks,
        flat=flat,
        output=output,
        below=m["below"],
        default=m["default"],
        minimum=int(m["minimum"]) if m["minimum"] else None,
    )


def parse(text: str, stem: str = "", kind: str = "real") -> Function:
    """Parse one signature, `name(argument, ...) -> output, ...`."""
    m = re.match(r"(?P<name>[a-z]\w*)\((?P<inputs>.*)\)(?:\s*->\s*(?P<outputs>.*))?$", text)
    if not m:
        raise SignatureError(f"cannot read signature {text!r}")
    inputs = tuple(_param(p, output=False) for p in _split(m["inputs"]))
    outputs = tuple(_param(p, output=True) for p in _split(m["outputs"] or ""))
    everything = inputs + outputs
    if len({p.name for p in everything}) != len(everything):
        raise SignatureError(f"{text!r}: a name occurs twice")
    if any(p.flat for p in outputs) and not any(p.flat and not p.optional for p in inputs):
        raise SignatureError(f"{text!r}: an output of any shape takes that of an input")
    dims: dict[str, None] = {}
    for p in everything:
        for axis in p.axes:
            for node in ast.walk(axis.expression):
                if isinstance(node, ast.Name) and node.id[0].isupper():
                    dims.setdefault(node.id)
    return Function(m["name"], stem, kind, text, inputs, outputs, tuple(dims))


def kernels() -> list[tuple[str, str]]:
    """(kind, stem) of each line of kernels.def."""
    lines = (HERE / "kernels.def").read_text().splitlines()
    return [tuple(line.split()) for line in lines if line.strip() and not line.startswith("#")]


def functions() -> list[Function]:
    """Every function of every kernel file, in the order of kernels.def and of the files."""
    found = []
    for kind, stem in kernels():
        path = HERE / "kernels" / f"{stem}.c"
        blocks = re.findall(r"^//:.*(?:\n//:.*)*", path.read_text(), re.MULTILINE)
        for block in blocks:
            text = re.sub(r"\s+", " ", block.replace("//:", " ")).strip()
            try:
                found.append(parse(text, stem, kind))
            except (SignatureError, SyntaxError) as error:
                raise SignatureError(f"{path}: {error}\n  in: {text}") from None
    return found


# --- writing C -------------------------------------------------------------------------------------------


def _fields(f: Function) -> list[tuple[str, int]]:
    """C declarations of the struct's fields, in slot order, and the number of 8-byte slots each takes."""
    fields = []
    for p in f.inputs + f.outputs:
        c = C_TYPES[p.type]
        const = "" if p.inplace or p.output else "const "
        if p.scalar:
            fields.append((f"{c} {p.name}", 1))
        elif p.list:
            fields += [
                (f"{const}{c} *const *{p.name}", 1),
                (f"const int64_t *{p.name}_size", 1),
                (f"int64_t {p.name}_count", 1),
            ]
        else:
            fields.append((f"{const}{c} *{p.name}", 1))
            if p.strided:
                fields.append((f"int64_t {p.name}_stride[{len(p.axes)}]", len(p.axes)))
    return fields + [(f"int64_t {d}", 1) for d in f.dims]


def _slots(f: Function) -> dict[str, int]:
    """Slot of each field by its name."""
    slots, at = {}, 0
    for declaration, size in _fields(f):
        slots[re.sub(r"\[.*", "", declaration).split()[-1].lstrip("*")] = at
        at += size
    return slots | {"": at}


def write_structs() -> str:
    """The text of signatures.h."""
    out = ["// Generated by csrc/signatures.py from the signature lines. Do not edit."]
    for f in functions():
        out.append(f"\n// {f.text}\nstruct {f.name} {{")
        out += [f"    {declaration};" for declaration, _ in _fields(f)]
        out.append("};")
    return "\n".join(out) + "\n"


def _c_expression(node: ast.expr, slots: dict[str, int]) -> str:
    match node:
        case ast.Constant(value=value):
            return str(value)
        case ast.Name(id=name):
            if name not in slots:
                raise SignatureError(f"unknown name {name!r} in an axis")
            return f"s[{slots[name]}].n"
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _c_expression(left, slots), _c_expression(right, slots)
            sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}.get(type(op))
            return f"({a} {sign} {b})" if sign else f"sq_floor_divide({a}, {b})"
    raise SignatureError("axis expression")


def _c_string(text: str | None) -> str:
    return "NULL" if text is None else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _c_axis(axis: Axis, tag: str, slots: dict[str, int], out: list[str]) -> str:
    name, times, plus = axis.linear or (None, 0, 0)
    size = "NULL"
    if axis.linear is None:
        size = tag
        out.append(f"static int64_t {tag}(const sq_slot *s) {{ return {_c_expression(axis.expression, slots)}; }}")
    dim = slots[name] if name else -1
    return f"{{{_c_string(axis.text)}, {dim}, {times}, {plus}, {size}, {int(axis.broadcast)}}}"


def _c_param(p: Param, tag: str, slots: dict[str, int], out: list[str]) -> str:
    axes = "NULL"
    if p.axes:
        rows = [_c_axis(a, f"{tag}_size{i}", slots, out) for i, a in enumerate(p.axes)]
        axes = f"{tag}_axes"
        out.append(f"static const sq_axis {axes}[] = {{{', '.join(rows)}}};")
    flags = [
        flag
        for flag, on in {
            "SQ_OPTIONAL": p.optional,
            "SQ_INPLACE": p.inplace,
            "SQ_STRIDED": p.strided,
            "SQ_SWAPPED": p.swapped,
            "SQ_LIST": p.list,
            "SQ_FLAT": p.flat,
            "SQ_OUTPUT": p.output,
            "SQ_DEFAULT": p.default is not None,
            "SQ_MINIMUM": p.minimum is not None,
        }.items()
        if on
    ]
    below = slots[p.below] if p.below else -1
    number = p.default or "0"
    fields = [
        _c_string(p.name),
        f"SQ_TYPE_{p.type.replace('u8', 'u')}",
        " | ".join(flags) or "0",
        slots[p.name],
        len(p.axes),
        axes,
        below,
        _c_string(p.below),
        float(number),
        int(number) if p.type in "np" else 0,
        p.minimum or 0,
    ]
    return "{" + ", ".join(map(str, fields)) + "}"


def write_tables(isas: list[str]) -> str:
    """The text of tables.inc: what the boundary knows of every function, with one pointer a compiled variant."""
    out = ["// Generated by csrc/signatures.py from the signature lines. Do not edit."]
    rows = []
    for f in functions():
        slots = _slots(f)
        variants = [[f"f{bits}_{isa}" for isa in isas] for bits in (32, 64)] if f.kind == "real" else [["plain"]]
        for v in [v for row in variants for v in row]:
            out.append(f"const char *{f.name}_{v}(const void *);")
        params = [_c_param(p, f"{f.name}_{p.name}", slots, out) for p in f.inputs + f.outputs]
        out.append(f"static const sq_param {f.name}_params[] = {{\n    " + ",\n    ".join(params or ["{0}"]) + "};")
        pointers = ", ".join("{" + ", ".join(f"{f.name}_{v}" for v in row) + "}" for row in variants)
        first = slots[f.dims[0]] if f.dims else 0
        rows.append(
            f"{{{_c_string(f.name)}, {_c_string(f.text)}, {f.name}_params, {len(f.inputs)}, {len(f.outputs)}, "
            f"{slots['']}, {first}, {len(f.dims)}, {int(f.kind == 'real')}, {{{pointers}}}}}"
        )
    out.append("static const sq_function sq_functions[] = {\n    " + ",\n    ".join(rows) + "};")
    names = ", ".join(_c_string(isa) for isa in isas)
    out.append(f"static const char *const sq_isas[] = {{{names}}};")
    return "\n".join(out) + "\n"


# --- writing the stub ------------------------------------------------------------------------------------


def _py_param(p: Param) -> str:
    if p.scalar:
        kind = {"d": "float", "n": "int", "p": "bool"}[p.type]
        if p.default is None:
            return f"{p.name}: {kind}"
        value = bool(int(p.default)) if p.type == "p" else float(p.default) if p.type == "d" else int(p.default)
        return f"{p.name}: {kind} = {value!r}"
    kind = "np.ndarray" if p.inplace else "npt.ArrayLike"
    if p.list:
        kind = f"Sequence[{kind}]"
    return f"{p.name}: {kind} | None = None" if p.optional else f"{p.name}: {kind}"


def write_stub() -> str:
    """The text of seqnn/_core.pyi."""
    out = [
        '"""The compiled kernels. Generated by csrc/signatures.py from the signature lines; do not edit."""',
        "",
        "from collections.abc import Sequence",
        "from typing import Any",
        "",
        "import numpy as np",
        "import numpy.typing as npt",
        "",
        "def signatures() -> dict[str, str]: ...",
        "def build_info() -> dict[str, Any]: ...",
        "def available_isas() -> tuple[str, ...]: ...",
        "def get_isa() -> str: ...",
        "def set_isa(name: str, /) -> None: ...",
        "def get_threads() -> int: ...",
        "def set_threads(count: int, /) -> None: ...",
        "def set_local_threads(count: int, /) -> int: ...",
        "def force_team(count: int, /) -> int: ...",
        "def keep_memory(before: object, /) -> object: ...",
        "def kept_bytes() -> int: ...",
        "def limit_memory(count: int, /) -> int: ...",
        "def drop_memory() -> int: ...",
    ]
    for f in functions():
        arguments = []
        needs_name = False  # a parameter without a default may follow one with a default: then by keyword
        for p in f.inputs:
            if p.optional or p.default is not None:
                needs_name = True
            elif needs_name and "*" not in arguments:
                arguments.append("*")
            arguments.append(_py_param(p))
        asked = [p for p in f.outputs if p.optional]
        if asked and "*" not in arguments:
            arguments.append("*")
        arguments += [f"{p.name}: bool = False" for p in asked]
        results = ["np.ndarray | None" if p.optional else "np.ndarray" for p in f.outputs]
        result = results[0] if len(results) == 1 else f"tuple[{', '.join(results)}]" if results else "None"
        out.append(f"\n# {f.text}\ndef {f.name}(")
        out += [f"    {a}," for a in arguments]
        out.append(f") -> {result}: ...")
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] != ["--stub"]:
        sys.exit("usage: python csrc/signatures.py --stub")
    STUB.write_text(write_stub())
