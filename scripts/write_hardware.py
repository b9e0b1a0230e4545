"""Writes docs/hardware.md from the formula that memory plans are chosen by.

python scripts/write_hardware.py [--check]: with --check, only says whether it is current.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from videosketcher_app.services.model_manager.hardware import page

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "hardware.md"
RESULTS = ROOT / "benchmarks" / "results" / "studio.jsonl"


def generated() -> str:
    """The page, with what the benchmark has measured."""
    return page(measured(RESULTS))


def measured(path: Path) -> list[dict[str, Any]]:
    """The benchmark's lines; none if it was not run yet."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def main() -> int:
    """Writes or checks; returns the exit code."""
    text = generated()
    if "--check" in sys.argv[1:]:
        is_current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text
        if not is_current:
            print("docs/hardware.md is out of date; run python scripts/write_hardware.py")
        return 0 if is_current else 1
    PAGE.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
