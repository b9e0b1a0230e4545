"""A hundred bad pictures as brushes: how long the worst takes, and how much memory.

    python -m benchmarks.bad_brushes

The files of `tests.services.bad_pictures` are asked for one after the other in a fresh process, as
the app does it. Seconds are of processor time, with that of the process that decodes: other work on
the machine does not count. Memory is what the process grew by over all of them, and the most that a
decoding process held: no single picture can have taken more than both.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.harness import machine
from tests.services.bad_pictures import cases

ROOT = Path(__file__).resolve().parents[1]
MOST_S, MOST_MB = 2.0, 300.0
SLOWEST_SHOWN = 5


def measure() -> dict[str, Any]:
    """The figures of one round over all files."""
    files = cases()
    with tempfile.TemporaryDirectory() as folder:
        for index, (data, _) in enumerate(files.values()):
            (Path(folder) / f"{index:03}.bin").write_bytes(data)
        done = subprocess.run(  # noqa: S603 (our own module)
            [sys.executable, "-m", "tests.services.bad_pictures", folder],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
    return figures(json.loads(done.stdout), list(files))


def figures(report: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """The row of a report of `tests.services.bad_pictures`."""
    seconds = {names[int(number)]: came["seconds"] for number, came in report["told"].items()}
    slowest = sorted(seconds, key=seconds.__getitem__, reverse=True)[:SLOWEST_SHOWN]
    grown_mb, child_mb = report["grown_kb"] / 1000, report["child_kb"] / 1000
    return {
        "bench": "bad brushes",
        "pictures": len(seconds),
        "brushes": sum("color" in came for came in report["told"].values()),
        "slowest_s": {name: round(seconds[name], 2) for name in slowest},
        "grown_mb": round(grown_mb, 1),
        "decoder_mb": round(child_mb, 1),
        "passes": seconds[slowest[0]] < MOST_S and grown_mb + child_mb < MOST_MB,
        "machine": machine(),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure()) + "\n")
