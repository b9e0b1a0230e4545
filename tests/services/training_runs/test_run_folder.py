"""Control and ticket: what one asked for another does not undo, and nothing half-written counts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from videosketcher_app.core import faults
from videosketcher_app.core.errors import CannotWrite
from videosketcher_app.services.process_mark import lives, own_mark
from videosketcher_app.services.training_runs.run_folder import RunFolder
from videosketcher_app.services.training_runs.tether import Tether

DEAD = "999999999:0.00:00000000"
OTHER = "import sys\nfrom videosketcher_app.services.process_mark import own_mark\nprint(own_mark(), flush=True)\nsys.stdin.read()"


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def test_wanting_and_yielding_do_not_touch_each_other(run: RunFolder) -> None:
    run.set_yield(True)
    run.ask("pause")
    values = json.loads((run.path / "control.json").read_text(encoding="utf-8"))
    assert (values["want"], values["yield"]) == ("pause", True)
    run.set_yield(False)
    assert (run.control().want, run.control().yields) == ("pause", False)


def test_what_another_living_process_asked_for_stays(run: RunFolder) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OTHER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    ) as other:
        assert other.stdout is not None
        mark = other.stdout.readline().strip()
        assert lives(mark)
        run.set_yield(True, for_mark=mark)
        run.set_yield(False)
        assert run.control().yields
        other.kill()
        other.communicate()
    assert not lives(mark)
    run.set_yield(False)
    assert not run.control().yields


def test_the_tether_takes_back_what_a_dead_process_asked_for(run: RunFolder) -> None:
    run.set_yield(True, for_mark=DEAD)
    tether = Tether(run, is_child=False)
    tether._look()
    assert not run.control().yields
    run.set_yield(True, for_mark=own_mark())
    tether._look()
    assert run.control().yields


def test_the_tether_pauses_an_orphan_unless_it_is_detached(run: RunFolder) -> None:
    run.note(keeper=DEAD, detached=True)
    tether = Tether(run, is_child=True)
    tether._look()
    assert run.control().want == "run"
    run.note(detached=False)
    tether._look()
    assert run.control().want == "pause"


def test_the_first_signal_pauses_and_the_second_breaks(run: RunFolder) -> None:
    tether = Tether(run, is_child=False)
    assert tether.pause()
    assert not tether.pause()
    tether._look()
    assert run.control().want == "pause"


def test_a_full_disk_leaves_the_old_control(run: RunFolder) -> None:
    run.ask("pause")

    def full() -> None:
        raise OSError(28, "No space left on device")

    with faults.armed("atomic.written", full), pytest.raises(CannotWrite, match="no room"):
        run.ask("stop")
    assert run.control().want == "pause"


def test_the_log_tail_is_bounded(run: RunFolder) -> None:
    assert run.log_tail(10) == ""
    (run.path / "run.log").write_text("x" * 1000 + "the end", encoding="utf-8")
    assert run.log_tail(7) == "the end"
