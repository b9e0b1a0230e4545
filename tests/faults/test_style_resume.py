"""Kills of both LoRA stages and of a brush model's anywhere in a run: the same bytes at the end (F1).

A kill is an exception that no handler of the product catches, at a random pass of a random fault
point; SIGKILLs of the same run are in test_training_runs.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

import pytest
import torch

from tests import thorough
from tests.training.resume_runs import Killed, kill, one_thread
from tests.training.style_cases import brush_set, small_run
from videosketcher_app.core import faults
from videosketcher_app.storage.tensors import read_safetensors
from videosketcher_app.training.loop import LOG_FILE
from videosketcher_app.training.state import STATE_FILE
from videosketcher_app.training.style import run_style
from videosketcher_app.training.style_folder import PREPARED_FILE, RESULT_FILE

KILLS = thorough.of(50, sample=6)  # of each stage
SHORT = {"num_steps": 6, "save_every": 2, "sample_every": 0}
DRAW = {"kept_share": 0.0, "base_steps": 0, "keep_plans": 0, "keep_batch": 0, "variants": 1}
SAMPLED = "samples/0"  # drawn before the first step, and of no interest here

pytestmark = [pytest.mark.faults, pytest.mark.usefixtures(one_thread.__name__)]


@pytest.mark.row("F1", "kills over five recipes", cases=3 * KILLS)
@pytest.mark.timeout(900)
def test_kills_of_every_stage_cost_no_bit(tmp_path: Path) -> None:
    draw = tmp_path / "draw"
    hit = _killed_and_gone_on(draw, KILLS, **SHORT, **DRAW)
    first = draw / RESULT_FILE
    hit += _killed_and_gone_on(tmp_path / "style", KILLS, start_from=str(first), **SHORT)
    painted = {"model": "tiny-brush", "dataset": str(brush_set(tmp_path / "brushes"))}
    hit += _killed_and_gone_on(tmp_path / "brush", KILLS, **painted, **SHORT)
    assert hit["training.before_step"]
    assert len(hit) >= min(4, KILLS)  # different points of a run


def _killed_and_gone_on(whole: Path, kills: int, **wish: object) -> Counter[str]:
    """Kills copies of a run, lets them go on, and compares; says where they were killed."""
    small_run(whole, **wish)
    run_style(whole, resume=False)
    dice, hit = random.Random(whole.name), Counter[str]()
    points: list[str] = []
    for number in range(kills):
        folder = small_run(whole.with_name(f"{whole.name} {number}"), **wish)
        for name in (PREPARED_FILE, SAMPLED):  # what all runs of a request have alike
            (folder / name).parent.mkdir(exist_ok=True)
            _copy(whole / name, folder / name)
        if not points:
            points = _passed(folder)
        name = dice.choice(("training.before_step", dice.choice(points)))
        skip = dice.randrange(points.count(name))
        hit[name] += 1
        with faults.armed(name, kill, skip=skip), pytest.raises(Killed):
            run_style(folder, resume=True)
        run_style(folder, resume=True)
        same = (folder / RESULT_FILE).read_bytes() == (whole / RESULT_FILE).read_bytes()
        assert same, (name, skip)
        # Beside its tensors a state holds the seconds so far.
        ours, theirs = (read_safetensors(run / STATE_FILE) for run in (folder, whole))
        assert ours.keys() == theirs.keys()
        assert all(map(torch.equal, ours.values(), theirs.values())), (name, skip)
        lines = [(run / LOG_FILE).read_text("utf-8").count("\n") for run in (folder, whole)]
        assert lines[0] == lines[1], (name, skip)
        shutil.rmtree(folder)
    return hit


def _passed(folder: Path) -> list[str]:
    """The fault points of such a run, in order; it is then forgotten again."""
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    with faults.traced() as points:
        run_style(folder, resume=True)
    shutil.rmtree(folder)
    kept.rename(folder)
    return list(points)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
