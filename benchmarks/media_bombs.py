"""`python -m benchmarks.media_bombs`: what every bomb of T8 costs until it is refused.

Seconds by the clock, and megabytes of memory above what there was before, of the app and of the
decoder's process. The clock counts, so run it on a quiet machine; processor seconds are beside it.
One JSON object on one line: the worst of all, the worst of each kind, and what was not refused.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness import machine
from tests.security.bombs import Bomb, all_bombs
from tests.security.peak import Peak
from videosketcher_app.core.errors import AppError

MAX_S, MAX_MB = 2.0, 300.0


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What one bomb cost."""

    kind: str
    name: str
    refused: bool
    seconds: float
    processor_s: float
    mb: float


def tried(bomb: Bomb) -> Trial:
    """Opens a bomb."""
    refused = False
    with Peak() as peak:
        try:
            bomb.open()
        except AppError:
            refused = True
    return Trial(
        kind=bomb.kind,
        name=bomb.name,
        refused=refused,
        seconds=round(peak.seconds, 3),
        processor_s=round(peak.cpu_s, 3),
        mb=round(peak.most / 1e6, 1),
    )


def summary(trials: Sequence[Trial]) -> dict[str, Any]:
    """The figures of all trials, and of each kind."""
    kinds = sorted({trial.kind for trial in trials})
    return {
        "id": "T8",
        "cases": len(trials),
        "passed": sum(
            trial.refused and trial.seconds < MAX_S and trial.mb < MAX_MB for trial in trials
        ),
        **_worst(trials),
        "kinds": {kind: _worst([t for t in trials if t.kind == kind]) for kind in kinds},
        "not_refused": [trial.name for trial in trials if not trial.refused],
        "slowest": [asdict(t) for t in sorted(trials, key=lambda t: -t.seconds)[:3]],
        "machine": machine(),
    }


def _worst(trials: Sequence[Trial]) -> dict[str, float]:
    return {
        "worst_s": max(trial.seconds for trial in trials),
        "worst_processor_s": max(trial.processor_s for trial in trials),
        "peak_mb": max(trial.mb for trial in trials),
    }


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", action="store_true", help="a line for each bomb, on stderr")
    arguments = parser.parse_args()
    trials = []
    with tempfile.TemporaryDirectory() as folder:
        for bomb in all_bombs(Path(folder)):
            trials.append(tried(bomb))
            if arguments.each:
                print(json.dumps(asdict(trials[-1])), file=sys.stderr)
    print(json.dumps(summary(trials)))


if __name__ == "__main__":
    main()
