"""Runs stages of Pocket's training in one process.

    python scripts/train_pocket.py CONFIG.yaml [KEY=VALUE ...] [CONFIG.yaml ...]

For several GPUs: torchrun --nproc_per_node=4 scripts/train_pocket.py ... The keys are those of
`training.pocket.PocketRun` and change the configuration before them; `resume=1` goes on from the
state in that stage's folder.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import yaml
from accelerate import Accelerator

sys.path.insert(0, str(Path(__file__).parents[1]))

from videosketcher_app.training.pocket import train_stage
from videosketcher_app.training.pocket_run import read_run


def run() -> None:
    """Parses the overrides and runs the stages in order."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    stages: list[tuple[Path, dict]] = []
    for argument in sys.argv[1:]:
        key, equals, value = argument.partition("=")
        if equals:
            stages[-1][1][key] = yaml.safe_load(value)
        else:
            stages.append((Path(argument), {}))
    accelerator = Accelerator()
    for path, changes in stages:
        resume = bool(changes.pop("resume", False))
        train_stage(read_run(path, **changes), accelerator, resume=resume)
    accelerator.end_training()


if __name__ == "__main__":
    run()
