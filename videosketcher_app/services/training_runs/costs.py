"""What a training run takes on this machine: measured by the runs themselves, never guessed.

The tether of every run notes the pace of its steps (the median, so that a busy minute does not
count), what preparing took, and the most memory. When the run ends, these figures go to the
workspace's cache, by kind of run: model, size of the clips, drawings of a step, rank, device. Before
the first run of a kind, one step can be measured by itself (`measuring`).
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from videosketcher_app.core.errors import AppError, CannotWrite
from videosketcher_app.core.settings import AppSettings
from videosketcher_app.services.training_runs.run_folder import (
    REQUEST,
    RunFolder,
    number,
    whole,
)
from videosketcher_app.services.training_runs.views import RunCost
from videosketcher_app.storage import atomic, bounded
from videosketcher_app.storage.paths import Workspace

if TYPE_CHECKING:
    from videosketcher_app.training.style_calibration import RunEstimate
    from videosketcher_app.training.style_preset import StylePreset
    from videosketcher_app.training.style_request import StyleRunRequest

FILE, FIGURES = "training_costs.json", "figures.json"
MAX_FILE_BYTES = 1_000_000
MAX_KINDS = 200
_WORTH = 4  # a shorter run replaces the figures of one up to so many times longer


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One kind of run on this machine.

    Attributes:
        step_seconds: of one step.
        other_seconds: of samples and saves, for every step of the run that was measured.
        prepare_seconds: from the start of the process to the first step.
        memory_bytes: the most that the process took.
        num_steps: over which it was measured; 1 if one step was measured by itself.
        sample_seconds: of one sample, counted in `other_seconds` already; 0 if none was drawn.
        disk_bytes: the most that its folder took; 0 if nobody looked.
        way: how the steps fit the memory, in words; empty if nothing had to be done for it.
    """

    step_seconds: float
    other_seconds: float
    prepare_seconds: float
    memory_bytes: int
    num_steps: int
    sample_seconds: float = 0.0
    disk_bytes: int = 0
    way: str = ""

    def seconds_of(self, num_steps: int) -> float:
        """Of a whole run."""
        return self.prepare_seconds + num_steps * (self.step_seconds + self.other_seconds)


class Costs:
    """The figures of past runs.

    Args:
        cache: the workspace's folder for what can be made again.
        device: the setting; figures of one device say nothing about another.
    """

    def __init__(self, cache: Path, *, device: str) -> None:
        self._file = cache / FILE
        self._device = device
        self._lock = threading.Lock()

    def of(self, request: StyleRunRequest) -> RunCost:
        """What a run takes, as far as it is known."""
        kind = self._kind(request.model, request.preset)
        measured = self._read().get(kind) if kind else None
        if measured is None:
            return RunCost(
                seconds=None,
                memory_bytes=None,
                note="Nothing of this kind was trained on this machine yet; "
                "one step of it can be measured before the start.",
            )
        preset = _preset(request.preset)
        num_steps = request.num_steps or preset.num_steps
        return RunCost(
            seconds=measured.seconds_of(num_steps),
            memory_bytes=measured.memory_bytes,
            disk_bytes=measured.disk_bytes or None,
            note=_note(measured, request, preset, num_steps),
        )

    def keep(self, request: StyleRunRequest, estimate: RunEstimate) -> None:
        """Keeps what one step has told, unless whole runs have told more.

        Raises:
            CannotWrite: the cache cannot be written.
        """
        kind = self._kind(request.model, request.preset)
        samples_seconds = estimate.num_samples * estimate.sample_seconds
        measured = Measured(
            step_seconds=estimate.step_seconds,
            other_seconds=samples_seconds / estimate.num_steps,
            prepare_seconds=estimate.prepare_seconds,
            memory_bytes=estimate.memory_bytes,
            num_steps=1,
            sample_seconds=estimate.sample_seconds,
            disk_bytes=estimate.disk_bytes,
            way=estimate.way,
        )
        if kind is not None:
            with self._lock:
                self._write(kind, measured)

    def learn(self, run: RunFolder) -> None:
        """Keeps the figures of a run that has ended, unless more steps were measured before."""
        request = run.read(REQUEST)
        kind = self._kind(str(request.get("model")), str(request.get("preset")))
        measured = _measured(run.read(FIGURES))
        if measured is None or kind is None:
            return
        with self._lock, suppress(CannotWrite):
            self._write(kind, measured)

    def _write(self, kind: str, measured: Measured) -> None:
        """The figures of more steps stay."""
        known = self._read()
        before = known.pop(kind, measured)
        if measured.num_steps * _WORTH < before.num_steps:
            measured = before
        measured = replace(measured, way=measured.way or before.way)  # runs do not note theirs
        kept = list({**known, kind: measured}.items())[-MAX_KINDS:]
        atomic.write_json(self._file, {name: asdict(value) for name, value in kept})

    def _kind(self, model: str, preset: str) -> str | None:
        """Runs that cost the same for a step; None if there is no such preset any more."""
        try:
            how = _preset(preset)
        except AppError:
            return None
        clip = f"{how.width}x{how.height}x{how.num_frames}"
        batch = f"{how.batch_size}+{how.keep_batch}"
        return f"{model} {clip} {batch} rank {how.rank} {self._device} {os.cpu_count()}"

    def _read(self) -> dict[str, Measured]:
        try:
            text = bounded.read_text(self._file, max_bytes=MAX_FILE_BYTES, what="cost table")
            values = json.loads(text)
        except (AppError, ValueError, RecursionError):
            return {}
        rows = values.items() if isinstance(values, dict) else ()
        figures = ((kind, _measured(row)) for kind, row in rows)
        return {kind: measured for kind, measured in figures if measured is not None}


