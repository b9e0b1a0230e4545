"""The published table of reliability: every row is in it, and every mark names a row that exists."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest

from scripts.write_reliability import PAGE, counts_of, page, parts_of, state_of
from tests.ledger import Line, catalogue, marks, read_lines, run_facts

ROWS = catalogue()
NAMES = [*(f"T{n}" for n in range(1, 23)), *(f"F{n}" for n in range(1, 25)), "G1"]


def line(row: str, part: str, cases: int, passed: int, suite: str = "tests/a.py") -> Line:
    return Line(id=row, part=part, suite=suite, cases=cases, passed=passed)


def test_the_catalogue_has_every_row_once() -> None:
    assert list(ROWS) == NAMES
    for entry in ROWS.values():
        assert set(entry) <= {"name", "answer", "asks", "missing"}
        assert entry["asks"]
        assert all(ask == "all" or ask > 0 for ask in entry["asks"].values())


def test_every_mark_names_a_part_of_a_row() -> None:
    wrong = [mark for mark in marks() if mark[1] not in ROWS.get(mark[0], {"asks": {}})["asks"]]
    assert wrong == []
    assert len({file for _, _, file in marks()}) >= 50


def test_the_page_names_every_row_in_the_words_of_the_catalogue() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for row, entry in ROWS.items():
        assert f"| {row} | {entry['name']} | {entry['answer']} |" in text, "write the page anew"
        for part, ask in entry["asks"].items():
            asked = ask if ask == "all" else f"{ask:,}"
            assert f"| {row} | {part} | {asked} |" in text, "write the page anew"


def test_the_page_names_only_suites_that_bear_the_mark() -> None:
    named = set()
    for text in PAGE.read_text(encoding="utf-8").splitlines():
        cells = text.strip("| ").split(" | ")
        if len(cells) == 8:
            suites = re.findall(r"\(\.\./(tests/[^)]+)\)", cells[7])
            named |= {(cells[0], cells[1], suite) for suite in suites}
    assert named
    assert named <= set(marks()), "write the page anew: python scripts/write_reliability.py"


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
        (0, 0, "not yet", "bombs: not run yet"),
    ],
)
def test_what_is_missing_is_said(cases: int, passed: int, state: str, lack: str) -> None:
    lines = [line("T8", "bombs", cases, passed)] if cases else []
    proofs = [("T8", "bombs", "tests/a.py")]
    (bombs,) = parts_of(ROWS, lines, proofs)["T8"]
    assert (bombs.state, bombs.lack) == (state, lack)
    assert state_of([bombs]) == state
    assert f"| {state} | {lack}{'.' * bool(lack)} |" in page(ROWS, {}, lines, proofs)


def test_a_part_without_a_test_is_said_to_have_none() -> None:
    (bombs,) = parts_of(ROWS, [])["T8"]
    assert bombs.lack == "bombs: no test yet"
    assert "none yet" in bombs.cells()


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
