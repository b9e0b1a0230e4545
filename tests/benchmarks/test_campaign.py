"""The campaign goes on after rows that fail or hang, says why, and knows what is done."""

from __future__ import annotations

import json
import sys

import pytest

from benchmarks.studio.__main__ import ROWS as STUDIO_ROWS
from benchmarks.studio.campaign import (
    DONE,
    FAILED,
    LATE,
    LOG_FILE,
    REPORT_FILE,
    ROWS,
    Campaign,
    Plan,
    Row,
    done_rows,
    finished,
)

GOOD = Row(name="good", command=("this",), smoke=("this",), limit_s=60, least_s=1)
BAD = Row(name="bad", command=("json.tool", "/no/such"), smoke=(), limit_s=60, least_s=1)
LONG = Row(name="long", command=("this",), smoke=(), limit_s=600, least_s=500)
ALL = Row(name="all", command=("this",), smoke=(), limit_s=60, least_s=1, takes_all=True)


def test_a_failed_row_says_why_and_the_rest_goes_on(tmp_path):
    plan = Plan(rows=(ALL, BAD, LONG, GOOD), out=tmp_path, gpus=("", ""), budget_s=300)
    reports = {report["row"]: report for report in Campaign(plan).run()}
    assert {name: report["state"] for name, report in reports.items()} == {
        "bad": FAILED,
        "good": DONE,
        "all": DONE,
    }
    assert "error" in reports["bad"]["why"]
    assert reports["good"]["why"] is None
    assert done_rows(tmp_path) == {"good", "all"}
    written = (tmp_path / REPORT_FILE).read_text("utf-8").splitlines()
    assert {json.loads(line)["row"] for line in written} == set(reports)
    assert "Zen of Python" in (tmp_path / LOG_FILE).read_text("utf-8")
    assert done_rows(tmp_path / "elsewhere") == set()


def test_a_row_that_hangs_is_ended_with_all_that_it_started():
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    script = f"print('begun', flush=True); {child}"
    pipe = f"import os; os.dup2(os.pipe()[0], 0); {script}"  # nobody ever writes
    state, output = finished([sys.executable, "-c", pipe], ("",), limit_s=3)
    assert state == LATE
    assert output in ("", "begun\n")  # a slow machine may not have come so far


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_rows_are_possible(row):
    assert row.least_s <= row.limit_s <= 540
    if row.command[0] == "benchmarks.studio":
        assert row.command[1] in STUDIO_ROWS


def test_every_row_of_the_studio_benchmark_is_run():
    named = {row.command[1] for row in ROWS if row.command[0] == "benchmarks.studio"}
    assert named == set(STUDIO_ROWS)