class Pace:
    """The figures of a run that trains, from its status as it passes by.

    Args:
        run: whose status is looked at.
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._begun = time.monotonic()
        self._prepare_seconds: float | None = None
        self._points: list[tuple[int, float]] = []
        self._memory_bytes = 0

    def look(self, status: Mapping[str, Any]) -> None:
        """Notes where the run is now."""
        self._memory_bytes = max(self._memory_bytes, psutil.Process().memory_info().rss)
        if status.get("pid") != os.getpid() or status.get("state") == "preparing":
            return
        if self._prepare_seconds is None:
            self._prepare_seconds = time.monotonic() - self._begun
        step, seconds = whole(status, "step"), number(status.get("seconds")) or 0.0
        if step and (not self._points or step > self._points[-1][0]):
            self._points.append((step, seconds))
            self._write(number(status.get("sample_seconds")) or 0.0)

    def _write(self, sample_seconds: float) -> None:
        # A run so short that it was seen once is measured from its beginning.
        points = self._points if len(self._points) > 1 else [(0, 0.0), *self._points]
        paces = [
            (later - earlier) / (end - begin)
            for (begin, earlier), (end, later) in itertools.pairwise(points)
        ]
        (begin, earlier), (end, later) = points[0], points[-1]
        step_seconds = statistics.median(paces)
        mean_seconds = (later - earlier) / (end - begin)
        measured = Measured(
            step_seconds=step_seconds,
            other_seconds=max(0.0, mean_seconds - step_seconds),
            prepare_seconds=self._prepare_seconds or 0.0,
            memory_bytes=self._memory_bytes,
            num_steps=end - begin,
            sample_seconds=sample_seconds,
            disk_bytes=folder_bytes(self._run.path),
        )
        with suppress(CannotWrite):
            atomic.write_json(self._run.path / FIGURES, asdict(measured))


def costs_of(settings: AppSettings) -> Costs:
    """The figures in the workspace of these settings; those of a budget of memory are its own."""
    limit = f" within {settings.memory_gb:g} GB" if settings.memory_gb else ""
    return Costs(Workspace(settings.workspace).cache, device=settings.device + limit)


def budget_of(settings: AppSettings, device: str) -> int | None:
    """Bytes of a graphics card that training may take; None if there is no limit, or no card."""
    if settings.memory_gb is None or not device.startswith("cuda"):
        return None
    return round(settings.memory_gb * 10**9)


def folder_bytes(folder: Path) -> int:
    """What the files of a folder take; those that go meanwhile do not count."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def _note(measured: Measured, request: StyleRunRequest, preset: StylePreset, num_steps: int) -> str:
    """Where the figures come from, and what the samples cost."""
    from videosketcher_app.training.style_preset import num_sample_times

    over = "one step" if measured.num_steps == 1 else f"{measured.num_steps} steps"
    pace = f"Measured here over {over}, {measured.step_seconds:.2g} s each"
    count = num_sample_times(preset, num_steps) * request.num_samples
    if measured.way:
        pace += f" ({measured.way})"
    if measured.sample_seconds:
        pace += f"; {count} samples of {measured.sample_seconds:.2g} s are drawn meanwhile"
    return f"{pace}. It takes longer if you draw meanwhile."


def _preset(name: str) -> StylePreset:
    from videosketcher_app.training.style_preset import read_preset

    return read_preset(name)


def _measured(values: object) -> Measured | None:
    """Figures from a file; None if it is damaged or holds none."""
    if not isinstance(values, dict):
        return None
    try:
        measured = Measured(**values)
    except TypeError:
        return None
    if not isinstance(measured.way, str):
        return None
    figures = [number(value) for name, value in asdict(measured).items() if name != "way"]
    return measured if all(value is not None and value >= 0 for value in figures) else None
