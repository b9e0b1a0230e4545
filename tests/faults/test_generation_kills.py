"""A service that is killed while it draws starts again clean, and draws the same bytes (F3)."""

from __future__ import annotations

import json
import sys

import pytest

from tests import thorough
from tests.conftest import ROOT
from tests.patience import within

KILLS = thorough.of(60, sample=32)
RESTART_LIMIT_S = 5.0
CODE = "import runpy, sys; runpy.run_module(sys.argv.pop(1), run_name='__main__')"

pytestmark = [
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform == "win32", reason="victims are forks"),
]


@pytest.mark.row("F3", "kills of a drawing")
def test_kills_end_in_clean_restarts(run_python, tmp_path, ledger):
    module = "tests.faults.generation_victims"
    done = run_python(CODE, module, str(KILLS), "3", str(tmp_path), cwd=ROOT, timeout=850)
    assert done.returncode == 0, done.stderr
    first, *cases = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(cases) == KILLS
    for case in cases:
        assert "failed" not in case, (case, done.stderr)
        assert within(case["recovered_s"], RESTART_LIMIT_S), case
        assert case["inconsistent"] == case["leftovers"] == [], case
        assert case["still_interrupted"] == 0, case
        assert case["hashes"] == [first["reference"]], case
        if case["asked"]:
            assert case["interrupted"] + case["drawings"] >= 1, case
        if not case["redrawn"]:
            assert case["interrupted"] + case["drawings"] <= 1, case
    swept = {case["point"] for case in cases if "point" in case}
    assert swept >= {"jobs.event", "atomic.written", "folder.filled", "folder.published"}
    assert swept >= {"history.begun", "history.written", "history.between", "history.committed"}
    assert sum(case["interrupted"] for case in cases) >= KILLS / 2
    ledger(
        "F3", cases=len(cases), worst_s=round(max(case["recovered_s"] for case in cases), 2), seed=3
    )
