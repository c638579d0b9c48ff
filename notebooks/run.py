"""Run the notebooks of this folder without Jupyter: `python notebooks/run.py [--write] [NAME ...]`.

Every cell must run. With --write the outputs and pictures are stored, as Jupyter would store them; else nothing changes.
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
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="notebooks to run, such as word_vectors (default: all)")
    parser.add_argument("--write", action="store_true", help="store the outputs in the notebooks")
    options = parser.parse_args()
    paths = [HERE / f"{Path(name).stem}.ipynb" for name in options.names] or sorted(HERE.glob("*.ipynb"))
    for path in paths:
        began = time.perf_counter()
        notebook = json.loads(path.read_text("utf-8"))
        run(notebook, path.name)
        if options.write:
            path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")
        print(f"{path.name}: {time.perf_counter() - began:.0f} s", flush=True)
    return 0


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
