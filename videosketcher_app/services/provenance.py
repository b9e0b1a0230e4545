"""Provenance: any exported file brings back the request and the plan that made it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from videosketcher_app.core.errors import AppError, InvalidFile
from videosketcher_app.core.requests import SketchRequest, parse_request_json
from videosketcher_app.services.outputs import read_config
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.storage.metadata import read_embedded


def read_provenance(path: Path) -> tuple[SketchRequest, PlannedDrawing | None]:
    """What an mp4, PNG, SVG, GIF, PDF or config file of this app was made from.

    Raises:
        InvalidFile: the file is damaged, of another kind, or has nothing inside.
    """
    request, planned, _ = _read(path)
    return request, planned


def read_embedded_config(path: Path) -> Mapping[str, Any]:
    """The whole config that a file carries: request, plan, weights, settings, changes.

    Raises:
        InvalidFile: see `read_provenance`.
    """
    return _read(path)[2]


def _read(path: Path) -> tuple[SketchRequest, PlannedDrawing | None, Mapping[str, Any]]:
    text = read_embedded(path)
    if not text:
        raise InvalidFile(
            f"There is no plan inside {path.name[:80]!r}.",
            hint="Use a file that this app exported with its prompt.",
        )
    try:
        config = parse_request_json(text)
        return *read_config(config), config
    except AppError as error:
        raise InvalidFile(
            f"What is inside {path.name[:80]!r} is no request of this app.",
            hint="Use a file that this app exported with its prompt.",
        ) from error
