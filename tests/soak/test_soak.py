"""Six hundred sketches with one fault in a hundred: memory, threads and open files stay flat."""

from __future__ import annotations

import gc
import json
import random
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import psutil
import pytest

from videosketcher_app.core import faults
from videosketcher_app.core.errors import AppError, Cancelled
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import Services, build
from videosketcher_app.services.generation import Destination

pytestmark = [pytest.mark.soak, pytest.mark.timeout(240)]

NUM_JOBS, WARM_UP, PROBE_EVERY = 600, 200, 20
IMPORTED = 20  # jobs after which every module that drawing needs is there
MAX_SLOPE_MB_PER_1000 = 1.0
MAX_SECONDS = 180.0
FAULT_POINTS = ("jobs.started", "jobs.event", "jobs.finished", "atomic.before_replace")
CANCELLED_SHARE = 0.02
SEED = 600


@pytest.fixture
def _one_thread() -> Iterator[None]:
    """Networks this small gain nothing from more, and lose much where cores are shared."""
    import torch

    number = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(number)


@pytest.fixture
def services(tmp_path: Path, _one_thread: None) -> Iterator[Services]:
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


class Probe:
    """Memory, threads and open files of this process, noted now and then."""

    def __init__(self) -> None:
        self.process = psutil.Process()
        self.rows: list[tuple[int, float, int, int]] = []

    def note(self, job: int) -> None:
        gc.collect()
        resident_mb = self.process.memory_info().rss / 1e6
        self.rows.append((job, resident_mb, threading.active_count(), self.process.num_fds()))

    def after_warm_up(self) -> np.ndarray:
        return np.array([row for row in self.rows if row[0] >= WARM_UP])

    def slope_mb_per_1000(self) -> float:
        rows = self.after_warm_up()
        return float(np.polyfit(rows[:, 0], rows[:, 1], 1)[0] * 1000)


def one_job(services: Services, folder: Path, number: int, rng: random.Random) -> str:
    """Draws once; returns how it ended."""
    request = SketchRequest(
        prompt="a cat", model="tiny", seed=number % 7, num_frames=5, width=96, height=72
    )
    destination = Destination(folder=folder) if number % 5 == 0 else Destination()
    with ExitStack() as stack:
        if rng.random() < 0.01:
            stack.enter_context(faults.armed(rng.choice(FAULT_POINTS)))
        try:
            job = services.generation.submit(
                request, destination=destination, session=f"session {number % 4}"
            )
            if rng.random() < CANCELLED_SHARE:
                job.cancel()
            job.result(60.0)
        except Cancelled:
            return "cancelled"
        except AppError:
            return "failed"
    return "done"


def test_six_hundred_jobs_leave_memory_threads_and_files_flat(services, tmp_path) -> None:
    rng, probe = random.Random(SEED), Probe()
    ends = {"done": 0, "failed": 0, "cancelled": 0}
    begun = time.monotonic()
    for number in range(NUM_JOBS):
        ends[one_job(services, tmp_path / "out", number, rng)] += 1
        if number == IMPORTED:
            gc.freeze()  # the libraries' own objects need not be looked at again each time
        if number % PROBE_EVERY == 0:
            probe.note(number)
    gc.unfreeze()
    seconds = time.monotonic() - begun
    rows, slope = probe.after_warm_up(), probe.slope_mb_per_1000()
    figures = {
        "id": "soak",
        "cases": NUM_JOBS,
        **ends,
        "slope_mb_per_1000": round(slope, 3),
        "peak_mb": round(float(rows[:, 1].max()), 1),
        "threads": [int(rows[0, 2]), int(rows[-1, 2])],
        "files": [int(rows[0, 3]), int(rows[-1, 3])],
        "seconds": round(seconds, 1),
        "seed": SEED,
    }
    sys.stdout.write(json.dumps(figures) + "\n")
    assert sum(ends.values()) == NUM_JOBS
    assert ends["failed"] >= 1
    assert ends["done"] >= 0.9 * NUM_JOBS
    assert slope < MAX_SLOPE_MB_PER_1000
    assert rows[-1, 2] <= rows[0, 2]
    assert rows[-1, 3] <= rows[0, 3]
    assert services.queue.waiting() == 0
    assert [grant.holder for grant in services.lease.grants()] == ["tiny"]
    assert seconds < MAX_SECONDS
