"""The brush of a request: from the shelf, from a picture, or a plain line; nothing else exists."""

from __future__ import annotations

import json

import pytest

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.requests import BrushSpec, SketchRequest, parse_request_json

NAN = float("nan")
BAD = [
    ({}, "needs a name, an image or a color"),
    ({"name": "marker_blue", "image": "a.png"}, "not from both"),
    ({"name": ""}, "name"),
    ({"name": "a\nb"}, "line breaks"),
    ({"image": "a\x00b"}, "control characters"),
    ({"color": "red"}, "#1d3fa6"),
    ({"color": "#12345"}, "#1d3fa6"),
    ({"color": "#1d3fa6\n"}, "#1d3fa6"),
    ({"color": "#ffffff", "width_px": 0}, "width_px"),
    ({"color": "#ffffff", "width_px": 1e308}, "width_px"),
    ({"color": "#ffffff", "width_px": NAN}, "width_px"),
    ({"color": "#ffffff", "show_box": "yes"}, "show_box"),
    ({"nib": "round"}, "no field 'nib'"),
]


@pytest.mark.parametrize(("values", "told"), BAD, ids=range(len(BAD)))
def test_impossible_brush_is_refused_in_one_sentence(values, told):
    for build in (lambda: BrushSpec(**values), lambda: SketchRequest(prompt="a", brush=values)):
        with pytest.raises(InvalidRequest) as caught:
            build()
        assert told in caught.value.message
        assert caught.value.hint


def test_brush_survives_json_and_is_lower_case():
    request = SketchRequest(
        prompt="a cat", brush=BrushSpec(name="marker_blue", color="#AABBCC", width_px=5)
    )
    text = json.dumps(request.to_mapping())
    again = SketchRequest.from_mapping(parse_request_json(text))
    assert again == request
    assert again.brush.color == "#aabbcc"
    assert request.replaced(seed=3).brush == request.brush


def test_a_text_request_says_nothing_of_a_brush():
    assert "brush" not in SketchRequest(prompt="a cat").to_mapping()
