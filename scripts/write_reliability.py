"""Writes docs/reliability.md from what a run of the tests has counted.

./run_linux.sh test --all --ledger outputs/reliability.jsonl
python scripts/write_reliability.py [--check] [FILE ...]

Lines of a later file replace those of an earlier one, part by part and suite by suite. With --check
it only says whether the page tells the same counts; seconds and megabytes may differ.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.ledger import ROOT, Line, catalogue, marks, read_lines

PAGE = ROOT / "docs" / "reliability.md"
DEFAULT_FILE = ROOT / "outputs" / "reliability.jsonl"
COMMAND = "python scripts/write_reliability.py"
TITLES = {"T": "Threats", "F": "Failures", "G": "Guards"}
HEAD = f"""# Reliability

What must hold when people, files, networks and machines misbehave, what the app does then, and which
tests show it with how many cases. `{COMMAND}` writes this page from the counts of
a run of all tests, so edit `tests/reliability_rows.yaml` instead.
"""
NO_RUN = "No run has been counted yet."
FIRST_OF_RUN = "Counted on "


@dataclass(frozen=True)
class Part:
    """One part of a row: what it asks for, what the suites have shown, and which suites there are."""

    row: str
    name: str
    asked: int | str
    lines: tuple[Line, ...]
    suites: tuple[str, ...] = ()

    @property
    def cases(self) -> int:
        return sum(line.cases for line in self.lines)

    @property
    def passed(self) -> int:
        return sum(line.passed for line in self.lines)

    @property
    def state(self) -> str:
        """One of "reached", "failed", "short" and "not yet"."""
        if not self.cases:
            return "not yet"
        if self.passed < self.cases:
            return "failed"
        return "reached" if self.asked == "all" or self.cases >= int(self.asked) else "short"

    @property
    def lack(self) -> str:
        """What is missing, in words; empty for a part that is reached."""
        told = {
            "reached": "",
            "failed": f"{self.name}: {self.cases - self.passed} of {self.cases} failed",
            "short": f"{self.name}: {self.cases} of {self.asked}",
            "not yet": f"{self.name}: {'not run yet' if self.suites else 'no test yet'}",
        }
        return told[self.state]

    def cells(self) -> list[str]:
        """Its line in the table of proofs."""
        return [
            self.row,
            self.name,
            _number(self.asked),
            _number(self.cases),
            _number(self.passed),
            _measured([line.worst_s for line in self.lines], 2),
            _measured([line.peak_mb for line in self.lines], 0),
            "<br>".join(map(_link, self.suites)) or "none yet",
        ]


def _number(value: int | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _measured(values: list[float | None], digits: int) -> str:
    known = [value for value in values if value is not None]
    return f"{max(known):.{digits}f}" if known else ""


def _link(suite: str) -> str:
    return f"[{suite.removeprefix('tests/')}](../{suite})"


def parts_of(
    rows: dict[str, dict[str, Any]],
    lines: Iterable[Line],
    proofs: Iterable[tuple[str, str, str]] = (),
) -> dict[str, list[Part]]:
    """The parts of every row with their lines and suites.

    Args:
        proofs: row, part and file of the marks in the tests, which may not have run.
    """
    run: dict[tuple[str, str], list[Line]] = defaultdict(list)
    suites: dict[tuple[str, str], set[str]] = defaultdict(set)
    for line in lines:
        run[line.id, line.part].append(line)
        suites[line.id, line.part].add(line.suite)
    for row, part, suite in proofs:
        suites[row, part].add(suite)
    return {
        row: [
            Part(row, part, asked, tuple(run[row, part]), tuple(sorted(suites[row, part])))
            for part, asked in entry["asks"].items()
        ]
        for row, entry in rows.items()
    }


def state_of(parts: list[Part]) -> str:
    """The state of a row, which is that of its weakest part."""
    states = {part.state for part in parts}
    if states == {"not yet"}:
        return "not yet"
    if "failed" in states:
        return "failed"
    return "reached" if states == {"reached"} else "short"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    cells = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(each) + " |" for each in cells]


def _about_the_run(facts: dict[str, Any]) -> str:
    if not facts:
        return NO_RUN
    return (
        f"{FIRST_OF_RUN}{facts['date']} with version {facts['version']}, Python {facts['python']}, "
        f"{facts['system']}, {facts['cores']} processor cores. Seconds are by the clock, beside "
        "the other tests; an empty cell was not measured."
    )


def _overview(parts: dict[str, list[Part]]) -> str:
    states = [state_of(each) for each in parts.values()]
    counts = [f"{states.count(s)} {s}" for s in ("reached", "short", "failed", "not yet")]
    return f"{len(states)} rows: {', '.join(counts)}."


def page(
    rows: dict[str, dict[str, Any]],
    facts: dict[str, Any],
    lines: Iterable[Line],
    proofs: Iterable[tuple[str, str, str]] = (),
) -> str:
    """The whole page; the same for the same lines and proofs."""
    parts = parts_of(rows, lines, proofs)
    text = [HEAD, _about_the_run(facts), "", _overview(parts)]
    for letter, title in TITLES.items():
        table = [
            [row, entry["name"], entry["answer"], state_of(parts[row]), _lacks(entry, parts[row])]
            for row, entry in rows.items()
            if row.startswith(letter)
        ]
        head = ["id", title.lower()[:-1], "what the app does", "state", "what is missing"]
        text += ["", f"## {title}", "", *_table(head, table)]
    head = ["id", "proof", "asked", "run", "passed", "worst s", "peak MB", "tests"]
    cells = [part.cells() for each in parts.values() for part in each]
    return "\n".join([*text, "", "## Proofs", "", *_table(head, cells), ""])


def _lacks(entry: dict[str, Any], parts: list[Part]) -> str:
    told = "; ".join(part.lack for part in parts if part.lack)
    return " ".join(filter(None, [f"{told}." if told else "", entry.get("missing")]))


def counts_of(text: str) -> list[str]:
    """The page without what differs from run to run."""
    kept = []
    for line in text.splitlines():
        cells = line.split(" | ")
        if len(cells) == 8:
            del cells[5:7]
        if not line.startswith(FIRST_OF_RUN):
            kept.append(" | ".join(cells))
    return kept


def main(arguments: list[str]) -> int:
    """Writes or checks; returns the exit code."""
    files = [Path(each) for each in arguments if each != "--check"] or [DEFAULT_FILE]
    if absent := [file for file in files if not file.is_file()]:
        print(f"{absent[0]} is not there; run the tests with --ledger {absent[0]}")
        return 2
    text = page(catalogue(), *read_lines(*files), marks())
    if "--check" in arguments:
        known = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
        if counts_of(known) != counts_of(text):
            print(f"docs/reliability.md tells other counts; run {COMMAND}")
            return 1
        return 0
    PAGE.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
