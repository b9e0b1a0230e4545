"""Kills the real service while it draws; starts it again and says what it found, as JSON lines.

    python -m tests.faults.generation_victims KILLS SEED FOLDER

First every pass of every fault point of one drawing, thinned to a third of the kills, then random
moments. The first line holds the reference: hashes of a drawing that nobody killed.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.faults.forks import KILLED, run_victim
from videosketcher_app.core import faults
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import Services, build
from videosketcher_app.services.generation import Destination
from videosketcher_app.services.history_index import run_folders
from videosketcher_app.services.saved import open_saved
from videosketcher_app.storage.history import UNFINISHED, HistoryStore

REQUEST = SketchRequest(prompt="a cat", model="tiny", seed=7, num_frames=9)
# Making a database is swept by the kills of migrations.
NOT_SWEPT = ("history.backed_up", "history.migrat")
SWEPT_SHARE = 0.65
REDRAWN_EVERY = 5  # so many victims replace a folder that is there already
ASKED = "asked"  # a file that says that the service has taken the request


def open_services(folder: Path) -> Services:
    settings = load_settings(workspace=folder / "home", output_dir=folder / "out", device="cpu")
    return build(settings)


def draw(folder: Path) -> None:
    """What a victim does: a sketch, from the request to its row in the history."""
    with open_services(folder) as services:
        destination = Destination(folder=services.settings.output_dir)
        job = services.generation.submit(REQUEST, destination=destination)
        (folder / ASKED).touch()
        job.result()


def restarted(folder: Path) -> dict[str, Any]:
    """A start after a kill: what it finds, and what drawing again gives."""
    begun = time.monotonic()
    with open_services(folder) as services:
        history = services.history
        history.recover()
        recovered_s = time.monotonic() - begun
        jobs = history.interrupted()
        report = {
            "recovered_s": recovered_s,
            "interrupted": len(jobs),
            "drawings": history.count(),
            "inconsistent": inconsistencies(services),
            "leftovers": [path.name for path in (folder / "out").glob(".*")],
        }
        destination = Destination(folder=services.settings.output_dir)
        for job in jobs:
            services.generation.rerun(job.id).result()
        if not jobs:
            services.generation.submit(REQUEST, destination=destination).result()
        report["still_interrupted"] = len(history.interrupted())
        report["inconsistent"] += inconsistencies(services)
        report["hashes"] = [hashes(history.folder_of(row)) for row in history.drawings()]
    return report


def inconsistencies(services: Services) -> list[str]:
    """Rows without a complete folder, folders without a row, and jobs that nobody does."""
    rows = services.history.drawings()
    for row in rows:
        open_saved(services.history.folder_of(row))  # raises if a file is missing
    known = {row.folder for row in rows}
    output_dir = services.settings.output_dir
    found = {path.relative_to(output_dir).as_posix() for path in run_folders(output_dir)}
    with closing(HistoryStore(services.settings.workspace / "history.sqlite3")) as store:
        undone = [f"job {job.sequence} is {job.state}" for job in store.jobs(*UNFINISHED)]
        damaged = ["damaged"] if store.was_damaged else []
    return sorted(known ^ found) + undone + damaged


def hashes(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.iterdir()) if not path.name.endswith("_run.json")]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def main(kills: int, rng: random.Random, folder: Path) -> None:
    reference = told(lambda: traced_drawing(folder / "reference"))
    say({"reference": reference["hashes"], "seconds": reference["seconds"]})
    plans = sweep(reference["points"], round(kills * SWEPT_SHARE))
    done = 0
    for number in range(3 * kills):
        if done == kills:
            break
        when: dict[str, Any] = {"after_s": rng.uniform(0, reference["seconds"])}
        if number < len(plans):
            when = dict(zip(("point", "skip"), plans[number], strict=True))
        place = folder / str(number)
        is_redrawn = number % REDRAWN_EVERY == 0
        if is_redrawn:
            shutil.copytree(folder / "reference" / "out", place / "out")
        status = run_victim(lambda place=place: draw(place), **when)
        if status == KILLED:
            done += 1
            case = {**when, "redrawn": is_redrawn, "asked": (place / ASKED).exists()}
            say({**case, **told(lambda place=place: restarted(place))})
        shutil.rmtree(place)


def traced_drawing(folder: Path) -> dict[str, Any]:
    begun = time.monotonic()
    with faults.traced() as points:
        draw(folder)
    seconds = time.monotonic() - begun
    return {"hashes": hashes(folder / "out" / "cat"), "points": points, "seconds": seconds}


def sweep(points: list[str], count: int) -> list[tuple[str, int]]:
    """`count` passes: the first of every point, then others spread over the drawing."""
    passes = [(name, points[:index].count(name)) for index, name in enumerate(points)]
    passes = [entry for entry in passes if not entry[0].startswith(NOT_SWEPT)]
    first = [entry for entry in passes if entry[1] == 0]
    others = [entry for entry in passes if entry[1] > 0]
    wanted = max(0, count - len(first))
    return (first + others[:: max(1, len(others) // max(1, wanted))])[:count]


def told(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `work` returns, run in a fork: this process starts no thread."""
    reader, writer = os.pipe()

    def tell() -> None:
        os.close(reader)
        with os.fdopen(writer, "w") as pipe:
            pipe.write(json.dumps(work()))

    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            tell()
            status = 0
        finally:
            if status:
                sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return json.loads(text) if status == 0 else {"failed": status}


def say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def load_everything() -> None:
    """Imports what drawing needs, without running any of it."""
    import videosketcher_app.data.ink
    import videosketcher_app.data.recover
    import videosketcher_app.data.svg
    import videosketcher_app.engines.text
    import videosketcher_app.models.tiny  # noqa: F401


if __name__ == "__main__":
    load_everything()
    count_text, seed, place_text = sys.argv[1:]
    main(int(count_text), random.Random(seed), Path(place_text))
