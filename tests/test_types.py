"""The types that the package declares agree with each other, as pyright sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_types_agree() -> None:
    stubs = sorted(path.name for path in ROOT.glob("videosketcher_app/**/*.pyi"))
    assert not stubs, f"Gradio left stubs, which hide what the modules say; delete them: {stubs}"
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.stdout.startswith("{"), f"pyright did not run: {run.stderr[-2000:]}"
    report = json.loads(run.stdout)
    wrong = [
        f"{Path(d['file']).name}:{d['range']['start']['line'] + 1}: {d['message']}"
        for d in report["generalDiagnostics"]
        if d["severity"] == "error"
    ]
    assert report["summary"]["filesAnalyzed"] > 300
    assert not wrong, "\n".join(wrong)
