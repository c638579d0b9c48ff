"""Run benchmarks: `python -m benchmarks.run NAME [NAME ...]`, results go to benchmarks/results/.

Both sides run in turns, A B A B ..., in one sitting; what is shown is the median, with the
smallest and the largest ratio (peer / ours: above 1 we are better) of any turn.
"""

import argparse
import dataclasses
import datetime
import importlib
import json
import platform
import re
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

import seqnn
from benchmarks import machine, peers
from benchmarks.case import Case, Measured, Options

HERE = Path(__file__).parent
RESULTS = HERE / "results"


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks that the command line names; return 1 where a check failed."""
    stems = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("names", nargs="+", choices=stems, metavar="NAME", help=", ".join(stems))
    parser.add_argument("--quick", action="store_true", help="little data; nothing is kept")
    parser.add_argument("--threads", default="2", help="thread counts, such as 1,2 (default 2)")
    parser.add_argument("--repeat", type=int, default=3, help="turns of each case (default 3)")
    parser.add_argument("--only", default="", help="only cases whose name contains this text")
    parser.add_argument("--quality", action="store_true", help="scores instead of speed")
    parser.add_argument("--epochs", type=int, default=3, help="with --quality (default 3)")
    given = parser.parse_args(arguments)
    if given.quality and given.only:
        parser.error("--only: expected no --quality, whose rows are measured together")
    threads = [int(n) for n in given.threads.split(",")]
    failed = False
    for name in given.names:
        module = importlib.import_module(f"benchmarks.bench_{name}")
        with tempfile.TemporaryDirectory() as folder:
            options = Options(given.quick, threads, given.epochs, Path(folder))
            if given.quality:
                run_quality(name, module, options)
            else:
                failed |= run_speed(name, module, options, given.repeat, given.only)
    return int(failed)


def run_speed(name: str, module, options: Options, repeat: int, only: str) -> bool:
    """Run the cases of one module, print each row as it comes, keep them (also those before a Ctrl-C); was a check failed?"""
    rows, part = [], True
    try:
        for case in module.cases(options):
            if only in case.name:
                for row in measure(case, case.repeat or repeat):
                    print(line(row), flush=True)
                    rows.append(row)
        part = bool(only)
    finally:
        if rows and not options.quick:
            keep(name, rows, replace=part)
    return any(row["failure"] for row in rows)


def run_quality(name: str, module, options: Options) -> None:
    """Score one module's models; keep the rows of a whole run, and after a Ctrl-C, too, what was put into `known`."""
    path = RESULTS / folder_name() / f"{name}_quality.json"
    kept = json.loads(path.read_text()) if path.exists() else {**header(), "rows": [], "known": {}}
    rows = []
    try:
        for row in module.quality_rows(options, kept["known"]):
            print(quality_line(row), flush=True)
            rows.append(dataclasses.asdict(row))
        kept |= {**header(), "rows": rows}
    finally:
        if not options.quick and (kept["rows"] or kept["known"]):
            write(path, kept)


def measure(case: Case, repeat: int) -> list[dict]:
    """Run a case `repeat` times in turns and return one row for each peer."""
    ours, theirs, errors, failures = [], {label: [] for label in case.peers}, {}, {}
    for _ in range(repeat):
        mine = case.ours()
        ours.append(mine.value)
        for label, peer in case.peers.items():
            if peer is not None:
                other: Measured = peer()
                theirs[label].append(other.value)
                try:
                    errors[label] = case.check(mine.result, other.result) if case.check else None
                except AssertionError as failure:
                    failures[label] = str(failure)
    facts = {"case": case.name, "threads": case.threads, "unit": case.unit}
    facts |= {"work": case.work, "work_unit": case.work_unit, "data": case.data, "ours": ours}
    if case.operations or case.moved:
        found = machine.measure(seqnn.get_isa(), case.threads)
        facts |= {"operations": case.operations, "moved": case.moved}
        facts["limit"] = found.limit(case.operations, case.moved, case.cold)
    return [
        {
            **facts,
            "peer": label,
            "theirs": values,
            "ratios": [b / a for a, b in zip(ours, values, strict=False)],
            "goal": case.goals.get(label),
            "error": errors.get(label),
            "failure": failures.get(label),
        }
        for label, values in theirs.items()
    ]


