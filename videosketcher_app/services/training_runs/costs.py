"""What a training run takes on this machine: measured by the runs themselves, never guessed.

Every run that ends leaves its figures in the workspace's cache: the seconds of a step (the median
over its log, so that a pause or a busy hour does not count), the seconds of everything else, and
the most memory that it took. `measure` makes a short run for nothing else.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.errors import AppError, CannotWrite
from videosketcher_app.services.training_runs.reading import log_rows
from videosketcher_app.services.training_runs.run_folder import (
    REQUEST,
    STATUS,
    RunFolder,
    number,
    whole,
)
from videosketcher_app.services.training_runs.views import RunCost
from videosketcher_app.storage import atomic, bounded

if TYPE_CHECKING:
    from videosketcher_app.training.style_preset import StylePreset
    from videosketcher_app.training.style_request import StyleRunRequest

FILE = "training_costs.json"
MAX_FILE_BYTES = 1_000_000
MAX_KINDS = 200
MIN_STEPS = 2


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One kind of run on this machine.

    Attributes:
        step_seconds: of one step.
        other_seconds: start, latents, samples and saves, over the run that was measured.
        num_steps: of that run.
    """

    step_seconds: float
    other_seconds: float
    memory_bytes: int
    num_steps: int


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
                "the time left is known a few steps after the start.",
            )
        num_steps = request.num_steps or _preset(request.preset).num_steps
        seconds = measured.step_seconds * num_steps + measured.other_seconds
        return RunCost(
            seconds=seconds,
            memory_bytes=measured.memory_bytes,
            note=f"Measured here over {measured.num_steps} steps, {measured.step_seconds:.2g} s "
            "each; longer if you draw meanwhile.",
        )

    def learn(self, run: RunFolder) -> None:
        """Keeps the figures of a run that has ended, if it came far enough to have any."""
        request = run.read(REQUEST)
        measured = _measured(run)
        kind = self._kind(str(request.get("model")), str(request.get("preset")))
        if measured is None or kind is None:
            return
        with self._lock, suppress(CannotWrite):
            known = {**self._read(), kind: measured}
            kept = list(known.items())[-MAX_KINDS:]
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
        found = {}
        for kind, figures in values.items() if isinstance(values, dict) else ():
            with suppress(TypeError):
                found[kind] = _checked(Measured(**figures))
        return found


def _preset(name: str) -> StylePreset:
    from videosketcher_app.training.style_preset import read_preset

    return read_preset(name)


def _measured(run: RunFolder) -> Measured | None:
    status: dict[str, Any] = run.read(STATUS)
    step, seconds = whole(status, "step"), number(status.get("seconds")) or 0.0
    if step < MIN_STEPS or seconds <= 0:
        return None
    step_seconds = _step_seconds(run.path) or seconds / step
    return Measured(
        step_seconds=step_seconds,
        other_seconds=max(0.0, seconds - step_seconds * step),
        memory_bytes=whole(status, "memory_bytes"),
        num_steps=step,
    )


def _step_seconds(path: Path) -> float | None:
    """The median over the rows of the log; None if they hold no times."""
    points = []
    for row in log_rows(path):
        with suppress(KeyError, ValueError):
            points.append((float(row["step"]), float(row["seconds"])))
    paces = [
        (later - earlier) / (end - begin)
        for (begin, earlier), (end, later) in itertools.pairwise(points)
        if end > begin and later > earlier
    ]
    return statistics.median(paces) if paces else None


def _checked(measured: Measured) -> Measured:
    """A damaged table counts as not there."""
    if any(number(value) is None or value < 0 for value in asdict(measured).values()):
        raise TypeError(measured)
    return measured
