"""Writes which concepts the next training draws more often, from reports of `evaluate text`.

python scripts/weigh_concepts.py OUT.yaml REPORT.json [REPORT.json ...]
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from videosketcher_app.storage import atomic
from videosketcher_app.training.concept_weights import weights_of_reports

HEAD = "# How often a concept is drawn in training; written by scripts/weigh_concepts.py.\n"


def run() -> None:
    """Parses the command line."""
    out, *reports = (Path(argument) for argument in sys.argv[1:])
    weights = weights_of_reports(reports)
    atomic.write_text(out, HEAD + yaml.safe_dump(weights))


if __name__ == "__main__":
    run()
