"""Every row of the Studio benchmark runs at tiny size: only the sizes differ on a GPU."""

from __future__ import annotations

import json

import pytest
import torch

from benchmarks.lines import Lines
from benchmarks.studio.__main__ import ROWS, run_row
from benchmarks.studio.forward import Seconds, cache_plan, run_seconds
from benchmarks.studio.shapes import TINY_SIZE, W480, Setting, settled_paper
from videosketcher_app.engines.step_cache.plans import no_skips

LINES = {
    "forward": 9,
    "forward-720p": 2,
    "few-steps": 2,
    "complete": 1,
    "vae": 1,
    "memory": 3,
    "pipeline": 4,
    "cards": 9,
    "resident": 1,
    "parallel": 3,
    "rollout": 23,
    "session": 1,
    "training-limits": 2,
    "training-speed": 3,
    "kernels": 8,
}


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_a_row_writes_its_lines(row, tmp_path):
    path = tmp_path / "lines.jsonl"
    setting = Setting(device=torch.device("cpu"), is_tiny=True)
    run_row(row, setting, Lines("studio tiny", path))
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert len(lines) == LINES[row]
    for line in lines:
        assert line["what"]
        assert line.get("relative_error", 0.0) < 0.2
        assert line.get("fits", True)


def test_a_run_is_the_sum_of_its_passes():
    each = Seconds(reference=9.0, dense=4.0, sparse=3.0, frozen=2.0, reused=0.0)
    whole = no_skips(50)
    assert run_seconds(each, whole) == 2 * 50 * 4
    assert run_seconds(each, whole, sparse_from=10) == 2 * (10 * 4 + 40 * 3)
    frozen = run_seconds(each, whole, sparse_from=10, frozen_from=20)
    assert frozen == 2 * (10 * 4 + 11 * 3 + 29 * 2)  # the step that remembers is whole


def test_the_cache_plan_skips_what_the_rows_say():
    assert cache_plan().share == 0.44


def test_the_replayed_paper_is_that_of_a_full_drawing():
    paper = settled_paper(W480)
    assert paper.shape == (21, 30, 52)
    assert 0.6 < paper.float().mean() < 0.7
    inked = (~paper).float().mean((1, 2))
    assert (inked.diff() >= 0).all()  # ink only accumulates
    assert settled_paper(TINY_SIZE).shape == TINY_SIZE.grid
