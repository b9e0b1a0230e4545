"""The limits of time themselves: a quick work passes, a slow one fails however busy the machine."""

from __future__ import annotations

import pytest

from tests import patience


def test_what_is_quick_is_within_its_limit_without_a_look_at_the_machine(monkeypatch) -> None:
    monkeypatch.setattr(patience, "slowness", lambda: pytest.fail("nothing was to be measured"))
    assert patience.within(0.5, 1.0)


@pytest.mark.parametrize(("slowness", "is_within"), [(1.0, False), (2.0, False), (4.0, True)])
def test_a_busy_machine_gets_as_much_more_as_it_is_slower(monkeypatch, slowness, is_within) -> None:
    monkeypatch.setattr(patience, "slowness", lambda: slowness)
    assert patience.within(3.0, 1.0) is is_within


def test_the_machine_is_measured(monkeypatch) -> None:
    assert patience.slowness() >= 1
    monkeypatch.setattr(patience, "ALONE_S", 1e-6)
    assert patience.slowness() > 1000