def amount(row: dict, values: list[float]) -> str:
    """Return the median of a side as a rate, where the case has one, and as it was measured."""
    median = statistics.median(values)
    shown = f"{rounded(median)} {row['unit']}"
    if row["unit"] != "s" or not row["work"]:
        return shown
    rate = row["work"] / median
    size, prefix = next((s for s in ((1e6, " M"), (1e3, " k")) if rate >= 0.1 * s[0]), (1, " "))
    return f"{rounded(rate / size)}{prefix} {row['work_unit']}/s ({shown})".replace("  ", " ")


def share(row: dict) -> float | None:
    """Return which part of the machine's limit a row reaches at the median, where the limit is known."""
    return row["limit"] / statistics.median(row["ours"]) if row.get("limit") else None


def rounded(number: float) -> str:
    """Return three digits without an exponent, or all digits before the point."""
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def ratio(row: dict) -> str:
    """Return "median× (smallest–largest)" of a row's ratios."""
    ratios = row["ratios"]
    spread = f" ({min(ratios):.3g}–{max(ratios):.3g})" if len(ratios) > 1 else ""
    return f"{statistics.median(ratios):.3g}×{spread}"


def title(row: dict) -> str:
    """Return the case of a row with its threads."""
    return f"{row['case']}, {row['threads']} thread{'' if row['threads'] == 1 else 's'}"


def line(row: dict) -> str:
    """Return a row as one printed line."""
    start = f"{title(row)}: {amount(row, row['ours'])}"
    if row.get("limit"):
        start += f", {share(row):.0%} of the limit"
    if not row["theirs"]:
        return f"{start} | {row['peer']}: not at hand"
    goal = f", goal {row['goal']:.3g}×" if row["goal"] else ""
    error = f", error {row['error']:.2g}" if row["error"] is not None else ""
    end = f", CHECK FAILED: {row['failure']}" if row["failure"] else error
    return f"{start} | {row['peer']}: {amount(row, row['theirs'])} | {ratio(row)}{goal}{end}"


def quality_line(row) -> str:
    """Return one score as a printed line."""
    start = f"{row.case}, {row.score}: {np.mean(row.ours):.4f}"
    if not row.theirs:
        return f"{start} | {row.peer}: not at hand"
    difference, error, within = row.verdict()
    verdict = "within the noise band or better" if within else "WORSE than the noise band"
    return f"{start} | {row.peer}: {np.mean(row.theirs):.4f} | {difference:+.4f} ± {error:.4f}, band {row.band:.3g}: {verdict}"


def header() -> dict:
    """Return what a reader needs to know about the machine and the programs."""
    versions = {"seqnn": seqnn.__version__, "numpy": np.__version__, **peers.peers_versions()}
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": cpu_model(),
        "isa": seqnn.get_isa(),
        "python": platform.python_version(),
        "versions": versions,
    }


def cpu_model() -> str:
    """Return the CPU's name as the system gives it."""
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.processor()


def folder_name() -> str:
    """Return the name of the folder for this CPU's results; kernels that were chosen by hand have one of their own."""
    words = re.sub(r"[^a-z0-9.]+", " ", re.sub(r"\((?:r|tm)\)", "", cpu_model().lower())).split()
    chosen = [] if seqnn.get_isa() == seqnn.available_isas()[-1] else [seqnn.get_isa()]
    return "-".join([word for word in words if word != "cpu"] + chosen)


def keep(name: str, rows: list[dict], replace: bool) -> None:
    """Write the rows of one benchmark; with `replace`, into the ones that are there."""
    path = RESULTS / folder_name() / f"{name}.json"
    found = header()
    if replace and path.exists():
        old = json.loads(path.read_text())
        if any(old[fact] != found[fact] for fact in ("cpu", "isa", "versions")):
            raise SystemExit(f"{path.name} is of another machine or version: run without --only")
        fresh = {(row["case"], row["threads"]): row for row in rows}
        rows = [row for row in old["rows"] if (row["case"], row["threads"]) not in fresh] + rows
    threads = sorted({row["threads"] for row in rows if row.get("limit")})
    if threads:
        found["machine"] = [machine.measure(seqnn.get_isa(), count).facts() for count in threads]
    write(path, {**found, "rows": rows})


def write(path: Path, content: dict) -> None:
    """Write a result file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
