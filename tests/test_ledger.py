"""The ledger counts what ran: under workers, with attempts that are repeated, and failures."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

SUITE = """
import pytest

tried = []

@pytest.mark.row("T1", "many in one", cases=4)
def test_declared():
    pass

@pytest.mark.row("T1", "one each")
@pytest.mark.row("T2", "counted")
@pytest.mark.parametrize("number", range(5))
def test_counted(number, ledger):
    ledger("T2", cases=7, passed=6, worst_s=float(number), peak_mb=10.0 - number, seed=3)

@pytest.mark.row("T3", "second attempt")
def test_again(ledger):
    tried.append(1)
    ledger("T3", cases=2)
    assert len(tried) > 1

@pytest.mark.row("T4", "failing", cases=3)
def test_failing():
    assert False

@pytest.mark.row("T5", "left out")
def test_skipped():
    pytest.skip("not here")

def test_of_no_row():
    pass
"""


@pytest.mark.parametrize("workers", ["0", pytest.param("2", marks=pytest.mark.slow)])
def test_every_case_is_counted_once(tmp_path: Path, workers: str) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_rows.py").write_text(SUITE, encoding="utf-8")
    for name in ("conftest.py", "ledger.py"):
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests")
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = tests\n", encoding="utf-8")
    flags = ["-n", workers, "--reruns", "1", "--strict-markers", "--ledger", "out/lines.jsonl"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *flags]
    options = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": str(ROOT)}}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 1, done.stdout + done.stderr
    text = (tmp_path / "out" / "lines.jsonl").read_text(encoding="utf-8")
    head, *rows = [json.loads(row) for row in text.splitlines()]
    assert head["run"]["tests"] == 9
    assert {row["suite"] for row in rows} == {"tests/test_rows.py"}
    counts = {(row["id"], row["part"]): (row["cases"], row["passed"]) for row in rows}
    assert counts == {
        ("T1", "many in one"): (4, 4),
        ("T1", "one each"): (5, 5),
        ("T2", "counted"): (35, 30),
        ("T3", "second attempt"): (2, 2),
        ("T4", "failing"): (3, 0),
    }
    (measured,) = [row for row in rows if row["id"] == "T2"]
    assert (measured["worst_s"], measured["peak_mb"], measured["seed"]) == (4.0, 10.0, 3)


def test_a_disk_that_takes_no_ledger_fails_no_run(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    options = ["--ledger", str(tmp_path / "taken" / "lines.jsonl"), "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", "tests/core/test_cancel.py", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the ledger was not written" in done.stdout
