"""Rewrite the benchmark tables of README.md from benchmarks/results: `python -m benchmarks.table`.

A table stands between `<!-- benchmark NAME -->` and `<!-- end -->`; `--check` only compares.
"""

import json
import re
import sys
from pathlib import Path

import numpy as np

from benchmarks.quality import Row
from benchmarks.run import RESULTS, amount, ratio

README = Path(__file__).resolve().parents[1] / "README.md"
BLOCK = re.compile(r"(<!-- benchmark (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(name: str) -> str:
    """Return the Markdown of one result file: its rows, then the machine and the versions."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return "Not measured yet.\n"
    content = json.loads(path.read_text(encoding="utf-8"))
    rows = quality_table(content["rows"]) if "known" in content else speed_table(content["rows"])
    versions = ", ".join(f"{program} {version}" for program, version in concerned(content).items())
    origin = f"{content['date']}, {content['cpu']}, kernels {content['isa']}"
    data = ", ".join(dict.fromkeys(row["data"] for row in content["rows"] if row.get("data")))
    about = f" Data: {data}." if data else ""
    return f"{rows}\n\n{origin}; {versions}, Python {content['python']}.{about}\n"


def concerned(content: dict) -> dict[str, str]:
    """Return the versions of seqnn, NumPy and those programs that the rows name."""
    named = " ".join(row["peer"].lower() for row in content["rows"])
    return {
        program: version
        for program, version in content["versions"].items()
        if program in ("seqnn", "numpy") or program.split()[0].lower() in named
    }


def speed_table(rows: list[dict]) -> str:
    """Return the rows of a speed benchmark."""
    lines = ["| case | threads | seqnn | peer | | ratio | goal |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        goal = f"{row['goal']:.3g}×" if row["goal"] else ""
        cells = [row["case"], str(row["threads"]), amount(row, row["ours"]), row["peer"]]
        if row["theirs"]:
            shown = "check failed" if row["failure"] else ratio(row)
            cells += [amount(row, row["theirs"]), shown, goal]
        else:
            cells += ["not at hand", "", goal]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def quality_table(rows: list[dict]) -> str:
    """Return the rows of a quality comparison: means over the seeds."""
    head = "| model | test set | seqnn | peer | | difference ± s.e. | noise band | no worse |"
    lines = [head, "|---|---|---|---|---|---|---|---|"]
    for row in (Row(**row) for row in rows):
        cells = [row.case, row.score, f"{np.mean(row.ours):.3f}", row.peer]
        if row.theirs:
            difference, error, within = row.verdict()
            cells += [f"{np.mean(row.theirs):.3f}", f"{difference:+.3f} ± {error:.3f}"]
            cells += [f"{row.band:.3g}", "yes" if within else "**no**"]
        else:
            cells += ["not at hand", "", f"{row.band:.3g}", ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Rewrite README.md, or with --check return 1 where a table is stale."""
    old = README.read_text(encoding="utf-8")
    new = BLOCK.sub(lambda block: f"{block[1]}{table(block[2])}{block[3]}", old)
    if arguments == ["--check"]:
        if new != old:
            print("the tables of README.md are stale: python -m benchmarks.table")
        return int(new != old)
    README.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
