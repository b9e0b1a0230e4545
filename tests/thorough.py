"""How many cases a test goes through: a sample in every run, all of them when that is asked for.

    VIDEOSKETCHER_TEST_THOROUGH=1 ./run_linux.sh test --all

Repetitions of one scenario (the hundredth kill, the sixtieth photo) find little that a sample does
not, and take most of the time of a run; docs/reliability.md is to be written from a thorough one.
"""

from __future__ import annotations

import os

IS_THOROUGH = os.environ.get("VIDEOSKETCHER_TEST_THOROUGH") == "1"


def of(count: int, *, sample: int) -> int:
    """`count` cases in a thorough run, otherwise `sample`."""
    assert 0 < sample <= count
    return count if IS_THOROUGH else sample
