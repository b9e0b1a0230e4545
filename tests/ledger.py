"""The ledger of reliability: which row of the catalogue a test proves, and with how many cases.

    @pytest.mark.row("T2", "wrong keys")              one test, or one parameter, is one case
    @pytest.mark.row("T2", "wrong keys", cases=1000)  one test that goes through so many
    ledger("T2", cases=len(keys), worst_s=…)          the same, counted while it runs

Rows and parts are those of `reliability_rows.yaml`. With `--ledger FILE` a run writes one JSON
line for every part and suite, from which `scripts/write_reliability.py` makes the published page:
{"id", "part", "suite", "cases", "passed", "worst_s", "peak_mb", "seed"}. The first line says
what ran. Counts travel with the reports of the tests, so workers of xdist need no files of their
own, and an attempt that is repeated counts once. The ledger never fails a run.
"""

from __future__ import annotations

import ast
import json
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from videosketcher_app import __version__

KEY = "ledger"
ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "tests" / "reliability_rows.yaml"
MARKER = "row(id, part, cases=1): the test proves a part of a row of tests/reliability_rows.yaml"

Count = Callable[..., None]


@dataclass(frozen=True, kw_only=True)
class Line:
    """What one suite has shown for one part of a row.

    `worst_s` and `peak_mb` are the largest that were measured, None if nothing was.
    """

    id: str
    part: str
    suite: str
    cases: int
    passed: int
    worst_s: float | None = None
    peak_mb: float | None = None
    seed: int | None = None

    @property
    def place(self) -> tuple[str, str, str]:
        """What one line is kept for."""
        return self.id, self.part, self.suite

    def with_more(self, other: Line) -> Line:
        """This line and another one of the same place as one."""
        assert other.place == self.place
        return replace(
            self,
            cases=self.cases + other.cases,
            passed=self.passed + other.passed,
            worst_s=_largest(self.worst_s, other.worst_s),
            peak_mb=_largest(self.peak_mb, other.peak_mb),
            seed=self.seed if other.seed is None else other.seed,
        )


def _largest(one: float | None, other: float | None) -> float | None:
    return max((value for value in (one, other) if value is not None), default=None)


def catalogue() -> dict[str, dict[str, Any]]:
    """Rows by id: `name`, `answer`, `asks` (cases by part, or "all") and perhaps `missing`."""
    return yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))


def marks() -> Iterator[tuple[str, str, str]]:
    """Every mark in the tests' sources: the row, the part, and the file that bears it."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "mark.row(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.row":
                row, part = (ast.literal_eval(word) for word in node.args)
                yield row, part, path.relative_to(ROOT).as_posix()


class Ledger:
    """The plugin: collects what reports of tests carry, and writes it at the end of the run."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lines: dict[tuple[str, str, str], Line] = {}
        self._ended: dict[str, pytest.TestReport] = {}

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Notes the marks of a test, and forgets what an earlier attempt has noted."""
        kept = [pair for pair in item.user_properties if pair[0] != KEY]
        marks = [_marked(mark, item) for mark in item.iter_markers("row")]
        item.user_properties[:] = [*kept, *((KEY, note) for note in marks)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keeps the one report that decides: the call, or whatever failed."""
        if report.outcome == "rerun" or report.skipped:
            return
        if report.when == "call" or report.failed:
            self._ended[report.nodeid] = report

    @pytest.fixture
    def ledger(self, request: pytest.FixtureRequest) -> Count:
        """Counts the cases of a test that bears the mark of a row.

        ledger(row, *, part="", cases, passed=cases, worst_s=None, peak_mb=None, seed=None); `part`
        is needed where the test has several marks of that row.
        """

        def count(row: str, *, part: str = "", **measured: Any) -> None:
            notes = [note for key, note in request.node.user_properties if key == KEY]
            mine = [note for note in notes if note["id"] == row and part in ("", note["part"])]
            assert len(mine) == 1, f"mark the test with the one part of {row} that it counts"
            mine[0].update({"passed": measured["cases"], **measured})

        return count

    def lines(self) -> list[Line]:
        """One line for every part and suite, in the order of their names."""
        found: dict[tuple[str, str, str], Line] = {}
        for report in self._ended.values():
            for line in _lines_of(report):
                known = found.get(line.place)
                found[line.place] = known.with_more(line) if known else line
        return [found[place] for place in sorted(found)]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Writes the lines; a disk that takes none is told and fails nothing."""
        if self._path is None:
            return
        head = {"run": run_facts(len(self._ended))}
        rows = [json.dumps(each) for each in (head, *map(asdict, self.lines()))]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text("\n".join(rows) + "\n", encoding="utf-8", newline="\n")
        except OSError as error:
            terminalreporter.write_line(f"the ledger was not written: {error}")


def _marked(mark: pytest.Mark, item: pytest.Item) -> dict[str, Any]:
    row, part = mark.args
    suite = item.path.relative_to(item.config.rootpath).as_posix()
    return {"id": row, "part": part, "suite": suite, "cases": mark.kwargs.get("cases", 1)}


def _lines_of(report: pytest.TestReport) -> Iterator[Line]:
    """The lines of one test. One that failed has passed only what it had counted before."""
    notes: list[Any] = [note for key, note in report.user_properties if key == KEY]
    for note in notes:
        line = Line(**{"passed": 0 if report.failed else note["cases"], **note})
        if line.worst_s is None and line.cases == 1:
            line = replace(line, worst_s=round(report.duration, 3))
        yield line


def run_facts(num_tests: int) -> dict[str, Any]:
    """What ran, and on what."""
    return {
        "date": date.today().isoformat(),
        "version": __version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "tests": num_tests,
    }


def read_lines(*paths: Path) -> tuple[dict[str, Any], list[Line]]:
    """The facts of the last run and the lines of all; a later file replaces lines of an earlier.

    Raises:
        ValueError: a file holds something else.
    """
    facts: dict[str, Any] = {}
    lines: dict[tuple[str, str, str], Line] = {}
    for path in paths:
        head, *rest = path.read_text(encoding="utf-8").splitlines()
        facts = json.loads(head)["run"]
        for text in rest:
            line = Line(**json.loads(text))
            lines[line.place] = line
    return facts, [lines[place] for place in sorted(lines)]


def configure(config: pytest.Config) -> None:
    """Registers the mark and the plugin; only the process that hears all workers writes."""
    config.addinivalue_line("markers", MARKER)
    path = None if hasattr(config, "workerinput") else config.getoption("--ledger")
    config.pluginmanager.register(Ledger(path and path.absolute()), "reliability-ledger")


def add_option(parser: pytest.Parser) -> None:
    """Adds `--ledger FILE`."""
    parser.addoption(
        "--ledger",
        type=Path,
        metavar="FILE",
        help="write what was proven for docs/reliability.md as JSON lines",
    )
