"""One reader for every dataset: the same items whatever made it, and files that are not there."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.data.clip_media import on_canvas, read_clip
from videosketcher_app.data.grammar.primitives import compose_primitives
from videosketcher_app.data.metadata import write_metadata
from videosketcher_app.data.name_maps import NameMap, write_name_map, write_styles
from videosketcher_app.data.open_dataset import open_dataset, survey
from videosketcher_app.data.problems import Problems
from videosketcher_app.data.sketchbook_index import Index, IndexRow, write_index
from videosketcher_app.data.sketchbooks import BookSketch, write_sketch
from videosketcher_app.storage.media import write_png, write_video


@dataclass(frozen=True)
class Canvas:
    width: int = 64
    height: int = 36


def film(path, count: int = 9, *, height: int = 36, width: int = 64) -> None:
    """Frame i is grey of 20 x i."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, [np.full((height, width, 3), 20 * i, np.uint8) for i in range(count)], fps=16)


def greys(frames_THW3) -> list[int]:
    assert frames_THW3.dtype == np.uint8
    return [round(float(frame.mean()) / 20) for frame in frames_THW3]


def places(path) -> list[str]:
    problems = Problems()
    survey(path, problems)
    return [problem.where for problem in problems.found]


def test_a_clip_is_seen_over_its_whole_length(tmp_path):
    film(tmp_path / "a.mp4", 9)
    assert greys(read_clip(tmp_path / "a.mp4", Canvas(), 9)) == list(range(9))
    assert greys(read_clip(tmp_path / "a.mp4", Canvas(), 5)) == [0, 2, 4, 6, 8]
    assert greys(read_clip(tmp_path / "a.mp4", Canvas(), 17))[::2] == list(range(9))
    assert greys(read_clip(tmp_path / "a.mp4", Canvas(), 1)) == [0]
    write_png(tmp_path / "a.png", np.full((36, 64, 4), (200, 0, 0, 0), np.uint8))
    still = read_clip(tmp_path / "a.png", Canvas(), 5)
    assert still.shape == (5, 36, 64, 3)
    assert (still == 255).all()


def test_a_picture_of_another_shape_is_shown_whole_on_its_own_paper():
    page = np.full((100, 100, 3), (250, 240, 230), np.uint8)
    page[5:95, 5:95] = 0
    placed = on_canvas(page, Canvas(80, 40))
    assert placed.shape == (40, 80, 3)
    assert (placed[:, :18] == (250, 240, 230)).all()
    ink_W = (placed.max(2) < 100).any(0)
    assert 34 <= ink_W.sum() <= 38
    wide = on_canvas(np.zeros((36, 66, 3), np.uint8), Canvas())
    assert wide.shape == (36, 64, 3)
    assert not wide.any()


