"""What the player is given, and what Python reads from its event."""

from __future__ import annotations

import pytest

from tests.services.drawings import published
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.ui.components.player import Player, Retiming


def test_a_saved_drawing_is_shown_with_its_parts(tmp_path):
    saved = published(tmp_path)
    value = Player.value_of(saved)
    assert value["video"] == str(saved.files["mp4"])
    assert (value["fps"], value["frames"]) == (16, 81)
    assert value["parts"][0]["start_s"] == 0
    assert value["parts"][-1]["end_s"] == pytest.approx(81 / 16)
    assert [part["name"] for part in value["parts"]] == [span.name for span in saved.timeline]
    assert value["title"] == saved.planned.plan.concept


def test_a_new_order_and_pace_is_read():
    told = {"order": [1, 0], "seconds": [1, 0.5], "hold_s": 0}
    assert Player.retiming(told, 2) == Retiming(order=(1, 0), seconds=(1.0, 0.5), hold_s=0.0)


@pytest.mark.parametrize(
    "change",
    [
        {"order": [0, 0]},
        {"order": [0]},
        {"order": [0, 2]},
        {"order": [True, False]},
        {"order": "01"},
        {"seconds": [1]},
        {"seconds": [1, 0]},
        {"seconds": [1, -1]},
        {"seconds": [1, float("nan")]},
        {"seconds": [1, "2"]},
        {"seconds": [1, 1e9]},
        {"hold_s": -1},
        {"hold_s": 1e9},
        {"hold_s": None},
        {"hold_s": True},
    ],
)
def test_a_retiming_that_does_not_fit_is_refused(change):
    with pytest.raises(InvalidRequest, match="does not fit"):
        Player.retiming({"order": [1, 0], "seconds": [1, 1], "hold_s": 0, **change}, 2)


@pytest.mark.parametrize("data", [None, [], "x", {}, {"order": []}])
def test_what_is_no_retiming_is_refused(data):
    with pytest.raises(InvalidRequest, match="does not fit"):
        Player.retiming(data, 2)
