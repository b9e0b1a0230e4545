"""F13: three hundred stops at random moments, and the next turn correct three hundred times."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.codraw.test_cancels import stop_at_random

pytestmark = pytest.mark.faults


@pytest.mark.row("F13", "stopped turns", cases=300)
def test_three_hundred_stops_leave_the_model_where_the_screen_is(tmp_path: Path) -> None:
    stop_at_random(tmp_path, 300, seed=12)
