"""Writers of the history and migrations are killed: nothing acknowledged is lost (M14, F18)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import thorough
from tests.conftest import ROOT, RunPython

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform == "win32", reason="victims are forks"),
]

KILLS = thorough.of(112, sample=20)  # of writers, and as many of migrations
CODE = "import runpy, sys; runpy.run_module(sys.argv.pop(1), run_name='__main__')"


def figures_of(run_python: RunPython, kind: str, count: int, folder: Path) -> dict[str, int]:
    module = "tests.faults.history_victims"
    done: subprocess.CompletedProcess[str] = run_python(
        CODE, module, kind, str(count), "18", str(folder), cwd=ROOT, timeout=550
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.row("F18", "kills in writes")
def test_killed_writers_lose_nothing_that_was_acknowledged(run_python, tmp_path, ledger):
    figures = figures_of(run_python, "writes", KILLS, tmp_path)
    assert figures["kills"] == KILLS
    assert figures["acknowledged"] > KILLS
    assert (figures["integrity_faults"], figures["lost"], figures["half_noted"]) == (0, 0, 0)
    ledger("F18", cases=KILLS, seed=18)


@pytest.mark.row("F18", "kills in migrations")
def test_killed_migrations_leave_usable_databases(run_python, tmp_path, ledger):
    figures = figures_of(run_python, "migrations", KILLS, tmp_path)
    assert figures["kills"] == KILLS
    assert figures["usable"] == figures["rows_kept"] == figures["cases"] >= KILLS
    ledger("F18", cases=KILLS, seed=18)
