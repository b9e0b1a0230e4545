"""Kills the service while it keeps a sketch that was stopped; says what a start finds, as JSON.

    python -m tests.faults.stopped_victims FOLDER

Every victim has a whole drawing of the same request already. The first line holds the reference:
hashes of that drawing and of a stopped one that nobody killed.
"""

from __future__ import annotations

import shutil
import sys
import threading
from pathlib import Path
from typing import Any

from tests.faults.forks import KILLED, run_victim
from tests.faults.generation_victims import (
    hashes,
    inconsistencies,
    load_everything,
    open_services,
    say,
    told,
)
from videosketcher_app.core import faults
from videosketcher_app.core.events import Preview
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.generation import Destination

REQUEST = SketchRequest(prompt="a cat", model="tiny", seed=7, num_frames=9, num_inference_steps=6)
STOP_AT = 2
# Passes of these while the stopped sketch is written: its kept frames first, then its folder.
PLANS = [
    ("folder.filled", 0),
    ("atomic.before_replace", 4),
    ("folder.filled", 1),
    ("folder.published", 1),
    ("jobs.finished", 0),
]


def draw_whole(folder: Path) -> dict[str, str]:
    with open_services(folder) as services:
        destination = Destination(folder=services.settings.output_dir)
        services.generation.submit(REQUEST, destination=destination).result()
    return hashes(folder / "out" / "cat")


def keep(folder: Path) -> dict[str, str]:
    """What a victim does: a sketch that is stopped and kept at its second step."""
    with open_services(folder) as services:
        services.history.recover()  # the whole drawing came here as a copy
        destination = Destination(folder=services.settings.output_dir)
        is_queued = threading.Event()
        jobs: list[Any] = []

        def look() -> None:
            is_queued.wait(60)
            shown = jobs[0].last(Preview)
            if shown is not None and shown.step >= STOP_AT:
                jobs[0].finish_early()

        with faults.armed("jobs.event", look):
            jobs.append(services.generation.submit(REQUEST, destination=destination))
            is_queued.set()
            jobs[0].result()
    return hashes(folder / "out" / "cat_stopped")


def restarted(folder: Path) -> dict[str, Any]:
    """A start after a kill: what it finds, and what running again what was interrupted gives."""
    with open_services(folder) as services:
        services.history.recover()
        out = services.settings.output_dir
        stopped = out / "cat_stopped"
        report = {
            "interrupted": len(services.history.interrupted()),
            "waiting": len(services.unfinished.all()),
            "inconsistent": inconsistencies(services),
            "leftovers": [path.name for path in out.glob(".*")],
            "folders": sorted(path.name for path in out.iterdir()),
            "whole": hashes(out / "cat"),
            "stopped": hashes(stopped) if stopped.is_dir() else None,
        }
        for job in services.history.interrupted():
            services.generation.rerun(job.id).result()
        report["again"] = hashes(out / "cat")
        report["still_interrupted"] = len(services.history.interrupted())
    return report


def main(folder: Path) -> None:
    first = folder / "reference"
    whole = told(lambda: draw_whole(first))
    begun = folder / "begun"
    shutil.copytree(first, begun)
    say({"whole": whole, "stopped": told(lambda: keep(first))})
    for point, skip in PLANS:
        place = folder / f"{point}-{skip}"
        shutil.copytree(begun / "out", place / "out")
        status = run_victim(lambda place=place: keep(place) and None, point=point, skip=skip)
        case = {"point": point, "skip": skip, "killed": status == KILLED}
        say({**case, **told(lambda place=place: restarted(place))})


if __name__ == "__main__":
    load_everything()
    main(Path(sys.argv[1]))
