"""Measures every medium's mark at every width: python scripts/measure_brushes.py.

Writes brushes/wave_figures.json, with which a picture that somebody brings finds the medium that it
looks most like. Run it after a change of brushes.yaml, of the engine or of how marks are found;
takes a minute.
"""

from __future__ import annotations

import json

from videosketcher_app.data.brushes.library import load_brushes
from videosketcher_app.data.brushes.wave_figures import TABLE_FILE, table_of
from videosketcher_app.storage import atomic


def main() -> None:
    """Writes the table."""
    brushes, notices = load_brushes()
    for notice in notices:
        print(notice)
    rows = [f"{json.dumps(key)}: [\n{_lines(steps)}\n]" for key, steps in table_of(brushes).items()]
    atomic.write_text(TABLE_FILE, "{\n" + ",\n".join(rows) + "\n}\n")


def _lines(steps: list[dict[str, float] | None]) -> str:
    return ",\n".join(f"  {json.dumps(figures)}" for figures in steps)


if __name__ == "__main__":
    main()
