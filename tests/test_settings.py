"""The table of settings: every class that has one agrees with its signature, its docstring and scikit-learn's protocol."""

import importlib
import inspect
import pkgutil

import pytest

import seqnn
from seqnn._settings import Anything, Choice, Flag, Integer, Number, Settings, Sizes, described


def every_class(base=Settings):
    """Every subclass in the package."""
    for module in pkgutil.walk_packages(seqnn.__path__, "seqnn."):
        if module.name != "seqnn.__main__" and not module.name.startswith(
            "seqnn.distributed."
        ):  # engines may be missing
            importlib.import_module(module.name)
    found, todo = {}, [base]
    while todo:
        for cls in todo.pop().__subclasses__():
            if cls.__module__.startswith("seqnn.") and cls.__init__ is not object.__init__:
                found[f"{cls.__module__}.{cls.__name__}"] = cls
            todo.append(cls)
    return found


CLASSES = every_class()
PUBLIC = {name: cls for name, cls in CLASSES.items() if not cls.__name__.startswith("_")}


@pytest.mark.parametrize("name", CLASSES)
def test_the_signature_is_the_table(name):
    cls = CLASSES[name]
    parameters = inspect.signature(cls.__init__).parameters
    for setting, declared in cls._settings.items():
        assert setting in parameters, f"{name}.__init__ does not take {setting}"
        default = parameters[setting].default
        assert default == declared.default, (
            f"{setting}: {default!r} in the signature, {declared.default!r} in the table"
        )


@pytest.mark.parametrize("name", PUBLIC)
def test_the_docstring_describes_every_argument(name):
    cls = PUBLIC[name]
    texts = described(cls)
    for argument in [*inspect.signature(cls.__init__).parameters][1:]:
        assert texts.get(argument), f"the docstring of {name} says nothing about {argument}"


class Base(Settings):
    """Do something.

    Args:
        epochs: passes over the data;
            0 makes none.
        rate, decay: of learning.

    Notes follow.
    """

    epochs = Integer(5, minimum=0)
    rate = Number(0.5, above=0, below=1)
    decay = Number(None, minimum=0)
    mean = Flag(1)
    kind = Choice("a", ["a", "b"])
    sizes = Sizes((3,))
    function = Anything(None)

    def __init__(self, epochs=5, rate=0.5, decay=None, mean=1, kind="a", sizes=(3,), function=None):
        self._store(locals())


class Derived(Base):
    """Do something else.

    Args:
        epochs: other passes.
        inner: settings of its own.
    """

    inner = Anything(None)

    def __init__(self, epochs=5, rate=0.5, decay=None, mean=1, kind="a", sizes=(3,), function=None, inner=None):
        self._store(locals())


class Eager(Base):
    """Check at once."""

    _checks_at_once = True


def test_values_are_kept_as_given_and_checked_when_used():
    made = Base(epochs="many")
    assert made.epochs == "many"
    with pytest.raises(TypeError, match="epochs: expected an integer >= 0, got 'many'"):
        made._checked()
    checked = Base(epochs=True, mean=False, sizes=[2, 3])._checked()
    assert (checked.epochs, checked.mean, checked.sizes, checked.decay) == (1, 0, (2, 3), None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rate": 1.0}, "rate: expected a finite number > 0 and < 1, got 1.0"),
        ({"rate": None}, "rate: expected"),
        ({"decay": -1}, "decay: expected a finite number >= 0, got -1"),
        ({"mean": 2}, "mean: expected 0, 1, False or True, got 2"),
        ({"kind": "c"}, "kind: expected one of 'a', 'b', got 'c'"),
        ({"sizes": 3}, "sizes: expected a sequence"),
        ({"sizes": (3, 0)}, r"sizes\[1\]: expected an integer >= 1, got 0"),
    ],
)
def test_a_check_names_the_argument(settings, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Base(**settings)._checked()


def test_assignments_are_checked_at_once_where_the_class_says_so():
    made = Eager()
    with pytest.raises(ValueError, match="epochs: expected an integer >= 0, got -1"):
        made.epochs = -1
    assert made.epochs == 5
    made.mean = True
    assert made.mean == 1 and type(made.mean) is int


def test_parameters_are_got_and_set_also_of_inner_objects():
    made = Derived(inner=Base(epochs=2))
    assert made.get_params(deep=False).keys() == Derived._settings.keys()
    assert made.get_params()["inner__epochs"] == 2
    assert made.set_params(rate=0.1, inner__epochs=9) is made
    assert (made.rate, made.inner.epochs) == (0.1, 9)
    with pytest.raises(ValueError, match="epoch: no setting of Derived; it has epochs, rate"):
        made.set_params(epoch=1)


def test_repr_shows_what_differs_from_the_defaults():
    assert repr(Base()) == "Base()"
    assert repr(Derived(rate=0.25, inner=Base(kind="b"))) == "Derived(rate=0.25, inner=Base(kind='b'))"


def test_the_docstring_of_a_base_says_what_the_own_does_not():
    assert described(Derived) == {
        "epochs": "other passes.",
        "inner": "settings of its own.",
        "rate": "of learning.",
        "decay": "of learning.",
    }
    assert described(Base)["epochs"] == "passes over the data; 0 makes none."
    assert "Notes follow." in Base.__doc__
