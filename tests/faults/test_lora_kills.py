"""A process killed while it imports or merges a LoRA leaves whole files, or none (F6)."""

from __future__ import annotations

import json
import sys

import pytest

from tests.conftest import ROOT

CODE = "import runpy, sys; runpy.run_module(sys.argv.pop(1), run_name='__main__')"
MODEL_FILES = 5

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform == "win32", reason="victims are forks"),
]


@pytest.mark.row("F6", "kills of an import or a merge")
def test_kills_at_every_point_leave_whole_files_or_none(run_python, tmp_path, ledger):
    done = run_python(CODE, "tests.faults.lora_victims", str(tmp_path), cwd=ROOT, timeout=850)
    assert done.returncode == 0, done.stderr
    reference, *cases = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(cases) == len(reference["points"]) >= 15
    assert {"atomic.opened", "folder.filled"} <= set(reference["points"])
    for case in cases:
        assert case["killed"], case
        assert case["flaws"] == [], case
        assert len(case["whole"]) in (0, MODEL_FILES), case
        assert case["base"] == reference["base"], case
        assert case["after"] == reference["after"], case
    ledger("F6", cases=len(cases))
