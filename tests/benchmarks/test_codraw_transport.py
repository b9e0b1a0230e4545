"""The benchmark of the co-drawing line runs with the line as it is."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.browser
@pytest.mark.slow
def test_a_few_turns_are_measured() -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium")
    command = [sys.executable, "-m", "benchmarks.codraw_transport", "--turns", "2"]
    run = subprocess.run(
        [*command, "--chromium", chromium],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["turns"] == 2
    assert found["answer_ms_p95"] > 0
    assert found["tile_share_of_jpeg"] < 0.05
