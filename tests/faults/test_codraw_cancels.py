"""F13: stops at random moments, three hundred in a thorough run, and every next turn correct."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import thorough
from tests.services.codraw.test_cancels import stop_at_random

STOPS = thorough.of(300, sample=60)

pytestmark = pytest.mark.faults


@pytest.mark.row("F13", "stopped turns", cases=STOPS)
def test_stops_leave_the_model_where_the_screen_is(tmp_path: Path) -> None:
    stop_at_random(tmp_path, STOPS, seed=12)
