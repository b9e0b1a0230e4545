from __future__ import annotations

import json

import numpy as np
import pytest

from tests.data.clips import drawing
from videosketcher_app.core.errors import AppError, InvalidFile
from videosketcher_app.data.ingest.drawings import IngestedDrawing
from videosketcher_app.data.ingest.stroke_files import read_stroke_file
from videosketcher_app.data.stroke_values import values_of


def only(text: str) -> IngestedDrawing:
    ((place, found),) = read_stroke_file(text)
    assert place == ""
    assert isinstance(found, IngestedDrawing)
    return found


def test_our_own_strokes_come_back_exactly() -> None:
    sketch = drawing("cat").sketch
    values = {"width": 432, "height": 240, "strokes": [values_of(s) for s in sketch.strokes]}
    found = only(json.dumps({**values, "caption": "a cat"}))
    assert (found.width, found.height, found.caption) == (432, 240, "a cat")
    for a, b in zip(found.strokes, sketch.strokes, strict=True):
        np.testing.assert_array_equal(a.points_N2, b.points_N2)
        np.testing.assert_array_equal(a.times_N, b.times_N)
        assert (a.part, a.pen) == (b.part, b.pen)


def test_a_bare_list_gets_a_canvas_and_a_pace() -> None:
    found = only('[{"points": [[-50, 10], [50, 10]]}, {"points": [[0, 0], [0, 60]]}]')
    first, second = found.strokes
    assert first.points_N2.min() >= 0
    assert found.width > found.height
    assert first.start < first.end < second.start


def test_rates_other_than_ours_are_brought_to_it() -> None:
    found = only(
        '{"fps": 32, "width": 64, "height": 64, "strokes": [{"points": [[1, 1, 0], [9, 9, 64]]}]}'
    )
    assert found.strokes[0].end == 32


def test_a_script_of_turns_gives_what_the_person_draws() -> None:
    turns = [
        {"draw": [[[1, 1, 0], [40, 40, 1]]]},
        {"generate": 24},
        {"draw": [{"points": [[9, 2, 2]]}]},
    ]
    found = only(json.dumps({"concept": "a cat", "turns": turns}))
    assert [len(s.points_N2) for s in found.strokes] == [2, 1]
    assert found.strokes[0].end == 16


def test_quick_draw_lists_give_a_drawing_a_line_and_name_the_bad_ones() -> None:
    simple = {"word": "cat", "drawing": [[[0, 128, 255], [0, 60, 9]], [[3, 4], [3, 4]]]}
    raw = {"word": "sun", "drawing": [[[100.5, 900], [50, 700], [0, 1000]]]}
    bad = {"word": "bad", "drawing": [[[1, 2], [3]]]}
    text = "\n".join(json.dumps(v) for v in (simple, raw, bad)) + "\nnonsense\n"
    first, second, third, fourth = read_stroke_file(text)
    assert [place for place, _ in (first, second, third, fourth)] == [
        "line 1",
        "line 2",
        "line 3",
        "line 4",
    ]
    assert isinstance(first[1], IngestedDrawing)
    assert (first[1].width, first[1].height, first[1].caption) == (256, 256, "cat")
    assert isinstance(second[1], IngestedDrawing)
    assert second[1].strokes[0].end == pytest.approx(16)
    for _, found in (third, fourth):
        assert isinstance(found, AppError)
        assert found.hint


BAD = {
    "nothing": "",
    "words": "hello\nworld",
    "cut": '{"strokes": [',
    "a number": "3",
    "no strokes": "{}",
    "empty": '{"strokes": []}',
    "no points": '{"strokes": [{"points": []}]}',
    "not a number": '{"strokes": [{"points": [[NaN, 1], [2, 2]]}]}',
    "no canvas": '{"width": 1e9, "height": 1, "strokes": [{"points": [[1, 1]]}]}',
    "outside": '{"width": 64, "height": 64, "strokes": [{"points": [[900, 900], [901, 900]]}]}',
    "deep": "[" * 100_000,
    "turns": '{"turns": 3}',
    "drawing": '{"drawing": [[]]}',
}


@pytest.mark.parametrize("name", BAD)
def test_what_holds_no_strokes_says_so(name: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        list(read_stroke_file(BAD[name]))
    assert caught.value.hint
