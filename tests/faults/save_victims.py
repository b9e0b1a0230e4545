"""Kills processes inside the save of a training state, and says what each left, as JSON lines.

    python -m tests.faults.save_victims FOLDER KILLS

A victim trains a small network and saves after every step. Half of them die at a fault point of the
save, the others at any moment. After each kill the state must load, hold one whole step, and nothing
else may be left once the leftovers are swept.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
from pathlib import Path

import torch
from accelerate import Accelerator

from tests.faults.forks import KILLED, run_victim
from tests.faults.generation_victims import say
from tests.training.test_loop import SmallRecipe
from videosketcher_app.core import faults
from videosketcher_app.storage.atomic import sweep_leftovers
from videosketcher_app.storage.tensors import read_metadata
from videosketcher_app.training.loop import LoopConfig, train
from videosketcher_app.training.state import STATE_FILE, TrainState, ema_of

POINTS = ("training.before_save", "atomic.opened", "atomic.written", "atomic.synced")
POINTS += ("atomic.before_replace", "atomic.replaced", "atomic.folder_synced")
CONFIG = LoopConfig(num_steps=400, warmup_steps=4, save_every=1, log_every=1)
KNOWN_STEPS = 3  # are saved before a victim begins


def go_on(folder: Path) -> None:
    """What a victim does."""
    train(SmallRecipe(), CONFIG, folder, Accelerator(cpu=True), resume=True)


def begin(folder: Path) -> None:
    """A state of a few steps."""
    train(
        SmallRecipe(), CONFIG, folder, Accelerator(cpu=True),
        between_steps=lambda moment: moment.state.step < KNOWN_STEPS,
    )  # fmt: skip


def left(folder: Path) -> dict[str, object]:
    """What stands there after a kill."""
    swept = sweep_leftovers(folder)
    recipe = SmallRecipe()
    state = TrainState(
        module=recipe.module, ema=ema_of(recipe.module), optimizers=recipe.optimizers
    )
    state.load(folder)
    told = json.loads(read_metadata(folder / STATE_FILE)["state"])["step"]
    names = sorted(path.name for path in folder.iterdir())
    return {"step": state.step, "told": told, "names": names, "swept": swept}


def main(folder: Path, kills: int) -> None:
    dice = random.Random(17)
    source = folder / "source"
    with faults.traced() as points:
        begin(source)
    assert set(POINTS) <= set(points), sorted(set(points))
    for number in range(kills):
        place = folder / str(number)
        shutil.copytree(source, place)
        point = dice.choice(POINTS) if number % 2 else None
        status = run_victim(
            lambda place=place: go_on(place),
            point=point,
            skip=dice.randrange(20),
            after_s=None if point else dice.uniform(0.05, 0.4),
        )
        say({"at": point or "any moment", "killed": status == KILLED, **left(place)})
        shutil.rmtree(place)


if __name__ == "__main__":
    torch.set_num_threads(1)  # a fork does not inherit the others
    main(Path(sys.argv[1]), int(sys.argv[2]))
