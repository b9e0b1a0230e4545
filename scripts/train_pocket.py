"""Runs stages of Pocket's training: python scripts/train_pocket.py CONFIG.yaml [KEY=VALUE ...].

For several GPUs: torchrun --nproc_per_node=4 scripts/train_pocket.py CONFIG.yaml. The keys are
those of `training.pocket.PocketRun`; `resume=1` goes on from the state in the run's folder.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from videosketcher_app.training.pocket import main


def run() -> None:
    """Parses the overrides and runs the stage."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    changes = {}
    for pair in sys.argv[2:]:
        key, _, value = pair.partition("=")
        changes[key] = yaml.safe_load(value)
    resume = bool(changes.pop("resume", False))
    main(Path(sys.argv[1]), resume=resume, **changes)


if __name__ == "__main__":
    run()
