"""Sketchbooks on the disk: the format, clips that fill their frames, and damage that is named."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from videosketcher_app.core.errors import AppError, InvalidFile
from videosketcher_app.data import renderer
from videosketcher_app.data.filling import LAST_INK_SHARE, filled, fitted
from videosketcher_app.data.grammar.primitives import compose_primitives
from videosketcher_app.data.sketchbook_index import Index, IndexRow, read_index, write_index
from videosketcher_app.data.sketchbooks import BookSketch, read_sketchbook, write_sketch
from videosketcher_app.data.strokes import Pen, Sketch, Stroke


@dataclass(frozen=True)
class Canvas:
    width: int = 96
    height: int = 54


def line(*points, start=0.0, end=8.0, width=3.0) -> Stroke:
    count = len(points)
    return Stroke(
        points_N2=np.array(points, np.float32),
        times_N=np.linspace(start, end, count, dtype=np.float32),
        pressure_N=np.ones(count, np.float32),
        pen=Pen(width_px=width),
    )


def drawing(seed: int = 0, sketch_id: str = "a1") -> BookSketch:
    strokes = compose_primitives(np.random.default_rng(seed)).sketch.strokes
    return BookSketch(sketch_id, "a cat", 432, 240, strokes, "drawn")


def write_book(folder, *sketches: BookSketch) -> None:
    for sketch in sketches:
        write_sketch(folder, sketch)
    rows = tuple(
        IndexRow(id=s.id, caption=s.caption, width=s.width, height=s.height, origin=s.origin)
        for s in sketches
    )
    write_index(folder, Index(name=folder.name, created="", rows=rows))


def test_a_book_comes_back_as_it_was(tmp_path):
    book = (
        drawing(1, "one"),
        replace(drawing(2, "zwei"), caption='مرحبا, 猫\n👩‍🎨 "q"', origin="svg"),
    )
    write_book(tmp_path, *book)
    found = read_sketchbook(tmp_path)
    assert [s.id for s in found] == ["one", "zwei"]
    assert [s.caption for s in found] == [s.caption for s in book]
    for one, other in zip(found, book, strict=True):
        assert np.array_equal(renderer.picture(one.sketch), renderer.picture(other.sketch))
        assert one.seconds == other.seconds > 0


def test_a_clip_is_filled_by_its_drawing():
    clip = drawing(3).clip(Canvas(), 41)
    assert clip.shape == (41, 54, 96, 3)
    assert clip.dtype == np.uint8
    ink_T = (255 - clip.astype(int)).sum((1, 2, 3))
    assert ink_T[0] == 0
    assert ink_T[2] > 0
    assert (np.diff(ink_T) >= 0).all()
    last = int(np.ceil(LAST_INK_SHARE * 40))
    assert ink_T[last - 3] < ink_T[last] == ink_T[-1]


def test_nothing_is_stretched_and_nothing_is_cut_on_another_canvas():
    square = BookSketch(
        "s", "x", 100, 100, (line((0, 0), (100, 0), (100, 100), (0, 100)),), "drawn"
    )
    moved = fitted(square.sketch, Canvas(96, 48))
    points = moved.strokes[0].points_N2
    assert np.allclose(points.min(0), (24, 0))
    assert np.allclose(points.max(0), (72, 48))
    assert moved.strokes[0].pen.width_px == pytest.approx(3 * 0.48)


def test_long_pauses_are_shortened_and_the_order_stays():
    strokes = (line((0, 0), (50, 0), end=10), line((0, 50), (50, 50), start=1610, end=1620))
    done = filled(Sketch(strokes=strokes, width_px=100, height_px=100), 81)
    first, second = done.strokes
    assert first.start == 1.0
    assert second.end == pytest.approx(LAST_INK_SHARE * 80)
    assert 0 < second.start - first.end < 0.4 * (second.end - first.start)


def test_strokes_without_times_are_drawn_one_after_the_other():
    still = [line((0, y), (90, y), end=0) for y in (10, 30, 50)]
    done = filled(Sketch(strokes=tuple(still), width_px=100, height_px=100), 81)
    spans = [(s.start, s.end) for s in done.strokes]
    assert all(b > a for a, b in spans)
    assert spans == sorted(spans)
    lengths = [b - a for a, b in spans]
    assert max(lengths) == pytest.approx(min(lengths), rel=1e-3)
    dots = [line((x, 5), end=0) for x in (10, 20)]
    dotted = filled(Sketch(strokes=tuple(dots), width_px=100, height_px=100), 9)
    assert dotted.strokes[0].start < dotted.strokes[1].start <= 8


def test_an_index_that_is_read_and_written_keeps_its_bytes(tmp_path):
    write_book(tmp_path, drawing())
    before = (tmp_path / "dataset.json").read_bytes()
    write_index(tmp_path, read_index(tmp_path))
    assert (tmp_path / "dataset.json").read_bytes() == before


ROW = {"id": "a1", "caption": "a cat", "width": 432, "height": 240, "origin": "drawn"}
BAD_INDEXES = {
    "no JSON": ("{", "not JSON"),
    "a list": ("[]", "no JSON object"),
    "another format": ({"format": 2, "sketches": []}, "field 'format'"),
    "no list": ({"format": 1}, "field 'sketches'"),
    "no object": ({"format": 1, "sketches": [3]}, "Sketch 1"),
    "twice": ({"format": 1, "sketches": [ROW, ROW]}, "Sketch 2, field 'id'"),
    "too deep": ("[" * 100_000, "JSON"),
    **{
        f"{field} {value!r}": (
            {"format": 1, "sketches": [ROW | {field: value}]},
            rf"Sketch 1.*field '{field}'",
        )
        for field, values in {
            "id": (None, "", "../a", "a/b", 7, "."),
            "caption": (7, "x" * 5000),
            "width": (0, 7, 1e9, 431.5, "432", None, float("nan"), True),
            "height": (0, -3, None),
            "origin": ("dream", None, []),
            "seconds": (-1, "1", float("inf")),
        }.items()
        for value in values
    },
}


@pytest.mark.parametrize("name", BAD_INDEXES)
def test_a_damaged_list_names_sketch_and_field(tmp_path, name):
    content, told = BAD_INDEXES[name]
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(InvalidFile, match=told) as caught:
        read_sketchbook(tmp_path)
    assert caught.value.hint


BAD_SKETCHES = {
    "no JSON": ("{", "sketch a1.*not JSON"),
    "another format": ({"format": 9}, "Sketch a1, field 'format'"),
    "no strokes": ({"strokes": []}, "Sketch a1, field 'strokes'"),
    "too many": ({"strokes": [0] * 6000}, "6,000 strokes"),
    "another size": ({"width": 400}, "Sketch a1, field 'width'"),
    "no stroke": ({"strokes": [7]}, "Sketch a1, stroke 1"),
    "far away": ({"strokes": [{"points": [[5000, 0]]}]}, "stroke 1, field 'points'"),
    "far too wide": ({"strokes": [{"points": [[0, 0]], "width": 200}]}, "field 'width'"),
    "endless": (
        {"strokes": [{"points": [[0, 0], [800, 0]] * 300}]},
        "stroke 1, field 'points': the line is",
    ),
    "all ink": (
        {"strokes": [{"points": [[0, 0], [400, 200]] * 50, "width": 30}] * 10},
        "Sketch a1 covers its canvas 128 times",
    ),
    "wrong rate": ({"fps": 0}, "Sketch a1, field 'fps'"),
}


@pytest.mark.parametrize("name", BAD_SKETCHES)
def test_a_damaged_sketch_names_stroke_and_field(tmp_path, name):
    write_book(tmp_path, drawing())
    content, told = BAD_SKETCHES[name]
    file = tmp_path / "sketches" / "a1.json"
    if not isinstance(content, str):
        content = json.dumps(json.loads(file.read_text()) | content)
    file.write_text(content)
    with pytest.raises(InvalidFile, match=told) as caught:
        read_sketchbook(tmp_path)
    assert caught.value.hint


def test_any_cut_of_a_file_is_an_error_and_no_crash(tmp_path):
    write_book(tmp_path, drawing())
    for file in (tmp_path / "dataset.json", tmp_path / "sketches" / "a1.json"):
        whole = file.read_bytes()
        for size in np.linspace(0, len(whole) - 3, 25).astype(int):
            file.write_bytes(whole[:size])
            with pytest.raises(AppError):
                read_sketchbook(tmp_path)
        file.write_bytes(whole)
    assert len(read_sketchbook(tmp_path)) == 1


def test_times_at_another_rate_are_read_as_seconds(tmp_path):
    write_book(tmp_path, BookSketch("a1", "x", 100, 100, (line((0, 0), (9, 9), end=30),), "drawn"))
    file = tmp_path / "sketches" / "a1.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"fps": 30}))
    assert read_sketchbook(tmp_path)[0].seconds == pytest.approx(1.0)
