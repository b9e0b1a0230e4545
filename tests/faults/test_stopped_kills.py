"""A kill while a stopped sketch is kept leaves what was there, and nothing half-written."""

from __future__ import annotations

import json
import sys

import pytest

from tests.conftest import ROOT

CODE = "import runpy, sys; runpy.run_module(sys.argv.pop(1), run_name='__main__')"

pytestmark = [
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="victims are forks"),
]


def test_kills_while_a_stopped_sketch_is_kept(run_python, tmp_path):
    done = run_python(CODE, "tests.faults.stopped_victims", str(tmp_path), cwd=ROOT, timeout=550)
    assert done.returncode == 0, done.stderr
    reference, *cases = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(cases) == 5
    for case in cases:
        assert case["killed"], case
        assert "failed" not in case, (case, done.stderr)
        assert case["inconsistent"] == case["leftovers"] == [], case
        assert case["whole"] == case["again"] == reference["whole"], case
        assert case["stopped"] in (None, reference["stopped"]), case
        assert case["interrupted"] == (case["stopped"] is None), case
        assert case["still_interrupted"] == 0, case
    assert any(case["stopped"] is None for case in cases)
    assert any(case["stopped"] is not None for case in cases)
