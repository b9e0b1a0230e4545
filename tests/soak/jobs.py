"""Draws hundreds of times in a process of its own and says what that left, as one JSON line.

    python -m tests.soak.jobs FOLDER JOBS SEED [LEAKED_BYTES_A_JOB]

One job in a hundred meets a fault, one in fifty is cancelled. The last argument plants a leak, to
show that whoever reads the figures would see one. A probe wants STEADY_ALLOCATOR in the
environment.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import random
import re
import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil

from videosketcher_app.core import faults
from videosketcher_app.core.errors import AppError, Cancelled
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import Services, build
from videosketcher_app.services.generation import Destination

PROBE_EVERY = 10
IMPORTED = 20  # jobs after which every module that drawing needs is there
FAULT_POINTS = ("jobs.started", "jobs.event", "jobs.finished", "atomic.before_replace")
FAULTY_SHARE, CANCELLED_SHARE = 0.01, 0.02
PATIENCE_S = 120.0
INTERNED = 400_000  # more than a table holds that large libraries have filled
# Large blocks go back to the system at once, and all threads share one heap: what stays resident is
# what something holds. Without it, holes in glibc's heaps move the figure by a megabyte.
STEADY_ALLOCATOR = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "32768"}
_EXACT = Path("/proc/self/smaps_rollup")
_OWN = re.compile(r"^(?:Anonymous|Swap): +(\d+) kB", re.MULTILINE)


class Probe:
    """Memory, threads and open files of this process, noted now and then.

    Attributes:
        rows: (jobs so far, bytes, threads, files).
    """

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._trim = _trimmer()
        _fill_interned()
        self.rows: list[tuple[int, int, int, int]] = []

    def note(self, job: int) -> None:
        gc.collect()
        self._trim(0)  # what is free is no leak, wherever the allocator keeps it
        files = self._process.num_fds() if os.name != "nt" else self._process.num_handles()
        self.rows.append((job, self._own_bytes(), threading.active_count(), files))

    def _own_bytes(self) -> int:
        """Memory that belongs to no file; elsewhere than on Linux all resident memory.

        Pages of files come and go with the machine's memory, and the quick counters of newer
        kernels are off by up to a megabyte, so that the exact table is asked.
        """
        try:
            table = _EXACT.read_text(encoding="ascii")
        except OSError:
            return int(self._process.memory_info().rss)
        return sum(1024 * int(kib) for kib in _OWN.findall(table))


def _fill_interned() -> None:
    """Lets Python's table of interned strings grow now.

    Every string that comes and goes leaves a mark in it, and when it is full it is made twice as
    large, by 4 MB at once: after minutes, in one process and not in another.
    """
    for number in range(INTERNED):
        sys.intern(f"soak {number}")


def _trimmer() -> Any:
    """glibc's way to give free memory back; elsewhere nothing."""
    with suppress(OSError, AttributeError, TypeError):
        return ctypes.CDLL(None).malloc_trim
    return lambda _: 0


def one_job(services: Services, folder: Path, number: int, rng: random.Random) -> str:
    """Draws once; returns how it ended."""
    request = SketchRequest(
        prompt="a cat", model="tiny", seed=number % 7, num_frames=5, width=96, height=72
    )
    destination = Destination(folder=folder) if number % 5 == 0 else Destination()
    with ExitStack() as stack:
        if rng.random() < FAULTY_SHARE:
            stack.enter_context(faults.armed(rng.choice(FAULT_POINTS)))
        try:
            job = services.generation.submit(
                request, destination=destination, session=f"session {number % 4}"
            )
            if rng.random() < CANCELLED_SHARE:
                job.cancel()
            job.result(PATIENCE_S)
        except Cancelled:
            return "cancelled"
        except AppError:
            return "failed"
    return "done"


def soak(folder: Path, num_jobs: int, seed: int, leaked_bytes: int) -> dict[str, Any]:
    """Draws `num_jobs` times; how the jobs ended, and what was noted meanwhile."""
    rng, probe, leaked = random.Random(seed), Probe(), []
    ends = {"done": 0, "failed": 0, "cancelled": 0}
    settings = load_settings(workspace=folder / "home", output_dir=folder / "out", device="cpu")
    with build(settings) as services:
        for number in range(num_jobs):
            ends[one_job(services, folder / "out", number, rng)] += 1
            leaked.append(os.urandom(leaked_bytes) if leaked_bytes else b"")
            if number == IMPORTED:
                gc.freeze()  # the libraries' own objects need not be looked at again each time
            if number % PROBE_EVERY == 0:
                probe.note(number)
        probe.note(num_jobs)
        return {
            "ends": ends,
            "rows": probe.rows,
            "waiting": services.queue.waiting(),
            "grants": [grant.holder for grant in services.lease.grants()],
        }


def main() -> None:
    import torch

    torch.set_num_threads(1)  # networks this small gain nothing from more
    folder, num_jobs, seed, *leaked = sys.argv[1:]
    found = soak(Path(folder), int(num_jobs), int(seed), int(leaked[0]) if leaked else 0)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
