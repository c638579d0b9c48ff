"""The house rules that a machine can check (csrc/README.md): a stem has the same room in every storey, and imports go down."""

import ast
import re
from pathlib import Path

import pytest
import signatures

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "seqnn"
SOURCES = signatures.read_sources()
STEMS = [
    s.stem for s in SOURCES if s.kind != "part" and s.stem != "probe"
]  # the probe is the call path's own test kernel
# A module may import from its own storey and from those below it.
STOREYS = [
    (
        "_archives",
        "_arguments",
        "_atomic",
        "_callbacks",
        "_core",
        "_threads",
        "_config",
        "_file_floats",
        "_files",
        "_hints",
        "_interrupts",
        "_json_files",
        "_kept_memory",
        "_layouts",
        "_memory",
        "_model_file",
        "_openmp",
        "_progress",
        "_run",
        "_safetensors",
        "_settings",
        "_snapshot",
        "_spill",
        "_strings",
        "_window",
        "random",
    ),
    ("autograd",),
    ("ops",),
    ("nn", "optim"),
    ("text", "decode"),
    ("data", "_huggingface"),
    ("metrics",),
    ("lm",),
    ("embed",),
    ("train",),
    ("diagnose", "tune"),
    ("models",),
    ("distributed", "plot", "pretrained"),
    ("evaluate", "serve"),
    ("_cli", "__main__"),
]


def storey(name):
    return next(i for i, names in enumerate(STOREYS) if name in names)


def level(path):
    return storey(path.relative_to(PACKAGE).parts[0].removesuffix(".py"))


@pytest.mark.parametrize("stem", STEMS)
def test_a_kernel_has_its_home_its_test_and_its_benchmark(stem):
    rooms = [p for p in PACKAGE.rglob("*.py") if p.stem in (f"_{stem}", stem)]
    # The lowest is the home; above it nn/_linear.py may hold the layers, plot/_loss.py the pictures.
    homes = [p for p in rooms if level(p) == min(map(level, rooms))]
    assert len(homes) == 1, f"{stem}.c needs one seqnn/<package>/_{stem}.py, found {homes}"
    assert (ROOT / "tests" / "kernels" / f"test_{stem}.py").exists()
    assert (ROOT / "benchmarks" / f"bench_{stem}.py").exists()


def test_every_kernel_file_is_listed():
    csrc = ROOT / "csrc"
    files = {str(p.relative_to(csrc).with_suffix("")) for p in csrc.rglob("*.c") if "//: " in p.read_text()}
    assert files == {s.path for s in SOURCES if s.kind != "part"}


def test_only_the_boundary_knows_python():
    for path in (ROOT / "csrc").rglob("*.[ch]"):
        if path.parent.name != "boundary":
            assert "Python.h" not in path.read_text(), path


def imported(path):
    """Names of the top-level rooms of seqnn that a module imports, wherever it does."""
    package = ("seqnn", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            full = [*base, *(node.module.split(".") if node.module else [])]
            if full[:1] == ["seqnn"]:
                yield from [full[1]] if len(full) > 1 else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("seqnn."))


@pytest.mark.parametrize(
    "path", [p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE or p.name != "__init__.py"], ids=str
)
def test_imports_go_down(path):
    for name in imported(path):
        if name == "__version__":
            continue
        assert storey(name) <= level(path), f"{path.relative_to(ROOT)} imports seqnn.{name}, which stands above it"


MODULES = sorted(PACKAGE.rglob("*.py"))


def found(parts):
    """The file of a module, given as its path below the package's folder, or None."""
    path = PACKAGE.joinpath(*parts)
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.exists()), None)


def imported_files(path):
    """The files of the package that a module imports, wherever it does."""
    package = path.relative_to(PACKAGE).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = [*package[: len(package) - node.level + 1], *(node.module.split(".") if node.module else [])]
        for alias in node.names:
            if [*base, alias.name] != ["_core"]:  # the kernels import nothing
                yield found([*base, alias.name]) or found(base)


def room(path):
    """The folder in which a module, or a package as a whole, lies."""
    return path.parent.parent if path.name == "__init__.py" else path.parent


@pytest.mark.parametrize("path", [p for p in MODULES if p.parent != PACKAGE], ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_module_reaches_past_the_door_of_another_package(path):
    reached = [str(t.relative_to(PACKAGE)) for t in imported_files(path) if room(t) not in path.parents]
    assert not reached, "import it from the package, whose __init__ is the door"


def test_imports_make_no_circle():
    below = {path: set(imported_files(path)) - {path} for path in MODULES}
    # What imports nothing but what has been taken away may be taken away; circles are left at the end.
    while free := [path for path, needs in below.items() if not needs & below.keys()]:
        for path in free:
            del below[path]
    assert not below, sorted(str(path.relative_to(PACKAGE)) for path in below)


@pytest.mark.parametrize("path", [p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE], ids=str)
def test_modules_are_private_and_packages_only_export(path):
    assert path.name.startswith("_")
    if path.name == "__init__.py":
        for node in ast.parse(path.read_text()).body:
            doc = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            names = isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
            assert doc or names or isinstance(node, ast.ImportFrom), f"{path}: line {node.lineno} does more than export"


def test_the_sources_name_no_machine():
    forbidden = re.compile(r"/(?:home|root|work|tmp)/|https?://(?!doi\.org|arxiv\.org)[\w.]*pypi")
    for folder in ("csrc", "seqnn", "benchmarks"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".c", ".h", ".py", ".md", ".def"):
                assert not forbidden.search(path.read_text()), path
