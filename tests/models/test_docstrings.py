"""Every public name of models and pictures explains its arguments, and shows an example that runs."""

import inspect
import re

import pytest

from seqnn import models, plot
from seqnn._settings import described

NAMES = [(package, name) for package in (models, plot) for name in package.__all__]
EXCEPTIONS = {"NotFittedError", "ConvergenceWarning", "DataConversionWarning"}


def text(thing):
    return inspect.cleandoc(thing.__doc__ or "")


@pytest.mark.parametrize(("package", "name"), NAMES, ids=lambda x: x if isinstance(x, str) else x.__name__)
def test_a_public_name_has_a_summary_and_an_example(package, name):
    doc = text(getattr(package, name))
    summary, _, rest = doc.partition("\n\n")
    assert summary and "\n" not in summary and summary.endswith("."), f"{name}: expected one sentence first"
    assert name in EXCEPTIONS or ">>> " in rest, f"{name} shows no example"


@pytest.mark.parametrize(("package", "name"), NAMES, ids=lambda x: x if isinstance(x, str) else x.__name__)
def test_a_public_name_describes_every_argument(package, name):
    thing = getattr(package, name)
    if name in EXCEPTIONS or (isinstance(thing, type) and issubclass(thing, tuple)):
        return
    function = thing.__init__ if isinstance(thing, type) else thing
    texts = described(thing)
    for argument in inspect.signature(function).parameters:
        assert argument == "self" or texts.get(argument), f"{name} says nothing about {argument}"


@pytest.mark.parametrize(
    "cls",
    [getattr(models, n) for n in models.__all__ if isinstance(getattr(models, n), type)],
    ids=lambda c: c.__name__,
)
def test_public_methods_explain_themselves(cls):
    for name, method in vars(cls).items():
        if name.startswith("_") or not inspect.isfunction(method) or name == "extra_repr":
            continue
        doc = inspect.getdoc(method) or ""
        assert re.match(r"[A-Z][a-z]+ ", doc), f"{cls.__name__}.{name}: expected a sentence that begins with a verb"
        optional = [p for p in inspect.signature(method).parameters.values() if p.default is not p.empty]
        inherited = "the arguments are those of" in doc.lower()
        if len(optional) > 1 and not inherited:
            for parameter in optional:
                assert described(method).get(parameter.name) or f"`{parameter.name}`" in doc, (
                    f"{cls.__name__}.{name}: {parameter.name}"
                )
