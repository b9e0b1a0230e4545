"""Writes presets/concepts/taught.yaml: one plan for every concept of the sketch grammar.

Run it after a program of the grammar was added or changed:

    python scripts/export_grammar_plans.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

from videosketcher_app.data.grammar.program import Program, programs
from videosketcher_app.storage.atomic import write_text

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "presets" / "concepts" / "taught.yaml"
SEED = 0  # words may depend on proportions; one draw decides
HEADER = (
    "# Written by scripts/export_grammar_plans.py from the sketch grammar; do not edit.\n"
    "# More names for these concepts, also in other languages, are in aliases.yaml.\n"
)


def plan_of(program: Program) -> dict[str, object]:
    """The program's parts in its own order, as an entry of the plan library."""
    parts = program.draw(np.random.default_rng(SEED))
    entry: dict[str, object] = {"name": program.name, "title": program.title}
    if program.titles:
        entry["aliases"] = list(program.titles)
    entry["parts"] = [
        {"name": part.name[:1].upper() + part.name[1:], "description": part.description}
        for part in parts
    ]
    return entry


def taught_yaml() -> str:
    """The whole file as text."""
    entries = [plan_of(program) for program in programs().values()]
    return HEADER + yaml.safe_dump(
        entries, allow_unicode=True, sort_keys=False, default_flow_style=None, width=1000
    )


def main() -> None:
    """Writes the file if it is not up to date."""
    write_text(TARGET, taught_yaml())
    print(f"{TARGET.relative_to(ROOT)}: {len(programs())} plans")


if __name__ == "__main__":
    main()
