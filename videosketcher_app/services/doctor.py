"""What is wrong with this machine or this copy: one finding a line, each with what to do."""

from __future__ import annotations

import platform
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from videosketcher_app import __version__
from videosketcher_app.core.errors import AppError
from videosketcher_app.core.requests import DEFAULT_MODEL
from videosketcher_app.core.settings import AppSettings
from videosketcher_app.services.outputs import prepare
from videosketcher_app.storage.video_library import video_library

MIN_PYTHON = (3, 10)
# Below these, known holes: see SECURITY.md.
FLOORS = {"torch": (2, 10), "gradio": (6, 22), "diffsynth": (2, 1), "av": (14, 0), "numpy": (2, 0)}
MIN_FREE_GB = 2.0
MIN_MEMORY_GB = 3.0


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing looked at; `hint` says what to do if it is not good."""

    name: str
    good: bool
    found: str
    hint: str = ""

    def to_mapping(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def examine(settings: AppSettings) -> list[Finding]:
    """Looks at everything; never raises for what it finds."""
    looks: list[Callable[[], Finding]] = [
        _app,
        _python,
        *(lambda name=name, floor=floor: _package(name, floor) for name, floor in FLOORS.items()),
        _memory,
        lambda: _disk(settings),
        lambda: _output_folder(settings),
        _encoder,
        lambda: _device(settings),
        lambda: _model(DEFAULT_MODEL),
    ]
    from videosketcher_app.services.model_manager.findings import machine_findings

    return [*(look() for look in looks), *machine_findings(settings)]


def _app() -> Finding:
    return Finding(name="videosketcher", good=True, found=__version__)


def _python() -> Finding:
    good = sys.version_info[:2] >= MIN_PYTHON
    return Finding(
        name="python",
        good=good,
        found=f"{platform.python_version()} on {platform.platform()}",
        hint="" if good else "Install Python 3.10 or newer.",
    )


def _package(name: str, floor: tuple[int, ...]) -> Finding:
    wanted = ".".join(map(str, floor))
    try:
        found = version(name)
    except PackageNotFoundError:
        return Finding(name=name, good=False, found="missing", hint="Start the run script again.")
    numbers = tuple(int(n) for n in re.findall(r"\d+", found)[: len(floor)])
    good = numbers >= floor
    hint = "" if good else f"{wanted} or newer is needed: start the run script again."
    return Finding(name=name, good=good, found=found, hint=hint)


def _memory() -> Finding:
    import psutil

    free_gb = psutil.virtual_memory().available / 1e9
    good = free_gb >= MIN_MEMORY_GB
    hint = "" if good else f"{MIN_MEMORY_GB:.0f} GB are needed: close other programs."
    return Finding(name="memory", good=good, found=f"{free_gb:.1f} GB free", hint=hint)


def _disk(settings: AppSettings) -> Finding:
    folder = settings.output_dir.absolute()
    while not folder.exists():
        folder = folder.parent
    free_gb = shutil.disk_usage(folder).free / 1e9
    good = free_gb >= MIN_FREE_GB
    hint = "" if good else f"{MIN_FREE_GB:.0f} GB are needed: free some space."
    return Finding(name="disk", good=good, found=f"{free_gb:.1f} GB free", hint=hint)


def _output_folder(settings: AppSettings) -> Finding:
    name = "output folder"
    was_there = settings.output_dir.exists()
    try:
        prepare(settings.output_dir)
        if not was_there:
            settings.output_dir.rmdir()
    except AppError as error:
        return Finding(name=name, good=False, found=error.message, hint=error.hint)
    return Finding(name=name, good=True, found=str(settings.output_dir))


def _encoder() -> Finding:
    name = "video encoder"
    try:
        av = video_library()
    except AppError as error:
        return Finding(name=name, good=False, found=error.message, hint=error.hint)
    try:
        av.Codec("libx264", "w")
    except av.error.FFmpegError:
        return Finding(
            name=name,
            good=False,
            found="no H.264 encoder",
            hint="Install the av package from its wheel: start the run script again.",
        )
    return Finding(name=name, good=True, found="libx264")


def _device(settings: AppSettings) -> Finding:
    import torch

    from videosketcher_app.services.model_shelf import pick_device

    try:
        device = pick_device(settings.device)
    except AppError as error:
        return Finding(name="device", good=False, found=error.message, hint=error.hint)
    detail = f"{torch.get_num_threads()} threads"
    if device.startswith("cuda"):
        detail = torch.cuda.get_device_name(device)
    return Finding(name="device", good=True, found=f"{device}, {detail}")


def _model(name: str) -> Finding:
    from videosketcher_app.models.catalogue import verify_model

    try:
        verify_model(name)
    except AppError as error:
        return Finding(name=name, good=False, found=error.message, hint=error.hint)
    return Finding(name=name, good=True, found="weights are here and as published")
