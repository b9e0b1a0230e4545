"""Kills over the causal recipes: the same bytes at the end, and never a lost state."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest

from tests import thorough
from tests.conftest import ROOT
from tests.training.resume_runs import STAGES, Stage, one_thread

REAL_KILLS = thorough.of(12, sample=5)
CODE = "import runpy, sys; runpy.run_module(sys.argv.pop(1), run_name='__main__')"
KILLS = thorough.of(50, sample=20)

pytestmark = [pytest.mark.faults, pytest.mark.usefixtures(one_thread.__name__)]


@pytest.mark.row("F1", "kills over five recipes", cases=KILLS)
@pytest.mark.timeout(900)
def test_kills(tmp_path: Path) -> None:
    dice = random.Random(11)
    stages = [Stage.begin(stage, tmp_path / stage) for stage in STAGES]
    hit = {
        stages[number % len(stages)].kill_and_go_on(tmp_path / f"killed {number}", dice)
        for number in range(KILLS)
    }
    assert "training.before_step" in hit
    assert len(hit) >= 6, f"few kinds of moments inside a save were hit: {sorted(hit)}"


@pytest.mark.row("F1", "kills over five recipes", cases=REAL_KILLS)
@pytest.mark.timeout(600)
@pytest.mark.skipif(sys.platform == "win32", reason="victims are forks")
def test_runs_that_the_system_kills_go_on(run_python, tmp_path: Path) -> None:
    words = ("tests.faults.recipe_victims", str(tmp_path), str(REAL_KILLS))
    done = run_python(CODE, *words, cwd=ROOT, timeout=550)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == REAL_KILLS
    assert sum(row["killed"] for row in rows) >= REAL_KILLS // 2
    for row in rows:
        assert (row["resumed"], row["same"], row["differing_files"]) == (0, True, []), row
