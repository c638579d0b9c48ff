"""Run the notebooks of this folder without Jupyter: `python notebooks/run.py [--write | --check] [NAME ...]`.

Every cell must run. With --write the outputs and pictures are stored, as Jupyter would store them; else nothing changes.
With --check every cell must also give what is stored: the same text, and as many pictures. Cells with the tag "varies" may
differ: what they show depends on the version of Python, or on the instruction set.
Needs matplotlib, and nothing else that seqnn does not need.
"""

from __future__ import annotations

import argparse
import ast
import base64
import contextlib
import io
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="notebooks to run, such as word_vectors, or files (default: all)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--write", action="store_true", help="store the outputs in the notebooks")
    what.add_argument("--check", action="store_true", help="fail where an output is not what is stored")
    options = parser.parse_args()
    paths = [Path(name) if name.endswith(".ipynb") else HERE / f"{name}.ipynb" for name in options.names]
    different = False
    for path in paths or sorted(HERE.glob("*.ipynb")):
        began = time.perf_counter()
        stored = path.read_text("utf-8")
        notebook = json.loads(stored)
        run(notebook, path.name)
        if options.write:
            path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")
        print(f"{path.name}: {time.perf_counter() - began:.0f} s", flush=True)
        if options.check:
            for difference in differences(json.loads(stored), notebook):
                print(f"{path.name}, {difference}", file=sys.stderr)
                different = True
    return int(different)


def run(notebook: dict[str, Any], name: str) -> None:
    """Run the code cells one after the other, and put what they show into their outputs."""
    import matplotlib

    matplotlib.use("Agg")
    space: dict[str, Any] = {"__name__": "__main__"}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(cells, 1):
        try:
            cell["outputs"] = run_cell("".join(cell["source"]), space, number)
        except Exception as error:
            error.add_note(f"in cell {number} of {name}")
            raise
        cell["execution_count"] = number


def differences(stored: dict[str, Any], notebook: dict[str, Any]) -> Iterator[str]:
    """Yield a description of each cell that shows something else than what is stored."""
    for before, after in zip(stored["cells"], notebook["cells"], strict=True):
        if before["cell_type"] != "code" or "varies" in before["metadata"].get("tags", ()):
            continue
        wanted, got = shown_by(before), shown_by(after)
        if wanted != got:
            yield f"cell {after['execution_count']}: expected the stored output\n{wanted}\ngot\n{got}"


def shown_by(cell: dict[str, Any]) -> str:
    """Return the text that a cell shows; a picture is a line."""
    texts = [output.get("text") or output["data"]["text/plain"] for output in cell["outputs"]]
    return "\n".join("".join(text) for text in texts)


def run_cell(source: str, space: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """Run one cell; return its outputs: what it printed, the value of its last line, and its pictures."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, f"<cell {number}>", "exec"), space)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), f"<cell {number}>", "eval"), space)
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        outputs.append({"name": "stdout", "output_type": "stream", "text": lines(printed.getvalue())})
    if value is not None and not source.rstrip().endswith(";"):
        shown = {"text/plain": lines(repr(value))}
        if hasattr(value, "_repr_html_"):
            shown["text/html"] = lines(value._repr_html_())
        outputs.append({"data": shown, "execution_count": number, "metadata": {}, "output_type": "execute_result"})
    return outputs + pictures()


def pictures() -> list[dict[str, Any]]:
    """Return the figures that are open as outputs, and close them."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    found = []
    for number in pyplot.get_fignums() if pyplot else ():
        file = io.BytesIO()
        pyplot.figure(number).savefig(file, format="png", dpi=80)
        shown = {"image/png": base64.b64encode(file.getvalue()).decode(), "text/plain": ["<Figure>"]}
        found.append({"data": shown, "metadata": {}, "output_type": "display_data"})
    if pyplot:
        pyplot.close("all")
    return found


def lines(text: str) -> list[str]:
    """Return text as the lines of a notebook."""
    return text.splitlines(keepends=True)


if __name__ == "__main__":
    sys.exit(main())
