"""A killed run of any causal recipe goes on and ends in the same bytes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.training.resume_runs import STAGES, Stage, one_thread, train
from videosketcher_app.core.errors import InvalidRequest

KILLS = 10

pytestmark = pytest.mark.usefixtures(one_thread.__name__)


def test_killed_runs_end_in_the_same_weights(tmp_path: Path) -> None:
    dice = random.Random(7)
    stages = [Stage.begin(stage, tmp_path / stage) for stage in STAGES]
    for number in range(KILLS):
        stages[number % len(stages)].kill_and_go_on(tmp_path / f"killed {number}", dice)


def test_a_run_is_neither_overwritten_nor_mixed_with_another(tmp_path: Path) -> None:
    stage = Stage.begin("causal", tmp_path)
    with pytest.raises(InvalidRequest, match="holds a run already"):
        train(stage.run)
    other = stage.run.model_copy(update={"learning_rate": 1.0})
    with pytest.raises(InvalidRequest, match="begun with another learning_rate"):
        train(other, resume=True)
    longer = stage.run.model_copy(update={"num_steps": 8})
    train(longer, resume=True)
