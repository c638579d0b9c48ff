"""Parse the signature lines of the C sources, at build time. The language stands in csrc/README.md.

A source file states every function's arguments on `//:` comment lines, and constants that Python shares on `//=` lines.
`generate.py` writes C structs, C tables and the type stub of `seqnn._core` from what this module reads.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

CSRC = Path(__file__).resolve().parent.parent
SCALARS = "dnp"
INTEGERS = ("i8", "i", "l", "u", "u8", "u16", "u32")
"""Element types whose values a condition may bound."""


class SignatureError(ValueError):
    """A line that does not follow the language; the message names file, line and place."""


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
    choices: tuple[str, ...] = ()

    @property
    def scalar(self) -> bool:
        """Whether this is a number and not an array."""
        return self.type in SCALARS


@dataclass(frozen=True)
class Condition:
    """What must hold beyond shapes and types; `text` as written.

    kind "range": every value of the array `param` lies in [low, high]; "ascends": its values also never fall along the
    last axis; "covers": so, from 0 to exactly high; "needs": where `param` is given, `other` is too; "holds": `expression`.
    """

    kind: str
    text: str
    param: str = ""
    other: str = ""
    low: ast.expr | None = None
    high: ast.expr | None = None
    expression: ast.expr | None = None


@dataclass(frozen=True)
class Function:
    """One signature line: `text` as written, inputs and outputs, axis names in order of appearance, conditions.

    `like` names the function whose line this one repeats, its own name where it has a line.
    """

    name: str
    stem: str
    kind: str
    text: str
    inputs: tuple[Param, ...]
    outputs: tuple[Param, ...]
    dims: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()
    like: str = ""


@dataclass
class Source:
    """One file of kernels.def: how it is compiled, its path without the ending, its own flags, and what its lines declare."""

    kind: str
    path: str
    flags: list[str] = field(default_factory=list)
    constants: dict[str, int] = field(default_factory=dict)
    enums: dict[str, tuple[str, ...]] = field(default_factory=dict)
    functions: list[Function] = field(default_factory=list)
    others: dict[str, Source] = field(default_factory=dict)

    @property
    def stem(self) -> str:
        """The name by which the file is known in every folder of the repository."""
        return self.path.rpartition("/")[2]


# Parts of a line.


def _split(text: str, separator: str = ",") -> list[str]:
    """Return the parts between the separators that stand outside brackets."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "[(") - (c in "])")
        if c == separator and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [p.strip() for p in [*parts, text[start:]] if p.strip()]


def _linear(node: ast.expr) -> tuple[str | None, int, int] | None:
    """Return (name, times, plus) where the expression is times * name + plus with one axis name or none, else None."""
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


_ARITHMETIC = (
    ast.BinOp, ast.UnaryOp, ast.Name, ast.Constant, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Mod, ast.USub, ast.Load,
)  # fmt: skip
_LOGIC = (*_ARITHMETIC, ast.Compare, ast.BoolOp, ast.Not, ast.And, ast.Or, ast.cmpop)


