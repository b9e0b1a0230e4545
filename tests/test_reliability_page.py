"""The published table of reliability: every row is in it, and every mark names a row that exists."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from scripts.write_reliability import PAGE, counts_of, page, parts_of, state_of
from tests.conftest import ROOT
from tests.ledger import Line, catalogue, read_lines, run_facts

ROWS = catalogue()
NAMES = [*(f"T{n}" for n in range(1, 23)), *(f"F{n}" for n in range(1, 25)), "G1"]


def marks() -> Iterator[tuple[Path, str, str]]:
    """Every mark `row` in the tests: the file, the row and the part that it names."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "mark.row(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.row":
                row, part = (ast.literal_eval(word) for word in node.args)
                yield path.relative_to(ROOT), row, part


def line(row: str, part: str, cases: int, passed: int, suite: str = "tests/a.py") -> Line:
    return Line(id=row, part=part, suite=suite, cases=cases, passed=passed)


def test_the_catalogue_has_every_row_once() -> None:
    assert list(ROWS) == NAMES
    for entry in ROWS.values():
        assert set(entry) <= {"name", "answer", "asks", "missing"}
        assert entry["asks"]
        assert all(ask == "all" or ask > 0 for ask in entry["asks"].values())


def test_every_mark_names_a_part_of_a_row() -> None:
    found = list(marks())
    wrong = [(str(path), row, part) for path, row, part in found if part not in _parts(row)]
    assert wrong == []
    assert len({path for path, _, _ in found}) >= 30


def _parts(row: str) -> list[str]:
    return list(ROWS.get(row, {"asks": {}})["asks"])


def test_the_page_names_every_row_in_the_words_of_the_catalogue() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for row, entry in ROWS.items():
        assert f"| {row} | {entry['name']} | {entry['answer']} |" in text, "write the page anew"
        for part, ask in entry["asks"].items():
            asked = ask if ask == "all" else f"{ask:,}"
            assert f"| {row} | {part} | {asked} |" in text, "write the page anew"


def test_the_page_names_only_suites_that_bear_the_mark() -> None:
    proven = {(row, part, path.as_posix()) for path, row, part in marks()}
    for text in PAGE.read_text(encoding="utf-8").splitlines():
        cells = text.strip("| ").split(" | ")
        if len(cells) == 8:
            for suite in re.findall(r"\(\.\./(tests/[^)]+)\)", cells[7]):
                assert (cells[0], cells[1], suite) in proven, "write the page anew"


def test_the_same_lines_make_the_same_page(tmp_path: Path) -> None:
    lines = [line("T1", part, 800, 800) for part in ROWS["T1"]["asks"]]
    file = tmp_path / "lines.jsonl"
    rows = [{"run": run_facts(7)}, *map(asdict, lines)]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    text = page(ROWS, *read_lines(file))
    assert text == page(ROWS, *read_lines(file)) == page(ROWS, *read_lines(file, file))
    slower = [Line(**{**asdict(each), "worst_s": 3.0}) for each in lines]
    assert counts_of(page(ROWS, run_facts(8), slower)) == counts_of(text)
    assert counts_of(page(ROWS, run_facts(7), lines[:1])) != counts_of(text)


@pytest.mark.parametrize(
    ("cases", "passed", "state", "lack"),
    [
        (60, 60, "reached", ""),
        (59, 59, "short", "bombs: 59 of 60"),
        (70, 69, "failed", "bombs: 1 of 70 failed"),
        (0, 0, "not yet", "bombs: no test yet"),
    ],
)
def test_what_is_missing_is_said(cases: int, passed: int, state: str, lack: str) -> None:
    lines = [line("T8", "bombs", cases, passed)] if cases else []
    (bombs,) = parts_of(ROWS, lines)["T8"]
    assert (bombs.state, bombs.lack) == (state, lack)
    assert state_of([bombs]) == state
    assert f"| {state} | {lack}{'.' * bool(lack)} |" in page(ROWS, {}, lines)


def test_suites_add_up_and_a_later_run_replaces_a_suite(tmp_path: Path) -> None:
    files = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    runs = (
        [line("T8", "bombs", 50, 40), line("T8", "bombs", 10, 10, "tests/b.py")],
        [line("T8", "bombs", 50, 50)],
    )
    for file, lines in zip(files, runs, strict=True):
        rows = [{"run": run_facts(1)}, *map(asdict, lines)]
        file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    _, lines = read_lines(*files)
    (bombs,) = parts_of(ROWS, lines)["T8"]
    assert (bombs.cases, bombs.passed, bombs.state) == (60, 60, "reached")
