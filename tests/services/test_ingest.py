from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from tests.data.clips import clip, drawing
from tests.services.drawings import published
from videosketcher_app.cli.data import app
from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import Forbidden, ForbiddenPath, InvalidRequest
from videosketcher_app.data import renderer
from videosketcher_app.data.svg import svg_text
from videosketcher_app.services.ingest import Ingest, IngestRow
from videosketcher_app.services.sketchbooks import Sketchbooks
from videosketcher_app.storage.media import write_gif, write_png, write_video

PLAIN = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100">'
    '<path d="M10 10 L90 90" stroke="black" fill="none"/></svg>'
)


@pytest.fixture
def books(tmp_path: Path) -> Sketchbooks:
    return Sketchbooks(tmp_path / "datasets")


def brought(books: Sketchbooks, *sources: Path, caption: str = "") -> list[IngestRow]:
    return list(Ingest(books).bring(sources, "ink", caption=caption))


def sources(folder: Path) -> dict[str, Path]:
    """One good source of every kind."""
    folder.mkdir(exist_ok=True)
    sketch = drawing("cat").sketch
    paths = {kind: folder / f"cat.{kind}" for kind in ("svg", "json", "ndjson", "mp4", "gif")}
    paths |= {"layers": folder / "layers.png", "scan": folder / "scan.jpg"}
    paths["svg"].write_text(svg_text(sketch))
    paths["json"].write_text('[{"points": [[1, 1, 0], [40, 30, 9]]}]')
    quick = {"word": "line", "drawing": [[[0, 200], [0, 90]]]}
    paths["ndjson"].write_text(f"{json.dumps(quick)}\nbroken\n{json.dumps(quick)}\n")
    frames = clip("cat")
    write_video(paths["mp4"], frames, fps=16)
    write_gif(paths["gif"], frames, fps=16, finished_HW3=frames[-1])
    alpha = np.where(frames[-1].min(axis=2) < 128, 255, 0).astype(np.uint8)
    write_png(paths["layers"], np.dstack([frames[-1], alpha]))
    write_png(paths["scan"], (frames[-1] * 0.9).astype(np.uint8))
    return paths


def test_every_kind_of_source_becomes_a_sketch(books: Sketchbooks, tmp_path: Path) -> None:
    paths = sources(tmp_path / "in")
    run = published(tmp_path / "out", "cat")
    rows = brought(books, *paths.values(), run.folder)
    origins = [row.origin for row in rows]
    assert origins == [
        "svg",
        "strokes",
        "strokes",
        "",
        "strokes",
        "recording",
        "recording",
        "image",
        "scan",
        "output",
    ]
    (bad,) = [row for row in rows if row.problem]
    assert bad.source.endswith("cat.ndjson, line 2")
    assert bad.hint
    book = books.book("ink")
    assert [s.id for s in book.sketches] == [row.sketch_id for row in rows if not row.problem]
    assert [s.origin for s in book.sketches] == [o for o in origins if o]
    assert book.sketches[-1].caption == str(run.model_plan)
    for entry in book.sketches:
        assert books.sketch("ink", entry.id).strokes


def test_a_recording_gives_the_strokes_in_their_order(books: Sketchbooks, tmp_path: Path) -> None:
    path = tmp_path / "cat.mp4"
    write_video(path, clip("cat"), fps=16)
    (row,) = brought(books, path)
    sketch = books.sketch("ink", row.sketch_id)
    frames = sketch.clip(SimpleNamespace(width=432, height=240), 81)
    assert frames.shape[:3] == (81, 240, 432)
    assert (frames[0] == 255).all()
    truth = renderer.picture(drawing("cat").sketch).min(axis=2) < 100
    assert (frames[-1].min(axis=-1)[truth] < 160).mean() > 0.9


def test_captions_come_from_the_file_beside_it_the_source_or_the_caller(
    books: Sketchbooks, tmp_path: Path
) -> None:
    for name in ("beside", "inside", "given"):
        inner = (
            PLAIN.replace("<path", "<desc>from inside</desc><path") if name == "inside" else PLAIN
        )
        (tmp_path / f"{name}.svg").write_text(inner)
    (tmp_path / "beside.txt").write_text("from\nbeside \n", encoding="utf-8")
    rows = brought(
        books, *(tmp_path / f"{n}.svg" for n in ("beside", "inside", "given")), caption="own"
    )
    assert [row.caption for row in rows] == ["from beside", "from inside", "own"]


def test_a_folder_is_searched_and_what_a_run_left_is_one_drawing(
    books: Sketchbooks, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    published(folder, "cat", gif=True)
    (folder / "notes.md").write_text("not a drawing")
    (folder / "b.svg").write_text(PLAIN)
    (folder / "deep").mkdir()
    (folder / "deep" / "a.svg").write_text(PLAIN)
    rows = brought(books, folder)
    assert sorted(row.origin for row in rows) == ["output", "svg", "svg"]
    assert not [row for row in rows if row.problem]


def test_nothing_is_made_where_nothing_can_be_used(books: Sketchbooks, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.xyz").write_text("?")
    rows = brought(books, tmp_path / "empty", tmp_path / "a.xyz", tmp_path / "gone.svg")
    assert len(rows) == 3
    assert all(row.problem and row.hint for row in rows)
    assert books.entries() == ()


def test_only_the_owner_brings_drawings_and_only_into_a_good_book(
    books: Sketchbooks, tmp_path: Path
) -> None:
    (tmp_path / "a.svg").write_text(PLAIN)
    with pytest.raises(Forbidden):
        Ingest(books).bring([tmp_path / "a.svg"], "ink", role=Role.GUEST)
    with pytest.raises(ForbiddenPath):
        list(Ingest(books).bring([tmp_path / "a.svg"], "../ink"))
    brought(books, tmp_path / "a.svg")
    (books.folder / "ink" / "dataset.json").write_text("{")
    with pytest.raises(InvalidRequest, match="cannot take drawings"):
        brought(books, tmp_path / "a.svg")


def test_a_video_without_frames_of_drawing_is_one_clear_row(
    books: Sketchbooks, tmp_path: Path
) -> None:
    path = tmp_path / "blank.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=16)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(20):
            blank = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 250, np.uint8), format="rgb24")
            container.mux(stream.encode(blank))
        container.mux(stream.encode(None))
    (row,) = brought(books, path)
    assert "Nothing is drawn" in row.problem


def test_the_command_prints_a_row_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEOSKETCHER_WORKSPACE", str(tmp_path / "work"))
    (tmp_path / "a.svg").write_text(PLAIN)
    (tmp_path / "b.svg").write_text("broken")
    arguments = [
        "ingest",
        str(tmp_path / "a.svg"),
        str(tmp_path / "b.svg"),
        "--into",
        "ink",
        "--json",
    ]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [bool(row["problem"]) for row in rows] == [False, True]
    assert len(Sketchbooks(tmp_path / "work" / "datasets").book("ink").sketches) == 1
