"""Kills real training runs of the causal recipes with SIGKILL, and says what was left, as JSON lines.

python -m tests.faults.recipe_victims FOLDER KILLS
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import torch

from tests.faults.forks import KILLED, run_victim
from tests.faults.generation_victims import say
from tests.training.resume_runs import NUM_STEPS, STAGES, random_set, run_of_stage, train
from videosketcher_app.training.causal_parts import WEIGHTS_FILE
from videosketcher_app.training.state import STATE_FILE

POINTS = (
    "training.before_step",
    "training.before_save",
    "atomic.opened",
    "atomic.written",
    "atomic.synced",
    "atomic.before_replace",
    "atomic.replaced",
)
FILES = (STATE_FILE, WEIGHTS_FILE, "model/transformer.safetensors")


def main() -> None:
    """Kills so many runs, the stages in turn, and goes on with each."""
    torch.set_num_threads(1)
    folder, kills = Path(sys.argv[1]), int(sys.argv[2])
    runs = {}
    for stage in STAGES:
        data = random_set(folder / stage / "set", paths=stage == "ode")
        runs[stage] = run_of_stage(stage, data, folder / stage / "whole")
        assert run_victim(lambda run=runs[stage]: train(run)) == 0
    dice = random.Random(5)
    for number in range(kills):
        stage = STAGES[number % len(STAGES)]
        place = folder / f"killed {number}"
        run = runs[stage].model_copy(update={"out": str(place)})
        point, skip = dice.choice(POINTS), dice.randrange(NUM_STEPS)
        status = run_victim(lambda run=run: train(run), point=point, skip=skip)
        resumed = run_victim(lambda run=run: train(run, resume=True)) if status == KILLED else 0
        whole = Path(runs[stage].out)
        files = [(place / name, whole / name) for name in FILES]
        say(
            {
                "killed": status == KILLED,
                "at": f"{stage}: {point}, {skip} times passed",
                "resumed": resumed,
                "same": all(ours.read_bytes() == theirs.read_bytes() for ours, theirs in files),
                "differing_files": sorted(names(place) ^ names(whole)),
            }
        )


def names(folder: Path) -> set[str]:
    """Files of a run, by name."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


if __name__ == "__main__":
    main()
