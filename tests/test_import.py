"""The import: how much it loads and takes of the disk, and whether it gets on with libraries that have an OpenMP of their own."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seqnn import _core

# Each makes its library use its threads, and prints a result.
USES = {
    "seqnn": """
from seqnn import ops
x = np.ones((64, 256), np.float32)
with seqnn.threads(2):
    print("seqnn", float(ops.linear(x, np.ones((256, 256), np.float32)).sum()))
""",
    "torch": """
torch.set_num_threads(2)
print("torch", float((torch.ones(64, 256) @ torch.ones(256, 256)).sum()))
""",
    "sklearn": """
from sklearn.cluster import KMeans
x = np.arange(600.0).reshape(-1, 2)
print("sklearn", len(KMeans(3, n_init=1, random_state=0).fit(x).cluster_centers_))
""",
    "numba": """
total = numba.njit(parallel=True)(lambda n: np.ones(n).sum())
print("numba", total(1000))
""",
}
EXPECTED = {"seqnn": 64.0 * 256 * 256, "torch": 64.0 * 256 * 256, "sklearn": 3, "numba": 1000.0}


def run(code):
    """Return the lines that a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=os.environ)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")


@pytest.mark.peers
@pytest.mark.parametrize("library", ["torch", "sklearn", "numba"])
@pytest.mark.parametrize("ours_first", [True, False], ids=["ours_first", "ours_last"])
def test_both_work_in_one_process_whichever_is_imported_and_used_first(library, ours_first):
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    names = ["seqnn", library] if ours_first else [library, "seqnn"]
    imports = "import numpy as np\n" + "".join(f"import {name}\n" for name in names)
    lines = run(imports + "".join(USES[name] for name in (*names, names[0])))
    found = dict(line.split() for line in lines if line)
    assert {name: float(value) for name, value in found.items()} == {name: EXPECTED[name] for name in names}


def test_an_import_loads_a_bounded_number_of_modules():
    lines = run("import sys, numpy; before = {*sys.modules}; import seqnn; print(*({*sys.modules} - before))")
    loaded = lines[0].split()
    assert len([name for name in loaded if name.startswith("seqnn")]) <= 140
    assert len(loaded) <= 210


def test_no_package_loads_a_library_that_an_extra_brings():
    lines = run("""
import pkgutil, sys
import seqnn
for package in pkgutil.iter_modules(seqnn.__path__, "seqnn."):
    if package.ispkg:
        __import__(package.name)
print(*{name.split(".")[0] for name in sys.modules})
""")
    loaded = set(lines[0].split())
    assert "seqnn" in loaded
    extras = {
        "matplotlib",
        "sklearn",
        "scipy",
        "pandas",
        "torch",
        "tokenizers",
        "starlette",
        "uvicorn",
        "dask",
        "mpi4py",
    }
    assert not loaded & extras


def test_what_is_installed_has_a_bounded_size():
    core = Path(_core.__file__)
    files = [path for path in core.parent.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files if path.suffix not in (".so", ".pyd")) <= 4_500_000
    assert core.stat().st_size <= 8_000_000  # of all instruction sets
