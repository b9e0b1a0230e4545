"""What pages say is understood; anything else is one kind of error."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from videosketcher_app.core.requests import CoDrawRequest
from videosketcher_app.ui.codraw import messages as say

STROKE = {
    "kind": "pts",
    "stroke": 1,
    "tool": "pen",
    "color": "#000000",
    "size": 2.5,
    "points": [[1.5, 2, 0.03, 1]],
    "end": False,
}


def test_points_are_read_as_they_were_drawn():
    message = say.read_message(json.dumps(STROKE))
    assert isinstance(message, say.Points)
    assert message.points == [(1.5, 2.0, 0.03, 1.0)]


@pytest.mark.parametrize(
    "changes",
    [
        {"stroke": 0},
        {"stroke": "one"},
        {"tool": "bomb"},
        {"color": "red"},
        {"color": "#00000g"},
        {"size": 0},
        {"size": 1e9},
        {"points": [[1, 2, 3]]},
        {"points": [[1, 2, -3, 1]]},
        {"points": [[1, 2, 3, 9]]},
        {"points": [[1e9, 2, 3, 1]]},
        {"points": [[float("nan"), 2, 3, 1]]},
        {"points": [[float("inf"), 2, 3, 1]]},
        {"points": [[1, 2, 3, 1]] * (say.MAX_POINTS + 1)},
        {"points": {"x": 1}},
        {"more": 1},
        {"kind": "nothing"},
        {"kind": None},
    ],
)
def test_other_values_are_refused(changes):
    with pytest.raises(say.BadMessage):
        say.read_message(json.dumps({**STROKE, **changes}))


def test_a_mode_of_speed_is_one_that_a_session_can_have():
    modes = get_args(CoDrawRequest.model_fields["mode"].annotation)
    assert get_args(say.Mode) == modes
    for mode in modes:
        assert say.message_of({"kind": "start", "mode": mode}) == say.Start(kind="start", mode=mode)
        told = say.message_of({"kind": "settings", "mode": mode})
        assert told == say.Settings(kind="settings", mode=mode)
    for other in ("quick", "", 1):
        for kind in ("start", "settings"):
            with pytest.raises(say.BadMessage):
                say.message_of({"kind": kind, "mode": other})


@pytest.mark.parametrize(
    "text", ["", "null", "3", "[]", "{", '"x"', "[" * 30_000, "\x00", '{"kind": ["go"]}', "\ud800"]
)
def test_what_is_no_message_is_refused(text):
    with pytest.raises(say.BadMessage):
        say.read_message(text)


def test_messages_have_a_length_and_pictures_a_larger_one():
    words = {"kind": "words", "concept": "x" * say.MAX_TEXT_BYTES}
    with pytest.raises(say.TooLong):
        say.read_message(json.dumps(words))
    picture = {"kind": "background", "picture": "x" * 100_000}
    assert isinstance(say.read_message(json.dumps(picture, separators=(",", ":"))), say.Background)
    picture["picture"] = "x" * say.MAX_CANVAS_BYTES
    with pytest.raises(say.TooLong):
        say.read_message(json.dumps(picture, separators=(",", ":")))
