"""Measured clips on disk, so that a long evaluation that was stopped goes on where it was.

A drawing is found again by its plan, its seed and the model's fingerprint; other weights or other
settings draw anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, fields
from pathlib import Path

import numpy as np

from videosketcher_app.data.ink import InkFigures
from videosketcher_app.evaluation.clip import ClipReading
from videosketcher_app.evaluation.tasks import Task
from videosketcher_app.storage.tensors import read_safetensors, write_safetensors

Measure = Callable[[Sequence[Task]], Iterator[ClipReading]]


class KeptReadings:
    """The measured clips of one model in a folder.

    Args:
        fingerprint: says which weights and settings draw.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder, self.fingerprint = folder, fingerprint

    def readings(self, tasks: Sequence[Task], measure: Measure) -> Iterator[ClipReading]:
        """The clips of the tasks in their order; `measure` draws those that are not there yet.

        Raises:
            CannotWrite: the folder cannot be written or the disk is full.
            InvalidFile: a kept clip is damaged.
        """
        missing = [task for task in tasks if not self._path(task).is_file()]
        for task, reading in zip(missing, measure(missing), strict=True):
            write_safetensors(self._path(task), _tensors(reading))
        yield from (_reading(self._path(task)) for task in tasks)

    def _path(self, task: Task) -> Path:
        told = json.dumps([self.fingerprint, str(task.plan), task.seed])
        return self.folder / f"{hashlib.sha256(told.encode()).hexdigest()[:24]}.safetensors"


def _tensors(reading: ClipReading) -> dict[str, np.ndarray]:
    return {
        "ink": reading.ink_HW,
        "times": reading.times_HW,
        "shown": reading.shown,
        "figures": np.array([astuple(reading.raw), astuple(reading.composited)], np.float64),
    }


def _reading(path: Path) -> ClipReading:
    stored = {name: tensor.numpy() for name, tensor in read_safetensors(path).items()}
    names = [field.name for field in fields(InkFigures)]
    raw, composited = (
        InkFigures(**dict(zip(names, row, strict=True))) for row in stored["figures"].tolist()
    )
    return ClipReading(
        ink_HW=stored["ink"],
        times_HW=stored["times"],
        raw=raw,
        composited=composited,
        shown=stored["shown"],
    )
