"""Five hundred LoRA loads: memory, threads and files stay flat, and the base keeps its hash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import theilslopes

from tests.conftest import ROOT
from tests.soak.jobs import STEADY_ALLOCATOR
from tests.soak.test_soak import needs_exact_memory

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

ROUNDS, WARM_UP = 500, 100
MAX_SLOPE_MB_PER_1000 = 1.0


def soaked(folder: Path, rounds: int, *words: str) -> tuple[float, np.ndarray, bool]:
    """MB that 1,000 more rounds would add, the rows after the warm-up, whether the base is same."""
    child = subprocess.run(
        [sys.executable, "-m", "tests.soak.lora_loads", str(folder), str(rounds), *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **STEADY_ALLOCATOR, "OMP_NUM_THREADS": "1"},
    )
    assert child.returncode == 0, child.stderr[-3000:]
    said = json.loads(child.stdout)
    rows = np.array(said["rows"])
    rows = rows[rows[:, 0] >= rounds * WARM_UP // ROUNDS]
    slope = float(theilslopes(rows[:, 1] / 1e6, rows[:, 0]).slope * 1000)
    return slope, rows, said["same"]


@pytest.mark.row("F23", "LoRA loads", cases=ROUNDS)
@needs_exact_memory
def test_five_hundred_loads_leave_memory_threads_and_files_flat(tmp_path: Path) -> None:
    slope, rows, same = soaked(tmp_path, ROUNDS)
    sys.stdout.write(json.dumps({"id": "lora soak", "slope_mb_per_1000": round(slope, 3)}) + "\n")
    assert same
    assert slope < MAX_SLOPE_MB_PER_1000
    assert rows[-1, 2] <= rows[0, 2]
    assert rows[-1, 3] <= rows[0, 3]


@needs_exact_memory
def test_hooks_that_stay_would_be_seen(tmp_path: Path) -> None:
    slope, _, _ = soaked(tmp_path, ROUNDS // 5, "kept")
    assert slope > 10 * MAX_SLOPE_MB_PER_1000
