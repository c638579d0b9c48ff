"""What the tables of benchmarks say about the machine's limit, and what a run keeps."""

import ctypes
import json
import os
import shutil
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import quality, reasons, run, table
from benchmarks.case import Options
from benchmarks.machine import Machine, aligned, compiled
from benchmarks.roofline import draw_roofline

ROWS = [
    {
        "case": name, "threads": 1, "unit": "s", "work": 0, "work_unit": "", "data": "", "ours": [2e-3, 1e-3, 4e-3],
        "peer": "torch", "theirs": [4e-3, 4e-3, 4e-3], "ratios": [ratio] * 3, "goal": None, "error": None, "failure": None,
        "operations": 2e8, "moved": 4e6, "limit": limit,
    }
    for name, limit, ratio in (("product, <large>", 1.6e-3, 2.0), ("softmax", 0.4e-3, 2.0), ("norm", 1.8e-3, 0.8))
]  # fmt: skip


@pytest.fixture(name="made")
def a_made_machine():
    level = {"L2": 100e9, "L3": 20e9, "large L3": 15e9, "memory": 10e9}
    return Machine("avx2", 2, 200e9, level, {name: rate / 2 for name, rate in level.items()}, 1e-6, 1e-7)


def test_the_limit_is_the_slower_of_arithmetic_and_memory(made):
    assert made.limit(2e9, 1e3) == pytest.approx(2e9 / 200e9)
    assert made.limit(0, 1 << 20) == pytest.approx((1 << 20) / 100e9)  # two threads have two second-level caches
    assert made.limit(0, 8 << 20) == pytest.approx((8 << 20) / 20e9)
    assert made.limit(0, 24 << 20) == pytest.approx((24 << 20) / 15e9)
    assert made.limit(0, 1 << 20, cold=True) == pytest.approx((1 << 20) / 10e9)
    assert made.limit(1e6, 1e9) == pytest.approx(1e9 / 10e9)


def test_what_is_slow_or_far_from_the_limit_is_listed_below_its_reason(made, monkeypatch):
    content = {"isa": "avx2", "cpu": "a CPU", "machine": [made.facts()], "rows": ROWS}
    monkeypatch.setattr(table, "results", lambda name: {"cpu": content})
    slow, distant = table.open_cases({"linear": "Products"}).split(table.DISTANT)
    assert (
        "norm, 1 thread, avx2, a CPU: 0.8× (0.8–0.8) against torch, 90% of the limit"
        in slow.split(table.UNEXPLAINED)[1]
    )
    assert "softmax, 1 thread, avx2, a CPU: 2× (2–2) against torch, 20% of the limit" in distant
    assert "product" not in slow + distant
    known = reasons.Reason("^norm, 1 thread, avx2", "^torch$", "It waits for memory.")
    monkeypatch.setattr(reasons, "REASONS", (known,))
    explained = table.open_cases({"linear": "Products"})
    assert "* It waits for memory.\n\n  * norm, " in explained and table.UNEXPLAINED not in explained
    lines = table.speed_table(ROWS).splitlines()
    assert "of the limit" in lines[0] and "| 80% |" in lines[2] and "| **20%** |" in lines[3]
    assert len({line.count("|") for line in lines}) == 1


def test_a_slower_case_without_a_reason_fails_the_check(monkeypatch, tmp_path, capsys):
    page = tmp_path / "dense.md"
    page.write_text(f"* {table.UNEXPLAINED}")
    monkeypatch.setattr(table, "ROOT", tmp_path)
    monkeypatch.setattr(table, "files", lambda: {page: page.read_text()})
    assert table.main(["--check"]) == 1 and "dense.md lists cases without a reason" in capsys.readouterr().out
    page.write_text("* It waits for memory.")
    assert table.main(["--check"]) == 0


def test_the_picture_of_the_roof_is_valid_and_names_each_case(made):
    content = {"isa": "avx2", "cpu": "a CPU", "machine": [made.facts()], "rows": ROWS}
    titles = [
        node.text
        for node in ElementTree.fromstring(draw_roofline({"linear": content})).iter()
        if node.tag.endswith("title")
    ]
    assert titles[0] == "product, <large>, 1 threads: 100.0 GFLOP/s, 80% of the limit" and len(titles) == 3


@pytest.mark.skipif(shutil.which(os.environ.get("CC", "cc").split()[0]) is None, reason="no C compiler")
def test_every_chain_of_multiply_adds_is_computed_and_all_work_is_counted():
    loops, out = compiled("base"), np.zeros(1, np.float32)
    place = out.ctypes.data_as(ctypes.c_void_p)
    operations = loops.multiply_add(1, 1, place)
    assert out[0] == pytest.approx(sum(range(12)) * 1.0001 + 12e-6)  # chains that begin alike would give 12e-6
    assert loops.multiply_add(1, 100, place) == 100 * operations and operations >= 2 * 12 * 4
    data, copy = aligned(1024), np.zeros(1024 + 16, np.float32)
    copy = copy[-(copy.ctypes.data // 4) % 16 :][:1024]
    ends = [array.ctypes.data_as(ctypes.c_void_p) for array in (data, copy)]
    assert loops.read_all(1, ends[0], 1024, 3, place) == 3 * 4096
    assert loops.copy_all(1, *ends, 1024, 3) == 2 * 3 * 4096 and (copy == 1).all()


def test_an_interrupted_run_keeps_the_rows_of_the_whole_run_before_and_what_it_learned(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "RESULTS", tmp_path)
    monkeypatch.setattr(run, "header", lambda: {"date": "today"})

    def rows(stopped):
        def quality_rows(options, known):
            known["second" if stopped else "first"] = 1.0
            yield quality.Row("interrupted" if stopped else "whole", "torch", "a score", [2.0, 3.0], [1.0, 1.0], 0.1)
            if stopped:
                raise KeyboardInterrupt

        return SimpleNamespace(quality_rows=quality_rows)

    options = Options(False, [1], 1, tmp_path)
    run.run_quality("made", rows(stopped=False), options)
    with pytest.raises(KeyboardInterrupt):
        run.run_quality("made", rows(stopped=True), options)
    (kept,) = (json.loads(path.read_text("utf-8")) for path in tmp_path.rglob("*.json"))
    assert [row["case"] for row in kept["rows"]] == ["whole"]
    assert kept["known"] == {"first": 1.0, "second": 1.0} and kept["date"] == "today"
