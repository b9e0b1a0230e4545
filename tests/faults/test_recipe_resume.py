"""Fifty kills over the causal recipes: the same bytes at the end, and never a lost state."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.training.resume_runs import STAGES, Stage, one_thread

KILLS = int(os.environ.get("VIDEOSKETCHER_TEST_KILLS", "50"))

pytestmark = [pytest.mark.faults, pytest.mark.usefixtures(one_thread.__name__)]


@pytest.mark.timeout(900)
def test_fifty_kills(tmp_path: Path) -> None:
    dice = random.Random(11)
    stages = [Stage.begin(stage, tmp_path / stage) for stage in STAGES]
    hit = {
        stages[number % len(stages)].kill_and_go_on(tmp_path / f"killed {number}", dice)
        for number in range(KILLS)
    }
    assert "training.before_step" in hit
    assert len(hit) >= 6, f"few kinds of moments inside a save were hit: {sorted(hit)}"
