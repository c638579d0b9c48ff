"""The notebooks run, show what is stored, and are files that every viewer takes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-W", "error", FOLDER / "run.py", *arguments],
        env={**os.environ, "TQDM_DISABLE": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_what_is_stored(path):
    done = run("--check", path.stem)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_small_valid_and_stored_with_its_output(path):
    assert len(path.read_bytes()) <= 400_000
    notebook = json.loads(path.read_text("utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    cells = notebook["cells"]
    names = [cell["id"] for cell in cells]
    assert len(set(names)) == len(names) and all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in names)
    assert cells[0]["cell_type"] == "markdown" and cells[0]["source"][0].startswith("# ")
    for cell in cells:
        keys = {"cell_type", "id", "metadata", "source"}
        keys |= {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert set(cell) == keys
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    shown = [output for cell in code for output in cell["outputs"]]
    assert {output["output_type"] for output in shown} <= {"stream", "execute_result", "display_data"}
    assert any("image/png" in output.get("data", {}) for output in shown)


def listed():
    return re.findall(r"\]\((\w+\.ipynb)\)", (FOLDER / "README.md").read_text("utf-8"))


def test_the_list_of_notebooks_is_complete():
    assert sorted(listed()) == [path.name for path in NOTEBOOKS]


def test_each_notebook_leads_to_the_next():
    for name, following in zip(listed(), [*listed()[1:], "README.md"], strict=True):
        last = json.loads((FOLDER / name).read_text("utf-8"))["cells"][-1]
        assert last["cell_type"] == "markdown" and f"({following})" in "".join(last["source"]), name


def cell(source, text, *tags):
    output = {"name": "stdout", "output_type": "stream", "text": [text]}
    return {
        "cell_type": "code", "execution_count": 1, "id": "a", "metadata": {"tags": list(tags)}, "outputs": [output],
        "source": [source],
    }  # fmt: skip


def test_another_output_is_named_unless_it_may_vary(tmp_path):
    path = tmp_path / "small.ipynb"
    path.write_text(json.dumps({"cells": [cell("print(1)", "1\n"), cell("print(2)", "3\n", "varies")]}))
    assert run("--check", str(path)).returncode == 0
    path.write_text(json.dumps({"cells": [cell("print(1)", "1\n"), cell("print(2)", "3\n")]}))
    done = run("--check", str(path))
    assert done.returncode == 1
    assert re.search(r"small\.ipynb, cell 2: expected the stored output\s+3\s+got\s+2", done.stderr)


def test_a_cell_that_fails_is_named(tmp_path):
    path = tmp_path / "broken.ipynb"
    path.write_text(json.dumps({"cells": [cell("1 / 0", "")]}))
    done = run(str(path))
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr and "in cell 1 of broken.ipynb" in done.stderr
