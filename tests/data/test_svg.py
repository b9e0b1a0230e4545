from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.clips import clip, drawing, line, small_sketch
from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.data import renderer
from videosketcher_app.data.strokes import Pen, Sketch, Stroke
from videosketcher_app.data.svg import read_svg, svg_text
from videosketcher_app.evaluation.strokes import ink_iou

NAMESPACE = {"svg": "http://www.w3.org/2000/svg"}
coordinate = st.floats(-20, 500, width=32)


@st.composite
def strokes(draw: st.DrawFn) -> Stroke:
    points = draw(st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=12))
    count = len(points)
    times = draw(st.lists(st.floats(0, 80, width=32), min_size=count, max_size=count))
    pressure = draw(st.lists(st.floats(0.25, 2, width=32), min_size=count, max_size=count))
    color = draw(st.tuples(*[st.integers(0, 255)] * 3))
    pen = Pen(
        color=(color[0] / 255, color[1] / 255, color[2] / 255),
        width_px=draw(st.floats(0.5, 20)),
        opacity=draw(st.floats(0.1, 1)),
        nib=draw(st.sampled_from(["round", "chisel"])),
        nib_angle=draw(st.floats(-3, 3)),
    )
    return Stroke(
        points_N2=np.array(points, np.float32),
        times_N=np.sort(np.array(times, np.float32)),
        pressure_N=np.array(pressure, np.float32),
        part=draw(st.integers(0, 3)),
        pen=pen,
    )


@given(st.lists(strokes(), max_size=4), st.lists(st.text(max_size=12), max_size=4))
def test_reading_brings_the_written_sketch_back(drawn: list[Stroke], names: list[str]) -> None:
    sketch = Sketch(strokes=tuple(drawn), part_names=tuple(names))
    again = read_svg(svg_text(sketch, simplify_px=0))
    assert (again.width_px, again.height_px, again.num_frames, again.fps) == (432, 240, 81, 16)
    assert len(again.part_names) == len(names)
    for new, old in zip(again.strokes, sketch.strokes, strict=True):
        np.testing.assert_allclose(new.points_N2, old.points_N2, atol=0.006)
        np.testing.assert_allclose(new.times_N, old.times_N, atol=0.06)
        np.testing.assert_allclose(new.pressure_N, old.pressure_N, atol=0.02)
        np.testing.assert_allclose(new.pen.color, old.pen.color, atol=1e-6)
        assert new.part == old.part
        assert new.pen.width_px == pytest.approx(old.pen.width_px, abs=0.001)
        assert new.pen.opacity == pytest.approx(old.pen.opacity, abs=0.001)
        assert new.pen.nib == old.pen.nib


@pytest.mark.parametrize("concept", ["cat", "bicycle"])
def test_the_read_drawing_replays_like_the_original(concept: str) -> None:
    text = svg_text(drawing(concept).sketch)
    again = renderer.frames(read_svg(text))
    assert len(text) < 60_000
    assert ink_iou(again[-1], clip(concept)[-1]) >= 0.99
    assert ink_iou(again[40], clip(concept)[40]) >= 0.98


def test_the_document_is_deterministic_well_formed_and_names_parts_and_seconds() -> None:
    composition = drawing("cat")
    text = svg_text(composition.sketch, description=str(composition.plan), metadata={"seed": 7})
    assert text == svg_text(
        composition.sketch, description=str(composition.plan), metadata={"seed": 7}
    )
    root = ElementTree.fromstring(text)
    assert root.findtext("svg:desc", namespaces=NAMESPACE) == str(composition.plan)
    assert root.findtext("svg:metadata", namespaces=NAMESPACE) == '{"seed": 7}'
    paths = root.findall(".//svg:path", NAMESPACE)
    assert len(paths) == len(composition.sketch.strokes)
    for path, stroke in zip(paths, composition.sketch.strokes, strict=True):
        assert float(path.get("data-start", "")) == pytest.approx(stroke.start / 16, abs=1e-4)
        assert float(path.get("data-end", "")) == pytest.approx(stroke.end / 16, abs=1e-4)
        name = composition.sketch.part_names[stroke.part]
        assert path.get("data-part") == f"{stroke.part + 1}. {name}"
        assert path.find("svg:animate", NAMESPACE) is not None


def test_key_times_of_the_animation_rise_from_0_to_1() -> None:
    text = svg_text(drawing("cat").sketch)
    for keys, values in re.findall(r'keyTimes="([^"]+)" values="([^"]+)"', text):
        times = [float(key) for key in keys.split(";")]
        assert times == sorted(times)
        assert (times[0], times[-1]) == (0, 1)
        assert len(times) == len(values.split(";"))


def test_a_document_has_no_scripts_and_no_references_to_other_places() -> None:
    text = svg_text(small_sketch(line([(1, 1), (9, 9)], 1, 2)), description="x").casefold()
    assert "<script" not in text
    assert "href" not in text
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]


def test_hostile_words_stay_words() -> None:
    words = '"/><script>alert(1)</script>\x00\x0b&amp;]]>'
    sketch = Sketch(strokes=(line([(1, 1), (9, 9)], 1, 2),), part_names=(words,))
    text = svg_text(sketch, description=words, metadata={"prompt": words})
    root = ElementTree.fromstring(text)
    assert root.find(".//svg:script", NAMESPACE) is None
    assert read_svg(text).part_names[0].startswith('"/><script>')


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not xml",
        "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><path d='M0 0L1 1'/></svg>",
        '<!DOCTYPE x [<!ENTITY a "b">]><svg/>',
        svg_text(small_sketch(line([(1, 1), (9, 9)], 1, 2))).replace('data-end="', 'data-end="x'),
    ],
)
def test_other_files_are_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        read_svg(text)
    assert caught.value.hint
