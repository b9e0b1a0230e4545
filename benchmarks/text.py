"""`bench text`: what one sketch costs, cold and warm, until its files are written or its frames done.

Cold: a fresh process from start to exit, imports and weights included. Warm: the second and later
sketches of one process, each with another seed, from the call until the folder is published, or
until the finished frames are there: that needs no PyAV.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from benchmarks.harness import machine, spread
from videosketcher_app.core.events import Done, Preview, Progress
from videosketcher_app.core.requests import DEFAULT_MODEL, SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import Services, build
from videosketcher_app.services.generation import Destination
from videosketcher_app.storage.video_library import video_library

CONCEPT = "a cat"
SAMPLE_S = 0.05
MIB = 1024**2


@dataclass(frozen=True, kw_only=True)
class Run:
    """Seconds of one warm sketch: in all, to the first preview, between denoising steps."""

    total: float
    first_preview: float
    step: float
    frames: int


class PeakMemory:
    """Largest resident memory of a process and its children while the block runs, in MiB."""

    def __init__(self, pid: int | None = None) -> None:
        self._process = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.mib = 0.0

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_S):
            try:
                self.mib = max(self.mib, self._process.memory_info().rss / MIB)
            except psutil.NoSuchProcess:
                return


def measure(
    *,
    model: str | None = None,
    device: str | None = None,
    runs: int = 3,
    cold: bool = True,
    frames_only: bool = False,
) -> Iterator[dict[str, Any]]:
    """Yields one JSON object for the cold command (if asked) and one for the warm runs.

    Args:
        frames_only: writes no files; leaves out the cold command, which always writes them.

    Raises:
        MissingVideoLibrary: files are to be written, and PyAV is not installed.
    """
    if not frames_only:
        video_library()
    name = model or DEFAULT_MODEL
    if cold and not frames_only:
        yield {"bench": "text", "what": "cold command", "model": name, **_cold(name, device)}
    what = "warm sketch, frames only" if frames_only else "warm sketch"
    warm = _warm(name, device, runs, files=not frames_only)
    yield {"bench": "text", "what": what, "model": name, **warm}


def _cold(model: str, device: str | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "videosketcher_app", "sketch", CONCEPT, "--quiet"]
        command += ["--model", model, "--output-dir", folder]
        command += ["--device", device] if device else []
        begun = time.perf_counter()
        root = Path(__file__).resolve().parents[1]
        with (
            subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=root) as process,  # noqa: S603
            PeakMemory(process.pid) as memory,
        ):
            code = process.wait()
        seconds = time.perf_counter() - begun
    assert code == 0, f"the cold command exited with {code}"
    return {"seconds": round(seconds, 3), "peak_rss_mib": round(memory.mib)}


def _warm(model: str, device: str | None, runs: int, *, files: bool) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory() as folder,
        build(load_settings(device=device)) as services,
        PeakMemory() as memory,
    ):
        destination = Destination(folder=Path(folder)) if files else None
        first = _one(services, model, seed=0, destination=destination)
        taken = [_one(services, model, seed=i + 1, destination=destination) for i in range(runs)]
    return {
        "runs": runs,
        "writes_files": files,
        "frames": taken[0].frames,
        "seconds": spread([run.total for run in taken]),
        "seconds_to_first_preview": spread([run.first_preview for run in taken]),
        "seconds_a_denoising_step": spread([run.step for run in taken]),
        "seconds_first_sketch_with_loading": round(first.total, 3),
        "peak_rss_mib": round(memory.mib),
        "machine": machine(),
    }


def _one(services: Services, model: str, *, seed: int, destination: Destination | None) -> Run:
    request = SketchRequest(prompt=CONCEPT, model=model, seed=seed)
    begun = time.perf_counter()
    first_preview, steps, frames = 0.0, [], 0
    for event in services.generation.run(request, destination=destination):
        now = time.perf_counter()
        match event:
            case Preview():
                first_preview = first_preview or now - begun
            case Progress(stage="drawing"):
                steps.append(now)
            case Done(drawing=drawing):
                frames = len(drawing.frames)
    total = time.perf_counter() - begun
    assert len(steps) > 1, "a sketch has denoising steps"
    return Run(
        total=total,
        first_preview=first_preview,
        step=(steps[-1] - steps[0]) / (len(steps) - 1),
        frames=frames,
    )


if __name__ == "__main__":
    from videosketcher_app.cli.main import main

    sys.exit(main(["bench", "text", *sys.argv[1:]]))