class _Constants(ast.NodeTransformer):
    """Puts numbers in the place of constants (BLOCK, word2vec.BLOCK) and enumerators (form.update)."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def visit_Name(self, node: ast.Name) -> ast.expr:
        value = self.source.constants.get(node.id)
        return node if value is None else ast.Constant(value)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        match node.value:
            case ast.Name(id=enum) if node.attr in self.source.enums.get(enum, ()):
                return ast.Constant(self.source.enums[enum].index(node.attr))
            case ast.Name(id=stem) if stem in self.source.others and node.attr in self.source.others[stem].constants:
                return ast.Constant(self.source.others[stem].constants[node.attr])
        raise SignatureError(f"no constant {ast.unparse(node)}")


def _expression(text: str, source: Source, allowed: tuple[type, ...] = _ARITHMETIC) -> ast.expr:
    spelled = re.sub(r"(?<![\w.])(\d+)(?=[A-Za-z_])", r"\1*", text)
    expression = _Constants(source).visit(ast.parse(spelled, mode="eval").body)
    for node in ast.walk(expression):
        if not isinstance(node, allowed):
            raise SignatureError(f"{text!r} uses more than names, integers and operators")
    return expression


def _axis(text: str, source: Source) -> Axis:
    written = text.strip()
    expression = _expression(written.rstrip("~"), source)
    return Axis(written, expression, _linear(expression), written.endswith("~"))


_PARAM = re.compile(
    r"(?P<name>[a-z]\w*)(?P<marks>[:~+?*]+)(?P<type>f32|f64|i8|u8|u16|u32|u64|[filubdnp])"
    r"(?:\[(?P<axes>[^\]]*)\])?(?:<(?P<below>[A-Z]\w*))?(?:>=(?P<minimum>-?\d+))?(?:=(?P<default>[-+.\w]+))?$"
)


def _param(text: str, output: bool, source: Source) -> Param:
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
        axes=tuple(_axis(a, source) for a in _split(axes.removesuffix("..."))),
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


# Conditions.


def _bounds(node: ast.Compare, arrays: dict[str, Param]) -> tuple[str, ast.expr | None, ast.expr | None] | None:
    """Return (array, low, high) of a comparison such as 0 <= ids < V; None where no array is compared."""
    terms = [node.left, *node.comparators]
    at = [i for i, term in enumerate(terms) if isinstance(term, ast.Name) and term.id in arrays]
    if not at:
        return None
    if len(at) > 1:
        raise SignatureError("a condition bounds one array")
    low: ast.expr | None = None
    high: ast.expr | None = None
    for (left, right), op in zip(pairwise(terms), node.ops, strict=True):
        if not isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE):
            raise SignatureError("an array is compared by <, <=, > and >=")
        rises, strict = isinstance(op, ast.Lt | ast.LtE), isinstance(op, ast.Lt | ast.Gt)
        array_left = left is terms[at[0]]
        bound = right if array_left else left
        if array_left == rises:
            high = ast.BinOp(bound, ast.Sub(), ast.Constant(1)) if strict else bound
        else:
            low = ast.BinOp(bound, ast.Add(), ast.Constant(1)) if strict else bound
    return terms[at[0]].id, low, high  # type: ignore[attr-defined]


def _conditions(text: str, inputs: tuple[Param, ...], outputs: tuple[Param, ...], source: Source) -> list[Condition]:
    arrays = {p.name: p for p in inputs if not p.scalar and not p.list}
    names = {p.name for p in (*inputs, *outputs)}
    found: list[Condition] = []
    for part in _split(text, ";"):
        if m := re.fullmatch(r"(\w+) (ascends to|covers) (.+)", part):
            kind = "covers" if m[2] == "covers" else "ascends"
            found.append(Condition(kind, part, m[1], low=ast.Constant(0), high=_expression(m[3], source)))
        elif m := re.fullmatch(r"(\w+) needs (\w+(?: \w+)*)", part):
            found += [Condition("needs", f"{m[1]} needs {other}", m[1], other) for other in m[2].split()]
        else:
            node = _expression(part, source, _LOGIC)
            bounds = _bounds(node, arrays) if isinstance(node, ast.Compare) else None
            if bounds:
                found.append(Condition("range", part, bounds[0], low=bounds[1], high=bounds[2]))
            else:
                found.append(Condition("holds", part, expression=node))
    for condition in found:
        for name in filter(None, (condition.param, condition.other)):
            if name not in names:
                raise SignatureError(f"{condition.text!r}: no argument {name}")
        if condition.kind in ("range", "ascends", "covers"):
            param = arrays.get(condition.param)
            if param is None or param.type not in INTEGERS or param.strided:
                raise SignatureError(
                    f"{condition.text!r}: only values of a contiguous array of integers can be bounded"
                )
            if param.inplace:
                raise SignatureError(f"{condition.text!r}: an array that is updated in place cannot be checked before")
    return found


def _choices(text: str, source: Source) -> tuple[str, tuple[str, ...]] | None:
    """Return (argument, its names) of a condition such as `form in form` or `activation in linear.activation`."""
    m = re.fullmatch(r"(\w+) in (?:(\w+)\.)?(\w+)", text)
    if not m:
        return None
    enums = (source.others[m[2]] if m[2] else source).enums
    if m[3] not in enums:
        raise SignatureError(f"{text!r}: no enumeration {m[3]}")
    return m[1], enums[m[3]]


# Lines.


def parse(text: str, source: Source | None = None) -> Function:
    """Parse one signature, `name(argument, ...) -> output, ... where condition; ...`."""
    source = source or Source("real", "")
    line, _, where = text.partition(" where ")
    m = re.match(r"(?P<name>[a-z]\w*)\((?P<inputs>.*)\)(?:\s*->\s*(?P<outputs>.*))?$", line)
    if not m:
        raise SignatureError(f"cannot read signature {text!r}")
    inputs = [_param(p, False, source) for p in _split(m["inputs"])]
    outputs = tuple(_param(p, True, source) for p in _split(m["outputs"] or ""))
    others = []
    for part in _split(where, ";"):
        chosen = _choices(part, source)
        if chosen is None:
            others.append(part)
            continue
        at = [i for i, p in enumerate(inputs) if p.name == chosen[0] and p.type == "n"]
        if not at:
            raise SignatureError(f"{part!r}: no integer {chosen[0]}")
        inputs[at[0]] = replace(inputs[at[0]], choices=chosen[1])
    everything = (*inputs, *outputs)
    names = [p.name for p in everything] + [f"{p.name}_size" for p in everything if p.list or p.output]
    if len({*names}) != len(names):
        raise SignatureError(f"{text!r}: a name occurs twice")
    if source.kind == "single" and any(p.type == "f" for p in everything):
        raise SignatureError(f"{text!r}: a file for float32 alone has f32 in the place of f")
    if any(p.flat for p in outputs) and not any(p.flat and not p.optional for p in inputs):
        raise SignatureError(f"{text!r}: an output of any shape takes that of an input")
    conditions = _conditions("; ".join(others), tuple(inputs), outputs, source)
    dims: dict[str, None] = {}
    for p in everything:
        for axis in p.axes:
            for node in ast.walk(axis.expression):
                if isinstance(node, ast.Name) and node.id[0].isupper():
                    dims.setdefault(node.id)
    return Function(
        m["name"], source.stem, source.kind, line, tuple(inputs), outputs, tuple(dims), tuple(conditions), m["name"]
    )


def _declare(line: str, source: Source) -> None:
    """Take over a `//=` line: `NAME number`, or `name value value ...`, an enumeration."""
    name, *values = line.split()
    if name.isupper() and len(values) == 1 and values[0].isdecimal():
        source.constants[name] = int(values[0])
    elif re.fullmatch(r"[a-z]\w*", name) and values and all(re.fullmatch(r"[a-z]\w*", v) for v in values):
        source.enums[name] = tuple(values)
    else:
        raise SignatureError(f"cannot read declaration {line!r}")


def read_sources() -> list[Source]:
    """Return every file of kernels.def with what its lines declare."""
    sources = []
    for line in (CSRC / "kernels.def").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            kind, path, *flags = line.split()
            sources.append(Source(kind, path, flags))
    by_stem = {source.stem: source for source in sources}
    texts = {source.path: (CSRC / f"{source.path}.c").read_text() for source in sources}
    for source in sources:
        source.others = by_stem
        for declared in re.findall(r"^//= (.*)$", texts[source.path], re.MULTILINE):
            _declare(declared, source)
    known: dict[str, Function] = {}
    for source in sources:
        for block in re.findall(r"^//:.*(?:\n//:.*)*", texts[source.path], re.MULTILINE):
            text = re.sub(r"\s+", " ", block.replace("//:", " ")).strip()
            try:
                if m := re.fullmatch(r"(\w+) = (\w+)", text):
                    like = known[m[2]]
                    found = replace(like, name=m[1], text=like.text.replace(m[2], m[1], 1), like=like.like)
                else:
                    found = parse(text, source)
            except (SignatureError, SyntaxError, KeyError) as error:
                raise SignatureError(f"{source.path}.c: {error}\n  in: {text}") from None
            known[found.name] = found
            source.functions.append(found)
    return sources


def functions() -> list[Function]:
    """Return every function of every file, in the order of kernels.def and of the files."""
    return [function for source in read_sources() for function in source.functions]
