"""Kills a real style run, or fills its disk, lets it go on, and says what it made, as JSON lines.

    python -m tests.faults.training_victims FOLDER CASES

The first line is the run that nobody disturbed. A third of the cases are full disks.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import shutil
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import torch

from tests.faults.forks import KILLED, run_victim
from tests.faults.generation_victims import say, told
from tests.services.training_runs.small_runs import make_book, settings_of, small_request
from videosketcher_app.core import faults
from videosketcher_app.core.errors import CannotWrite
from videosketcher_app.services.container import build
from videosketcher_app.services.training_runs.inside import train_folder
from videosketcher_app.services.training_runs.reading import losses_of
from videosketcher_app.services.training_runs.run_folder import RESULT, STATUS, RunFolder
from videosketcher_app.storage.tensors import read_metadata
from videosketcher_app.training.state import STATE_FILE

STEPS = {"num_steps": 4, "sample_every": 2, "save_every": 1}
BALLAST = ".ballast"
INSIDE_A_SAVE = ("atomic.opened", "atomic.written", "atomic.before_replace", "atomic.replaced")


def prepare(source: Path, workspace: Path, **steps: int) -> Path:
    """A run in a workspace of its own over the drawings that all share."""
    request = small_request(source, **{**STEPS, **steps}).model_copy(
        update={"dataset": str(source / "book")}
    )
    with build(settings_of(workspace)) as services:
        return services.training.prepare(request).path


def train(run: Path) -> None:
    train_folder(run, settings_of(run.parents[1]))


def train_on_a_full_disk(run: Path, point: str, skip: int) -> None:
    """From one write on there is no room, until the run lets go of what it had put aside."""

    def no_room() -> None:
        if (run / BALLAST).exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with suppress(CannotWrite), faults.armed(point, no_room, skip=skip):
        train(run)


def made(run: Path) -> dict[str, object]:
    """What a run that has come to its end has left."""
    leftovers = [path.name for path in run.rglob(".*") if path.is_file()]
    weights = hashlib.sha256((run / RESULT).read_bytes()).hexdigest()
    return {"weights": weights, "losses": losses_of(run), "leftovers": leftovers}


def undisturbed(run: Path) -> dict[str, object]:
    with faults.traced() as points:
        train(run)
    return {**made(run), "points": Counter(points)}


def gone_on(run: Path) -> dict[str, object]:
    """What a run makes of what was left of it, from which step on, and in how many steps."""
    state = run / STATE_FILE
    saved = json.loads(read_metadata(state)["state"])["step"] if state.exists() else 0
    with faults.traced() as points:
        train(run)
    return {**made(run), "saved": saved, "steps": points.count("training.before_step")}


def cases(points: dict[str, int], number: int) -> list[tuple[str, str, int]]:
    """(kind, point, passes to let through); the tether writes too, so late passes may not come."""
    rng = random.Random(7)
    names = [name for name in points if name.startswith(("training.", "style."))]
    chosen = []
    for index in range(number):
        inside = index % 2 == 0
        name = rng.choice(INSIDE_A_SAVE if inside else names)
        skip = rng.randrange(points[name] // 2 if inside else points[name])
        full = index % 3 == 2
        point = rng.choice(INSIDE_A_SAVE[:2]) if full else name
        skip = rng.randrange(5, points[point] // 2) if full else skip
        chosen.append(("disk full" if full else "kill", point, skip))
    return chosen


def main(folder: Path, number: int) -> None:
    source = folder / "source"
    make_book(source)
    shutil.move(source / "datasets" / "ink", source / "book")
    run = prepare(source, folder / "reference")
    reference = told(lambda: undisturbed(run))
    say(reference)
    for index, (kind, point, skip) in enumerate(cases(reference["points"], number)):
        run = prepare(source, folder / str(index))
        if kind == "kill":
            status = run_victim(lambda run=run: train(run), point=point, skip=skip)
            ended_by = "kill" if status == KILLED else f"exit {status}"
        else:
            work = lambda run=run, point=point, skip=skip: train_on_a_full_disk(run, point, skip)  # noqa: E731
            status = run_victim(work)
            ended_by = "disk full" if status == 0 else f"exit {status}"
        case = {"kind": kind, "point": point, "skip": skip, "ended_by": ended_by}
        case["told"] = RunFolder(run).read(STATUS)
        say({**case, **told(lambda run=run: gone_on(run))})
        shutil.rmtree(folder / str(index))


if __name__ == "__main__":
    torch.set_num_threads(1)  # a fork does not inherit the others
    import videosketcher_app.training.style  # noqa: F401

    main(Path(sys.argv[1]), int(sys.argv[2]))
