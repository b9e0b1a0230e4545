"""Kills inside the save of a state, and full disks at its write points (F2, F4)."""

from __future__ import annotations

import errno
import json
import os
import random
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator

from tests import thorough
from tests.conftest import ROOT
from tests.training.test_loop import SmallRecipe, weights_of
from videosketcher_app.core import faults
from videosketcher_app.core.errors import CannotWrite
from videosketcher_app.storage.atomic import sweep_leftovers
from videosketcher_app.training.loop import LOG_FILE, LoopConfig, train
from videosketcher_app.training.state import STATE_FILE

KILLS, FULL_DISKS = thorough.of(100, sample=25), thorough.of(40, sample=12)
CODE = "import runpy, sys; runpy.run_module(sys.argv.pop(1), run_name='__main__')"
CONFIG = LoopConfig(num_steps=12, warmup_steps=2, save_every=1, log_every=1)
# Where bytes are written: opening, writing, bringing to the disk, and taking the name.
WRITES = ("atomic.opened", "atomic.written", "atomic.synced", "atomic.before_replace")

pytestmark = pytest.mark.faults


@pytest.mark.row("F2", "kills inside saves", cases=KILLS)
@pytest.mark.timeout(600)
@pytest.mark.skipif(sys.platform == "win32", reason="victims are forks")
def test_kills_inside_a_save_leave_a_whole_state(run_python, tmp_path: Path) -> None:
    words = ("tests.faults.save_victims", str(tmp_path), str(KILLS))
    done = run_python(CODE, *words, cwd=ROOT, timeout=550)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == KILLS
    assert len({row["at"] for row in rows}) >= 6
    for row in rows:
        assert row["killed"], row
        assert row["step"] == row["told"] >= 3, row
        assert row["names"] == sorted([LOG_FILE, STATE_FILE]), row
    assert sum(row["swept"] for row in rows) > 0  # some were in the middle of writing


@pytest.mark.row("F4", "full disks at write points", cases=FULL_DISKS)
def test_a_full_disk_at_any_write_costs_no_bit(tmp_path: Path) -> None:
    def run(folder: Path, *, resume: bool = False) -> SmallRecipe:
        recipe = SmallRecipe()
        train(recipe, CONFIG, folder, Accelerator(cpu=True), resume=resume)
        return recipe

    with faults.traced() as points:
        whole = weights_of(run(tmp_path / "whole"))
    passes = [(name, points[:at].count(name)) for at, name in enumerate(points) if name in WRITES]
    chosen = random.Random(2).sample(passes, FULL_DISKS)
    assert set(Counter(name for name, _ in chosen)) == set(WRITES)
    for number, (name, skip) in enumerate(chosen):
        folder = tmp_path / str(number)

        def no_room() -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with faults.armed(name, no_room, skip=skip), pytest.raises(CannotWrite) as error:
            run(folder)
        assert "no room" in error.value.message
        assert "free" in error.value.message
        left = {path.name for path in folder.iterdir()}
        assert left <= {STATE_FILE, LOG_FILE}, left
        recipe = run(folder, resume=True)
        same = map(torch.equal, weights_of(recipe), whole)
        assert all(same), (name, skip)
        assert (folder / LOG_FILE).read_bytes() != b""
        assert sweep_leftovers(folder) == 0


@pytest.mark.row("F4", "a limit of the system itself")
@pytest.mark.timeout(600)
@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_limit_of_the_system_stops_training_and_it_goes_on(run_python, tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.faults.save_victims import go_on\n"
        "from videosketcher_app.core.errors import CannotWrite\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))\n"
        "try: go_on(Path(sys.argv[1]))\n"
        "except CannotWrite as error: print(error)\n"
    )
    from tests.faults.save_victims import begin, left

    begin(tmp_path)
    before = (tmp_path / STATE_FILE).read_bytes()
    assert len(before) > 2_000
    done = run_python(code, str(tmp_path), cwd=ROOT, timeout=550)
    assert "There is no room" in done.stdout, done.stderr
    assert (tmp_path / STATE_FILE).read_bytes() == before
    assert left(tmp_path)["swept"] == 0
