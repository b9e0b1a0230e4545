"""Breaks each guard once, on a copy: a guard whose removal nothing notices is not tested."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import thorough
from tests.security.guard_mutants import GUARDED, SUITES

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.security, pytest.mark.slow]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("videosketcher_app", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def passes(folder, suite):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *suite.words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode == 0


def test_the_copy_is_what_is_tried(copy):
    code = "import videosketcher_app; print(videosketcher_app.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(copy))


@pytest.mark.parametrize("suite", SUITES, ids=lambda each: each.words[-1])
def test_whole_guards_pass(copy, suite):
    assert passes(copy, suite)


TAKEN = GUARDED if thorough.IS_THOROUGH else GUARDED[::6]  # each takes seconds


@pytest.mark.row("G1", "guards taken out")
@pytest.mark.parametrize(
    ("mutant", "suite"), TAKEN, ids=[mutant.name.replace(" ", "-") for mutant, _ in TAKEN]
)
def test_every_broken_guard_is_noticed(copy, mutant, suite):
    path = copy / "videosketcher_app" / mutant.file
    whole = path.read_text(encoding="utf-8")
    assert whole.count(mutant.text) == 1, "the list of mutants is out of date"
    path.write_text(whole.replace(mutant.text, mutant.instead), encoding="utf-8")
    try:
        assert not passes(copy, suite)
    finally:
        path.write_text(whole, encoding="utf-8")