def test_a_sketchbook(tmp_path):
    strokes = compose_primitives(np.random.default_rng(0)).sketch.strokes
    sketch = BookSketch("a1", "a cat", 432, 240, strokes, "drawn")
    write_sketch(tmp_path, sketch)
    row = IndexRow(id="a1", caption="a cat", width=432, height=240)
    write_index(tmp_path, Index(name="ink", created="", rows=(row,)))
    (item,) = open_dataset(tmp_path).items
    assert (item.name, item.caption) == ("a1", "a cat")
    assert np.array_equal(item.frames(Canvas(), 9), sketch.clip(Canvas(), 9))
    unnamed = IndexRow(id="a2", caption="", width=432, height=240)
    write_index(tmp_path, Index(name="ink", created="", rows=(row, unnamed)))
    with pytest.raises(InvalidFile, match=r"row 2 .a2., column 'caption'"):
        open_dataset(tmp_path)
    write_index(tmp_path, Index(name="ink", created=""))
    with pytest.raises(InvalidFile, match="empty"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("layout", ["csv", "json", "jsonl"])
@pytest.mark.parametrize("folder", ["", "video", "data_combine"])
def test_a_table_beside_or_above_its_clips(tmp_path, layout, folder):
    film(tmp_path / folder / "a.mp4")
    film(tmp_path / folder / "deep" / "b.mp4", 5)
    far = tmp_path.parent / f"{tmp_path.name}_far.mp4"
    film(far, 5)
    rows = [("a.mp4", "a cat"), ("deep/b.mp4", "a dog"), (str(far), "far"), ("a.mp4", "again")]
    table = tmp_path / f"metadata_50.{layout}"
    write_metadata(table, rows)
    for path in (tmp_path, table):
        dataset = open_dataset(path)
        assert dataset.kind == "table"
        assert [item.caption for item in dataset.items] == ["a cat", "a dog", "far", "again"]
        assert len({item.name for item in dataset.items}) == 4
        assert greys(dataset.items[0].frames(Canvas(), 5)) == [0, 2, 4, 6, 8]


def test_a_table_names_what_is_missing(tmp_path):
    film(tmp_path / "video" / "a.mp4")
    film(tmp_path.parent / "above.mp4")
    rows = [(name, "x") for name in ("a.mp4", "b.mp4", "../above.mp4", "a.txt", "n" * 400 + ".mp4")]
    write_metadata(tmp_path / "metadata.csv", rows)
    assert places(tmp_path) == [f"metadata.csv, row {row}, column 'video'" for row in (3, 4, 5, 6)]
    with pytest.raises(InvalidFile, match=r"row 3, column 'video': There is no file 'b.mp4'"):
        open_dataset(tmp_path)


def test_a_styled_set_crosses_rows_and_folders(tmp_path):
    for folder in ("marker/blue", "ink/light_red"):
        film(tmp_path / folder / "a.mp4")
    film(tmp_path / "marker/blue/b.mp4")
    (tmp_path / "pen/black").mkdir(parents=True)
    (tmp_path / "pen/black/styles_ignore").touch()
    write_styles(tmp_path / "style_train_path.txt", ["marker/blue", "ink/light_red", "pen/black"])
    write_metadata(tmp_path / "metadata_styles.csv", [("a.mp4", "a cat, {color} {brush} {x}")])
    dataset = open_dataset(tmp_path)
    assert dataset.kind == "styled"
    assert [(item.name, item.caption) for item in dataset.items] == [
        ("marker/blue/a.mp4", "a cat, blue marker {x}"),
        ("ink/light_red/a.mp4", "a cat, light red ink {x}"),
    ]
    assert open_dataset(tmp_path / "style_train_path.txt").items[1].name == "ink/light_red/a.mp4"
    write_name_map(tmp_path / "name_map.yaml", NameMap(words={"brush": {"marker": "felt pen"}}))
    assert open_dataset(tmp_path).items[0].caption == "a cat, blue felt pen {x}"
    write_name_map(tmp_path / "mine.yaml", NameMap(words={"brush": {"ink": "quill"}}))
    mine = open_dataset(tmp_path, name_map=tmp_path / "mine.yaml")
    assert [item.caption.split(", ")[1] for item in mine.items] == [
        "blue marker {x}",
        "light red quill {x}",
    ]
    write_metadata(tmp_path / "metadata_styles.csv", [("a.mp4", "x"), ("b.mp4", "y")])
    assert places(tmp_path) == ["metadata_styles.csv, row 3 in ink/light_red, column 'video'"]


def test_clips_with_texts(tmp_path):
    film(tmp_path / "b.mp4")
    write_png(tmp_path / "a.png", np.zeros((36, 64, 3), np.uint8))
    (tmp_path / "a.txt").write_text("\ufeff a cat \n", "utf-8")
    (tmp_path / "b.txt").write_text("ein Hund 犬", "utf-8")
    assert [(i.name, i.caption) for i in open_dataset(tmp_path).items] == [
        ("a.png", "a cat"),
        ("b.mp4", "ein Hund 犬"),
    ]
    (tmp_path / "b.txt").unlink()
    (tmp_path / "a.txt").write_text(" ")
    assert places(tmp_path) == ["a.txt", "b.txt"]


def test_finished_drawings_come_in_the_order_of_their_numbers(tmp_path):
    for name in ("10_dog", "2_cat", "extra"):
        film(tmp_path / name / f"{name}.mp4")
        plan = {"model_text": f"{name} as read", "text": name}
        (tmp_path / name / f"{name}_config.json").write_text(json.dumps({"plan": plan}))
    (tmp_path / "batch_summary.json").write_text("{}")
    dataset = open_dataset(tmp_path)
    assert dataset.kind == "drawings"
    assert [item.name for item in dataset.items] == ["2_cat", "10_dog", "extra"]
    assert dataset.items[0].caption == "2_cat as read"
    (tmp_path / "2_cat" / "2_cat.mp4").unlink()
    (tmp_path / "10_dog" / "10_dog_config.json").write_text('{"request": {}}')
    assert places(tmp_path) == ["2_cat/2_cat_config.json", "10_dog/10_dog_config.json"]


@pytest.mark.parametrize("content", ["nothing", "empty", "a file", "several tables"])
def test_what_is_no_dataset_says_what_one_needs(tmp_path, content):
    folder = tmp_path / "set"
    if content != "nothing":
        folder.mkdir()
    if content == "a file":
        folder = folder / "x.mp4"
        film(folder)
    if content == "several tables":
        write_metadata(folder / "metadata.csv", [])
        write_metadata(folder / "metadata_b.csv", [])
    with pytest.raises(InvalidFile) as caught:
        open_dataset(folder)
    assert caught.value.hint


def test_a_broken_clip_is_told_when_it_is_read(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video")
    write_metadata(tmp_path / "metadata.csv", [("a.mp4", "x")])
    (item,) = open_dataset(tmp_path).items
    with pytest.raises(InvalidFile):
        item.frames(Canvas(), 5)
