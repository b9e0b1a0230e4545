"""`bench text` where PyAV is missing: frames can be measured, files cannot."""

from __future__ import annotations

import json

# `sys.modules[name] = None` makes every import of the package fail, as if it were not installed.
WITHOUT_AV = """
import sys
sys.modules["av"] = None
from videosketcher_app.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
BENCH = ("bench", "text", "--model", "tiny", "--device", "cpu", "--runs", "1")


def test_frames_are_measured_without_the_video_library(run_python):
    done = run_python(WITHOUT_AV, *BENCH, "--frames-only")
    assert done.returncode == 0, done.stderr
    (row,) = map(json.loads, done.stdout.splitlines())
    assert row["what"] == "warm sketch, frames only"
    assert row["writes_files"] is False
    assert row["frames"] == 81
    assert 0 < row["seconds_to_first_preview"]["median"] <= row["seconds"]["median"]


def test_files_are_refused_in_one_sentence_before_anything_is_drawn(run_python):
    done = run_python(WITHOUT_AV, *BENCH)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.strip().splitlines() == [
        "error: Videos cannot be read or written: the package av (PyAV) is missing. "
        "Install it: pip install av."
    ]


def test_with_the_library_the_files_are_part_of_it(run_python):
    done = run_python(
        "from benchmarks import text; import json, sys\n"
        "print(json.dumps(list(text.measure(model='tiny', device='cpu', runs=1, cold=False))))"
    )
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["what"], row["writes_files"]) == ("warm sketch", True)
