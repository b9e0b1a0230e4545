"""Fault points do nothing in the product and exactly what a test arms in a test."""

from __future__ import annotations

import pytest

from videosketcher_app.core import faults
from videosketcher_app.core.errors import Interrupted


def test_an_unarmed_point_does_nothing() -> None:
    faults.point("nobody.armed")
    assert faults.armed_names() == frozenset()


def test_an_armed_point_fires_after_the_skipped_passes_and_counts_all() -> None:
    with faults.armed("a", skip=2) as record:
        faults.point("a")
        faults.point("other")
        faults.point("a")
        with pytest.raises(Interrupted):
            faults.point("a")
        assert faults.armed_names() == {"a"}
    assert record.hits == 3
    faults.point("a")
    assert record.hits == 3


def test_a_point_is_disarmed_when_the_block_raises() -> None:
    with pytest.raises(KeyError), faults.armed("a"):
        raise KeyError
    assert not faults.armed_names()


def test_a_trace_lists_points_in_order() -> None:
    with faults.traced() as outer, faults.traced() as inner:
        faults.point("b")
        faults.point("a")
    faults.point("c")
    assert outer == inner == ["b", "a"]
