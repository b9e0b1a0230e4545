"""The sketchbook of the Train tab: every press becomes a change on the disk, or a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from videosketcher_app.core.settings import load_settings
from videosketcher_app.data.strokes import Pen, Sketch, Stroke
from videosketcher_app.data.svg import svg_text
from videosketcher_app.services.container import build
from videosketcher_app.services.ingest import Ingest
from videosketcher_app.ui.tabs.train import book
from videosketcher_app.ui.tabs.train.book import answered
from videosketcher_app.ui.tabs.train.book_view import Question, question_of
from videosketcher_app.ui.tabs.train.bring import brought

HOSTILE = "<img src=x onerror=alert(1)>"
LINE = {"points": [[40, 40, 0, 1], [200, 120, 8, 1]], "color": "#24557f", "width": 3.0}
ARC = {"points": [[60, 200, 12, 1], [90, 150, 16, 0.5], [140, 200, 20, 1]], "color": "#000000"}
DRAWING = {"width": 432, "height": 240, "strokes": [LINE, ARC]}


@pytest.fixture
def books(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as services:
        yield services.sketchbooks


def asked(books, act, number=1, book_name="", **values):
    return answered(books, act, Question(number=number, book=book_name, values=values))


@pytest.fixture
def two(books):
    """A sketchbook "ink" with two sketches, and their ids."""
    books.create("ink")
    asked(books, book._keep, book_name="ink", **DRAWING)
    value = asked(books, book._keep, book_name="ink", **DRAWING)
    return [sketch["id"] for sketch in value["sketches"]]


def test_the_first_drawing_begins_a_sketchbook_and_keeps_strokes_with_their_timing(books):
    value = asked(books, book._keep, number=7, **DRAWING)
    assert value["ok"]
    assert value["answered"] == 7
    assert value["book"] == "My sketches"
    assert value["books"] == ["My sketches"]
    (sketch,) = value["sketches"]
    assert sketch["picture"].startswith("data:image/jpeg;base64,")
    assert sketch["about"] == "drawn here"
    kept = books.sketch("My sketches", sketch["id"])
    assert (kept.width, kept.height) == (432, 240)
    np.testing.assert_allclose(kept.strokes[1].times_N, [12, 16, 20])
    assert kept.strokes[0].pen.width_px == 3.0


@pytest.mark.parametrize(
    "changes",
    [
        {"strokes": []},
        {"strokes": None},
        {"strokes": [{"points": [["a", "b", "c", "d"]]}]},
        {"strokes": [{"points": [[1, 2, float("nan"), 1]]}]},
        {"strokes": [LINE] * 6000},
        {"width": 10**9},
        {"height": "tall"},
        {"width": True},
    ],
)
def test_what_is_no_drawing_gets_a_sentence_and_leaves_no_sketch(books, changes):
    value = asked(books, book._keep, number=3, **{**DRAWING, **changes})
    assert not value["ok"]
    assert value["answered"] == 3
    assert value["words"]
    assert not value["sketches"]


@pytest.mark.parametrize("name", ["", "a/b", "..", "con", "x" * 400, "a\0b", 7, None])
def test_a_bad_name_begins_nothing(books, name):
    value = asked(books, book._create, name=name)
    assert not value["ok"]
    assert value["words"]
    assert value["books"] == []


def test_a_name_of_any_script_works_and_comes_back_as_text(books):
    for name in ("мои рисунки", "絵", "my ink's"):
        value = asked(books, book._create, name=f"  {name} ")
        assert value["book"] == name
    assert len(value["books"]) == 3
    assert not asked(books, book._create, name="絵")["ok"]


def test_captions_are_kept_as_written_and_plans_follow_the_strokes(books, two):
    value = asked(books, book._caption, book_name="ink", id=two[0], text=HOSTILE)
    assert value["sketches"][0]["caption"] == HOSTILE
    value = asked(books, book._suggest, book_name="ink", id=two[1], concept="a cat")
    assert value["sketches"][1]["caption"].startswith("Step by step sketch process of a cat")
    assert not asked(books, book._suggest, book_name="ink", id=two[1], concept="")["ok"]


def test_sketches_move_and_go(books, two):
    value = asked(books, book._move, book_name="ink", id=two[1], index=0)
    assert [sketch["id"] for sketch in value["sketches"]] == two[::-1]
    value = asked(books, book._drop, book_name="ink", id=two[1])
    assert [sketch["id"] for sketch in value["sketches"]] == two[:1]
    value = asked(books, book._forget, book_name="ink")
    assert value["books"] == []


@pytest.mark.parametrize("act", [book._caption, book._suggest, book._move, book._drop])
def test_a_sketch_that_is_gone_is_said(books, two, act):
    value = asked(books, act, book_name="ink", id="00000000", text="a", concept="a", index=0)
    assert not value["ok"]
    assert len(value["sketches"]) == 2


def test_a_damaged_sketchbook_is_shown_with_its_flaw_and_others_work(books, two):
    books.create("pencil")
    (books.folder / "pencil" / "dataset.json").write_text("{", "utf-8")
    value = asked(books, book._open, name="pencil")
    assert not value["ok"]
    assert "pencil" in value["words"]
    assert asked(books, book._open, name="ink")["ok"]


def test_a_picture_that_is_gone_is_drawn_again(books, two):
    books.book("ink").sketches[0].picture.unlink()
    value = asked(books, book._look, book_name="ink")
    assert value["sketches"][0]["picture"].startswith("data:image/jpeg")


@pytest.mark.parametrize(
    "data", [None, [], "x", {}, {"number": "1", "book": 5}, {"number": True, "book": "x" * 200_000}]
)
def test_what_no_page_of_ours_sends_is_no_question(books, data):
    question = question_of(data)
    assert (question.number, question.book) == (0, "")
    assert not answered(books, book._caption, question)["ok"]


def test_files_are_brought_with_a_line_on_each(books, tmp_path):
    stroke = Stroke(
        points_N2=np.array([[10, 10], [100, 90]], np.float32),
        times_N=np.array([0, 10], np.float32),
        pressure_N=np.ones(2, np.float32),
        pen=Pen(width_px=3),
    )
    good = tmp_path / "cat.svg"
    good.write_text(svg_text(Sketch(strokes=(stroke,), num_frames=20)), "utf-8")
    bad = tmp_path / "<b>bad.svg"
    bad.write_text("no drawing", "utf-8")
    *_, words = brought(Ingest(books), [good, bad], "ink")
    assert "Added to ink: 1 of 2." in words
    assert "<strong>cat.svg</strong> 1 strokes" in words
    assert "<b>" not in words
    assert str(tmp_path) not in words
    (sketch,) = books.book("ink").sketches
    assert sketch.origin == "svg"


def test_bringing_nothing_or_into_an_impossible_place_is_said(books, tmp_path):
    assert "Choose files first" in "".join(brought(Ingest(books), [], "ink"))
    assert "vs-error" in "".join(brought(Ingest(books), [Path(tmp_path / "no.svg")], "ink"))


def test_the_order_of_a_scan_is_shown_moved_and_proposed(books):
    from tests.data.test_stroke_order import BODY, HEAD, PLAN

    books.create("scans")
    scan = books.add("scans", [BODY, HEAD], width=432, height=240, caption=PLAN, origin="scan")
    drawn = books.add("scans", [BODY, HEAD], width=432, height=240)
    value = asked(books, book._look, book_name="scans")
    assert [sketch["can_order"] for sketch in value["sketches"]] == [True, False]
    assert value["order"] is None

    def groups(act, **values):
        value = asked(books, act, book_name="scans", id=scan, **values)
        assert value["ok"], value["words"]
        assert value["order"]["id"] == scan
        return value["order"]["groups"]

    shown = groups(book._propose)
    assert [group["words"] for group in shown] == ["Head", "Body"]
    assert shown == groups(book._order)
    (path,) = shown[0]["paths"]
    assert 2 <= len(path["points"]) <= 61
    assert (path["color"], path["width"]) == ("#000000", 2.2)
    assert [group["words"] for group in groups(book._shift, group=0, index=1)] == ["Body", "Head"]
    refused = asked(books, book._propose, book_name="scans", id=drawn)
    assert not refused["ok"]
    assert "seen being drawn" in refused["words"]
    for values in ({"group": "x", "index": 0}, {"group": 0}, {"group": 77, "index": 0}):
        assert not asked(books, book._shift, book_name="scans", id=scan, **values)["ok"]
