"""Every public name is described: in one form, argument by argument, with an example. See .github/CONTRIBUTING.md."""

import importlib
import importlib.util
import inspect
import re
from pathlib import Path

import pytest

PACKAGES = [
    "seqnn", "seqnn.autograd", "seqnn.data", "seqnn.decode", "seqnn.diagnose", "seqnn.distributed", "seqnn.embed",
    "seqnn.evaluate", "seqnn.lm", "seqnn.metrics", "seqnn.models", "seqnn.nn", "seqnn.ops", "seqnn.optim", "seqnn.plot",
    "seqnn.pretrained", "seqnn.random", "seqnn.serve", "seqnn.text", "seqnn.train", "seqnn.tune",
]  # fmt: skip
"""All public packages: a new one is added here."""

ENGINES = {"seqnn.distributed.dask": "dask", "seqnn.distributed.mpi": "mpi4py"}
PACKAGES += [package for package, library in ENGINES.items() if importlib.util.find_spec(library)]

WITHOUT_EXAMPLE = {
    "seqnn.models.NotFittedError",
    "seqnn.models.ConvergenceWarning",
    "seqnn.models.DataConversionWarning",
}
"""Errors and warnings, which are met and not called."""

NOT_VERBS = {"Whether", "Which", "How", "What", "Where", "Why", "All", "Each", "This", "So", "As", "If", "For"}


def members():
    """(name, object, kind) of every public class, function and method."""
    for package in map(importlib.import_module, PACKAGES):
        for name in package.__all__:
            item = getattr(package, name)
            path = f"{package.__name__}.{name}"
            if not (inspect.isclass(item) or inspect.isfunction(item)):
                continue
            yield path, item
            for method in dir(item) if inspect.isclass(item) else ():
                value = inspect.getattr_static(item, method)
                function = getattr(value, "__func__", value)
                ours = inspect.isfunction(function) and function.__module__.startswith("seqnn")
                if ours and not method.startswith("_"):
                    yield f"{path}.{method}", function


MEMBERS = dict(members())
TOP = [name for name in MEMBERS if name.rpartition(".")[0] in PACKAGES and name not in WITHOUT_EXAMPLE]


def arguments(item):
    """The names of the parameters that a user gives."""
    signature = inspect.signature(item.__init__ if inspect.isclass(item) else item)
    if inspect.isclass(item) and item.__init__ is object.__init__:
        signature = inspect.Signature()
    names = [p.name for p in signature.parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return [name for name in names if name not in ("self", "cls")]


def described(doc):
    """The names under "Args:"."""
    section = doc.partition("\nArgs:\n")[2]
    block = re.split(r"\n(?=\S)", section)[0] if section else ""
    entries = re.findall(r"^    (\*{0,2}\w+(?:, \*{0,2}\w+)*):", block, re.MULTILINE)
    return {name.lstrip("*") for entry in entries for name in entry.split(", ")}


def test_every_public_package_is_looked_at():
    found = {
        f"seqnn.{p.parent.name}"
        for p in Path(importlib.import_module("seqnn").__file__).parent.glob("[a-z]*/__init__.py")
    }
    assert found <= set(PACKAGES)


@pytest.mark.parametrize("name", MEMBERS)
def test_a_docstring_begins_with_a_verb_or_a_noun(name):
    doc = inspect.getdoc(MEMBERS[name])
    assert doc, f"{name} has no docstring"
    first = doc.split()[0].rstrip(".,:;")
    assert first not in NOT_VERBS, f"{name}: {doc.splitlines()[0]!r} begins with {first!r}"
    if not inspect.isclass(MEMBERS[name]):
        assert first[:1].isupper() and not re.match(r"(A|An|The)$", first), f"{name}: begin with a verb, not {first!r}"


@pytest.mark.parametrize("name", MEMBERS)
def test_every_argument_is_described(name):
    doc = inspect.getdoc(MEMBERS[name])
    missing = [argument for argument in arguments(MEMBERS[name]) if argument not in described(doc)]
    assert not missing, f"{name}: nothing under Args: about {missing}"


@pytest.mark.parametrize("name", [name for name in MEMBERS if not inspect.isclass(MEMBERS[name])])
def test_what_is_returned_is_described(name):
    item, doc = MEMBERS[name], inspect.getdoc(MEMBERS[name])
    returned = inspect.signature(item).return_annotation
    assert returned is not inspect.Signature.empty, f"{name} does not say in its signature what it returns"
    if returned not in (None, "None"):
        said = "\nReturns:\n" in doc or re.match(r"(Return|Tell|Yield|Count)\b", doc)
        assert said, f"{name}: add Returns:, or begin with Return"


@pytest.mark.parametrize("name", TOP)
def test_there_is_an_example(name):
    item = MEMBERS[name]
    assert ">>>" in inspect.getdoc(item), f"{name} has no example"
