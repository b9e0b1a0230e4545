"""A published folder opens again, or says what is wrong with it."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from tests.data.clips import line, small_sketch
from tests.services.drawings import drawn, published
from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.services.saved import open_saved, part_timeline


def test_a_saved_drawing_is_what_was_published(tmp_path: Path) -> None:
    drawing = drawn()
    saved = published(tmp_path)
    assert saved.folder == tmp_path / "cat"
    assert saved.name == "cat"
    assert saved.request == drawing.request
    assert (saved.planned.plan, saved.plan) == (drawing.plan, drawing.plan)
    assert set(saved.files) == {"mp4", "png", "svg", "config", "run"}
    assert len(saved.strokes.strokes) == len(drawing.strokes.strokes)


def test_the_timeline_covers_the_clip_without_gaps(tmp_path: Path) -> None:
    saved = published(tmp_path)
    spans = saved.timeline
    assert [span.name for span in spans] == [p.name for p in saved.plan.parts][: len(spans)]
    assert spans[0].start_s == 0
    assert spans[-1].end_s == pytest.approx(81 / 16)
    assert all(a.end_s == b.start_s for a, b in pairwise(spans))
    assert all(span.start_s <= span.end_s for span in spans)


def test_the_timeline_of_a_blank_clip_is_one_span() -> None:
    (span,) = part_timeline(small_sketch())
    assert (span.index, span.start_s, span.end_s) == (0, 0.0, 21 / 16)


def test_parts_come_by_their_first_stroke() -> None:
    from dataclasses import replace

    late = replace(line([(0, 0), (9, 9)], 10, 12), part=0)
    early = replace(line([(0, 9), (9, 0)], 2, 4), part=1)
    sketch = replace(small_sketch(late, early), part_names=("late", "early"))
    assert [span.name for span in part_timeline(sketch)] == ["early", "late"]


def test_a_renamed_folder_opens(tmp_path: Path) -> None:
    saved = published(tmp_path)
    moved = saved.folder.rename(tmp_path / "my favourite")
    assert open_saved(moved).name == "cat"


@pytest.mark.parametrize("file", ["cat.mp4", "cat.png", "cat.svg", "cat_config.json"])
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    folder = published(tmp_path).folder
    (folder / file).unlink()
    with pytest.raises(InvalidFile, match=r"lacks its file|no finished drawing"):
        open_saved(folder)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"request": 3}',
        '{"request": {}}',
        '{"prompt": "a cat"}',
        '{"request": {"prompt": "a cat"}, "plan": {"text": "no"}}',
        '{"request": {"prompt": "a cat"}, "rerender": [{"order": ["x"]}]}',
        "[" * 100_000,
        '{"request": {"prompt": "a cat"}, "format": NaN}',
    ],
)
def test_a_damaged_config_is_one_sentence(tmp_path: Path, text: str) -> None:
    folder = published(tmp_path).folder
    (folder / "cat_config.json").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidFile) as caught:
        open_saved(folder)
    assert caught.value.hint


def test_bytes_that_are_no_text_are_said(tmp_path: Path) -> None:
    folder = published(tmp_path).folder
    (folder / "cat_config.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidFile, match="UTF-8"):
        open_saved(folder)


def test_a_damaged_svg_is_said_when_it_is_read(tmp_path: Path) -> None:
    folder = published(tmp_path).folder
    (folder / "cat.svg").write_text("<svg/>", encoding="utf-8")
    with pytest.raises(InvalidFile):
        _ = open_saved(folder).strokes


def test_a_damaged_record_of_renders_is_said(tmp_path: Path) -> None:
    folder = published(tmp_path).folder
    config = json.loads((folder / "cat_config.json").read_text("utf-8"))
    for bad in (3, [3], [{}], [{"order": [0, 0], "durations_s": {}, "holds_s": {}, "speed": 1}]):
        text = json.dumps({**config, "rerender": bad})
        (folder / "cat_config.json").write_text(text, encoding="utf-8")
        with pytest.raises(InvalidFile, match="re-render"):
            open_saved(folder)


def test_no_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="no drawing named 'none'"):
        open_saved(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidFile, match="holds no finished drawing"):
        open_saved(tmp_path / "empty")
