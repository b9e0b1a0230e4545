"""The brush library, its previews, and broken files."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import ROOT
from videosketcher_app.data.brushes.library import BRUSHES, load_brushes
from videosketcher_app.data.brushes.model import KINDS, Brush

GOOD = """\
media:
  marker: {title: Marker, kind: marker, width_px: 9, flow: {opacity: 0.7}}
brushes:
  blue: {medium: marker, title: Blue, color: "#0000ff"}
  red:
    medium: marker
    title: Red
    color: "#ff0000"
    flow: {start: 0.5}
"""


def load(folder: Path, text: str | bytes):
    data = text.encode() if isinstance(text, str) else text
    (folder / "brushes.yaml").write_bytes(data)
    return load_brushes(folder)


def test_the_shelf() -> None:
    brushes, notices = load_brushes()
    assert not notices
    assert len(brushes) >= 24
    assert {entry.brush.kind for entry in brushes.values()} == set(KINDS)
    colors = {}
    for entry in brushes.values():
        colors.setdefault(entry.medium, set()).add(entry.brush.color)
        assert entry.license == "Apache-2.0"
    assert min(len(of_medium) for of_medium in colors.values()) >= 2
    assert {"calligraphy_pink", "gouache_yellow", "marker_blue"} <= brushes.keys()


def test_previews_are_small_and_painted_from_the_file() -> None:
    spec = importlib.util.spec_from_file_location("paint", ROOT / "scripts" / "paint_brushes.py")
    assert spec is not None
    assert spec.loader is not None
    paint = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(paint)
    brushes, _ = load_brushes()
    assert sum(entry.preview.stat().st_size for entry in brushes.values()) < 1_500_000
    for name in ("pen_black", "marker_blue", "charcoal_black", "spray_orange"):
        # The pixels, not the bytes: the shipped files are packed tighter than the script packs.
        painted = Image.open(io.BytesIO(paint.preview_png(brushes[name]))).convert("RGB")
        with Image.open(brushes[name].preview) as preview:
            assert preview.convert("RGB").tobytes() == painted.tobytes()
    for entry in brushes.values():
        with Image.open(entry.preview) as preview:
            assert preview.size == paint.PREVIEW_PX
    assert {p.stem for p in BRUSHES.glob("*.png")} == brushes.keys()


def test_a_brush_changes_some_numbers_of_its_medium(tmp_path: Path) -> None:
    brushes, notices = load(tmp_path, GOOD)
    assert not notices
    assert brushes["red"].brush.flow.start == 0.5
    assert brushes["red"].brush.flow.opacity == 0.7
    assert brushes["blue"].brush.flow.start == 1
    assert brushes["blue"].preview == tmp_path / "blue.png"


@pytest.mark.parametrize(
    ("old", "new", "line", "word"),
    [
        ('color: "#0000ff"', "color: blue", 4, "color"),
        ("opacity: 0.7", "opacity: 7", 2, "opacity"),
        ("start: 0.5", "start: yes", 9, "start"),
        ("start: 0.5", "strat: 0.5", 9, "strat"),
        ("title: Red", "title: ''", 7, "title"),
        ("medium: marker\n", "medium: markre\n", 6, "markre"),
        ("width_px: 9", "width_px: .nan", 2, "width_px"),
        ("  blue:", "  Blue!:", 4, "name"),
    ],
)
def test_a_broken_brush_is_left_out(
    tmp_path: Path, old: str, new: str, line: int, word: str
) -> None:
    brushes, notices = load(tmp_path, GOOD.replace(old, new, 1))
    assert len(brushes) == (1 if line > 2 else len(brushes))
    assert notices
    assert notices[0].line == line
    assert word in notices[0].message
    assert str(notices[0]).startswith(f"brushes.yaml, line {line}: ")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("media: {a: [1,\nbrushes", 2),
        ("media: {}\nbrushes: {}\nmore: 1\n", 3),
        ("a: &x 1\nb: *x\n", 1),
        ("media: !!python/object:os.system {}\n", 1),
        (b"media: {}\n\xff\xfe", 2),
        ("x" * 70_000, 1),
        ("[" * 5_000, 1),
        ("", 1),
        ("media: {}\nmedia: {}\n", 2),
    ],
)
def test_a_broken_file_gives_the_pen_and_says_where(
    tmp_path: Path, text: str | bytes, line: int
) -> None:
    brushes, notices = load(tmp_path, text)
    assert [entry.brush for entry in brushes.values()] == [Brush()]
    assert len(notices) == 1
    assert notices[0].line == line
    assert notices[0].message.endswith("The default pen is used.")


def test_a_missing_file_gives_the_pen(tmp_path: Path) -> None:
    brushes, notices = load_brushes(tmp_path)
    assert list(brushes) == ["pen_black"]
    assert len(notices) == 1
