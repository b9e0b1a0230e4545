"""Synthetic sets: the same bytes for the same seed, gone on with, read back by the one reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.plan import parse_plan
from videosketcher_app.data.brushes.clause import has_clause
from videosketcher_app.data.open_dataset import open_dataset
from videosketcher_app.services.dataset_check import check_dataset
from videosketcher_app.services.shape_sets import ShapeSettings, make_shapes

SMALL: dict[str, Any] = {"width": 96, "height": 54, "num_frames": 9}
STYLES = ("marker_blue", "gouache_teal:#D01020")


@dataclass(frozen=True)
class Canvas:
    width: int = 96
    height: int = 54


def contents(folder) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_set_is_the_same_whether_made_at_once_or_gone_on_with(tmp_path):
    settings = ShapeSettings(seed=7, **SMALL)
    make_shapes(tmp_path / "once", 4, settings)
    assert make_shapes(tmp_path / "twice", 2, settings).made == 2
    (tmp_path / "twice" / "video" / "000001.mp4").unlink()
    report = make_shapes(tmp_path / "twice", 4, settings)
    assert (report.made, report.kept) == (3, 1)
    assert contents(tmp_path / "once") == contents(tmp_path / "twice")
    make_shapes(tmp_path / "other", 4, ShapeSettings(seed=8, **SMALL))
    assert contents(tmp_path / "once") != contents(tmp_path / "other")


@pytest.mark.parametrize("layout", ["csv", "json", "jsonl"])
def test_a_plain_set_is_a_dataset_of_plans(tmp_path, layout):
    settings = ShapeSettings(layout=layout, source="all", **SMALL)
    report = make_shapes(tmp_path / "set", 3, settings)
    assert report.table.name == f"metadata_random_shapes.{layout}"
    items = open_dataset(tmp_path / "set").items
    assert [item.name for item in items] == ["000000.mp4", "000001.mp4", "000002.mp4"]
    for item in items:
        assert parse_plan(item.caption).parts
        clip = item.frames(Canvas(), 9)
        assert clip[0].min() > 240
        assert clip[-1].min() < 160


def test_a_styled_set_begins_with_its_brush_box_and_inks_in_its_color(tmp_path):
    make_shapes(tmp_path / "set", 1, ShapeSettings(styles=STYLES, **SMALL))
    dataset = open_dataset(tmp_path / "set")
    assert [item.name for item in dataset.items] == [
        "marker/blue/000000.mp4",
        "gouache/d01020/000000.mp4",
    ]
    assert len({item.caption for item in dataset.items}) == 1
    assert has_clause(dataset.items[0].caption)
    blue, red = (item.frames(Canvas(), 9).astype(int) for item in dataset.items)
    for clip in (blue, red):
        assert clip[0, :9, :18].min() < 230  # the box and its mark
        assert clip[0, 12:].min() > 235
    ink_blue = (blue[0] - blue[-1]).clip(0).sum((0, 1))
    ink_red = (red[0] - red[-1]).clip(0).sum((0, 1))
    assert ink_blue[0] > ink_blue[2]  # red is taken away most
    assert ink_red[2] > ink_red[0]


def test_every_brush_of_the_shelf_can_be_asked_for_at_once(tmp_path):
    settings = ShapeSettings(styles=("all", "pen_black"), **SMALL)
    report = make_shapes(tmp_path / "set", 1, settings)
    assert report.made >= 30
    checked = check_dataset(tmp_path / "set", decode=False)
    assert (checked.is_good, checked.usable) == (True, report.made)


@pytest.mark.parametrize(
    "change",
    [
        {"source": "dreams"},
        {"layout": "xml"},
        {"width": 95},
        {"height": 0},
        {"num_frames": 1},
        {"fps": 0},
        {"seed": -1},
    ],
)
def test_impossible_settings_are_refused(change):
    with pytest.raises(InvalidRequest) as caught:
        ShapeSettings(**{**SMALL, **change})
    assert caught.value.hint


@pytest.mark.parametrize("style", ["dream_blue", "marker_blue:red", "", "../marker_blue"])
def test_an_unknown_brush_leaves_no_folder(tmp_path, style):
    with pytest.raises(InvalidRequest, match="no brush"):
        make_shapes(tmp_path / "set", 1, ShapeSettings(styles=(style,), **SMALL))
    assert not (tmp_path / "set").exists()


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InvalidRequest, match="not empty"):
        make_shapes(tmp_path, 1, ShapeSettings(**SMALL))
    assert list(tmp_path.iterdir()) == [tmp_path / "notes.txt"]
    make_shapes(tmp_path / "set", 1, ShapeSettings(**SMALL))
    before = contents(tmp_path / "set")
    for count in (0, 10**7):
        with pytest.raises(InvalidRequest, match="1 to"):
            make_shapes(tmp_path / "set", count, ShapeSettings(**SMALL))
    with pytest.raises(InvalidRequest, match="other settings"):
        make_shapes(tmp_path / "set", 1, ShapeSettings(seed=1, **SMALL))
    assert contents(tmp_path / "set") == before


def test_held_out_drawings_are_left_out(tmp_path, monkeypatch):
    from videosketcher_app.data import datasets

    make_shapes(tmp_path / "all", 2, ShapeSettings(**SMALL))
    first, second = (item.caption for item in open_dataset(tmp_path / "all").items)
    monkeypatch.setattr(datasets, "held_out", lambda drawn: str(drawn.plan) == first)
    make_shapes(tmp_path / "some", 2, ShapeSettings(**SMALL))
    captions = [item.caption for item in open_dataset(tmp_path / "some").items]
    assert captions[0] != first
    assert captions[1] == second
