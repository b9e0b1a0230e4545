"""One JSON object a figure: printed at once, and added to a file if one is named."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks.harness import machine

RESULTS = Path(__file__).parent / "results"


class Lines:
    """Where a benchmark writes its figures, each as soon as it is measured.

    Args:
        bench: name that every line begins with.
        path: file to add to; None only prints.
    """

    def __init__(self, bench: str, path: Path | None = None) -> None:
        self._bench, self.path = bench, path
        self._shared = {"machine": machine()}

    def write(self, what: str, **figures: Any) -> None:
        """One line: which figure, its values, the machine and the date."""
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        line = {"bench": self._bench, "what": what, **figures, **self._shared, "at": now}
        text = json.dumps(line) + "\n"
        sys.stdout.write(text)
        sys.stdout.flush()
        if self.path is not None:
            append_line(self.path, text)


def append_line(path: Path, text: str) -> None:
    """Adds a line to a file in one write, so that several processes may share the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(text if text.endswith("\n") else text + "\n")
