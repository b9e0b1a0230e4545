"""A session published as a drawing: a folder like every other run's, with the script beside it."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.codraw.export import script_of
from videosketcher_app.services.codraw.session import Session
from videosketcher_app.services.codraw.turns import Turn
from videosketcher_app.services.generation import versions
from videosketcher_app.services.outputs import CONFIG_FORMAT, folder_name, prepare, run_record
from videosketcher_app.storage import atomic, paths


def publish_session(session: Session, output_dir: Path, *, gif: bool = False) -> Path:
    """Writes mp4, png, svg, config, run record and script of the path to the latest turn.

    The folder is named after the concept and appears complete. Returns it.

    Raises:
        InvalidRequest: nothing is drawn yet.
        CannotWrite: the folder cannot be written; nothing is left half-written.
    """
    begun, started = time.monotonic(), datetime.now(timezone.utc)
    prepare(output_dir)
    path, words = session.path()
    config = _config(session, path, script_of(path, words, session.request))
    seed, name = session.request.seed, folder_name(words.plan)
    folder = paths.run_folder(output_dir, name, seed=seed, config=config)
    kinds = ["mp4", "png", "svg", "script", *(["gif"] if gif else [])]
    with atomic.publish_folder(folder) as temporary:
        session.export(kinds, folder=temporary, name=folder.name)
        atomic.write_json(temporary / f"{folder.name}_config.json", config)
        record = run_record(
            started=started.isoformat(timespec="seconds"),
            timings={"export": time.monotonic() - begun},
            device=platform.machine(),
            extra={"versions": versions()},
        )
        atomic.write_json(temporary / f"{folder.name}_run.json", record)
    return folder


def _config(session: Session, path: Sequence[Turn], script: dict[str, Any]) -> dict[str, Any]:
    """The config of a run, with the turns among its settings."""
    request, (_, words) = session.request, session.path()
    sketch = SketchRequest(
        prompt=words.concept or words.plan.concept,
        model=request.model,
        seed=request.seed,
        width=request.width,
        height=request.height,
        fps=request.fps,
    )
    planned = words.planned
    return {
        "format": CONFIG_FORMAT,
        "request": sketch.to_mapping(),
        "plan": {
            "concept": words.plan.concept,
            "text": str(words.plan),
            "model_text": words.text,
            "model_plan": str(words.model_plan),
            "planner": planned.planner if planned else "",
            "note": planned.note if planned else "",
            "taught": False,
        },
        "model": {"name": request.model, "files": {}},
        "loras": {},
        "settings": {"mode": request.mode, "turns": script["turns"], **_drawn_with(path)},
    }


def _drawn_with(path: Sequence[Turn]) -> dict[str, Any]:
    """What the model drew its turns with, where modes of speed decide that."""
    facts = [dict(turn.facts) for turn in path if turn.hand == "model"]
    return {"drawn_with": facts} if any(facts) else {}
