"""Every guard that is taken out elsewhere still stands where the list says, exactly once."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from tests.security.guard_mutants import GUARDED, SUITES, Mutant


def test_there_are_forty_and_no_two_are_alike() -> None:
    mutants = [mutant for mutant, _ in GUARDED]
    assert len(mutants) >= 40
    assert len({mutant.name for mutant in mutants}) == len(mutants)
    assert len({(mutant.file, mutant.text) for mutant in mutants}) == len(mutants)


@pytest.mark.parametrize("mutant", [mutant for mutant, _ in GUARDED], ids=lambda each: each.name)
def test_the_guard_stands_where_the_list_says(mutant: Mutant) -> None:
    source = (ROOT / "videosketcher_app" / mutant.file).read_text(encoding="utf-8")
    assert source.count(mutant.text) == 1, "change tests/security/guard_mutants.py with the guard"
    broken = source.replace(mutant.text, mutant.instead)
    compile(broken, mutant.file, "exec")  # what does not parse would be noticed for no reason
    assert broken != source


def test_the_suites_are_there() -> None:
    files = [word for suite in SUITES for word in suite.words if word.endswith(".py")]
    assert files
    assert [file for file in files if not (ROOT / file).is_file()] == []
