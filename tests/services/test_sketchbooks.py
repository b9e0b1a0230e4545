"""The workspace's sketchbooks: every change is whole, foreign folders are left alone."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from videosketcher_app.core import faults
from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import AppError, Forbidden, ForbiddenPath, InvalidRequest
from videosketcher_app.core.plan import parse_plan
from videosketcher_app.data import renderer
from videosketcher_app.data.grammar.primitives import compose_primitives
from videosketcher_app.data.sketchbooks import read_sketchbook
from videosketcher_app.services.sketchbooks import Sketchbooks
from videosketcher_app.storage.media import read_image

STROKES = compose_primitives(np.random.default_rng(0)).sketch.strokes
SIZE = {"width": 432, "height": 240}


@pytest.fixture
def books(tmp_path):
    return Sketchbooks(tmp_path / "datasets")


def ids(books: Sketchbooks, name: str = "ink") -> list[str]:
    return [sketch.id for sketch in books.book(name).sketches]


def test_from_the_first_drawing_to_the_last_removal(books):
    assert books.entries() == ()
    assert books.create("ink").sketches == ()
    added = [books.add("ink", STROKES, **SIZE, caption=f"a cat {i}") for i in range(3)]
    assert ids(books) == added
    books.set_caption("ink", added[1], "  eine Katze 猫\u202e\nund mehr 👩‍🎨 \ud800 ")
    assert books.book("ink").sketches[1].caption == "eine Katze 猫\u202e\nund mehr 👩‍🎨 ?"
    books.move("ink", added[2], 0)
    assert ids(books) == [added[2], added[0], added[1]]
    books.move("ink", added[2], 99)
    assert ids(books) == added
    books.remove_sketch("ink", added[0])
    assert ids(books) == added[1:]
    folder = books.book("ink").folder
    assert sorted(p.stem for p in (folder / "sketches").iterdir()) == sorted(added[1:] * 2)
    assert [sketch.id for sketch in read_sketchbook(folder)] == added[1:]
    books.remove("ink")
    assert books.entries() == ()
    assert list(books.folder.iterdir()) == []


def test_a_picture_is_the_drawing_and_comes_back(books):
    books.create("ink")
    sketch_id = books.add("ink", STROKES, **SIZE)
    path = books.picture("ink", sketch_id)
    assert path == books.book("ink").sketches[0].picture
    drawn = renderer.picture(books.sketch("ink", sketch_id).sketch)
    assert np.array_equal(read_image(path), drawn)
    path.unlink()
    assert np.array_equal(read_image(books.picture("ink", sketch_id)), drawn)
    large = books.add("ink", STROKES, width=1000, height=500)
    assert read_image(books.picture("ink", large)).shape == (256, 512, 3)


def test_a_caption_is_suggested_and_not_taken(books):
    books.create("ink")
    sketch_id = books.add("ink", STROKES, **SIZE)
    plan = parse_plan(books.suggest_caption("ink", sketch_id, "a page of shapes"))
    assert plan.concept == "a page of shapes"
    assert books.book("ink").sketches[0].caption == ""


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", ".hidden", "con", "a\0b", "x" * 300])
def test_impossible_names_are_refused(books, name):
    for act in (books.create, books.book, books.remove):
        with pytest.raises((ForbiddenPath, InvalidRequest)):
            act(name)
    assert not books.folder.exists()


def test_what_is_not_there_or_there_already_is_told(books):
    books.create("ink")
    sketch_id = books.add("ink", STROKES, **SIZE)
    with pytest.raises(InvalidRequest, match="already"):
        books.create("ink")
    for act in (books.book, books.remove):
        with pytest.raises(InvalidRequest, match="no dataset"):
            act("other")
    for act in (
        lambda: books.set_caption("ink", "nothing", "x"),
        lambda: books.move("ink", "../ink", 0),
        lambda: books.remove_sketch("ink", ""),
        lambda: books.picture("ink", "nothing"),
        lambda: books.suggest_caption("ink", "nothing", "a cat"),
    ):
        with pytest.raises(InvalidRequest, match="no sketch"):
            act()
    assert ids(books) == [sketch_id]


@pytest.mark.parametrize(
    "change",
    [
        {"width": 0},
        {"height": 10**9},
        {"width": 20, "height": 20},
        {"origin": "dream"},
        {"caption": "x" * 9000},
        {"strokes": ()},
    ],
)
def test_an_impossible_drawing_leaves_the_book_as_it_was(books, change):
    books.create("ink")
    before = sorted(books.folder.rglob("*"))
    values = {"strokes": STROKES, **SIZE, **change}
    with pytest.raises(InvalidRequest) as caught:
        books.add("ink", values.pop("strokes"), **values)
    assert caught.value.hint
    assert sorted(books.folder.rglob("*")) == before


def test_a_guest_may_change_nothing(books):
    books.create("ink")
    sketch_id = books.add("ink", STROKES, **SIZE)
    for act in (
        lambda: books.create("x", role=Role.GUEST),
        lambda: books.add("ink", STROKES, **SIZE, role=Role.GUEST),
        lambda: books.set_caption("ink", sketch_id, "x", role=Role.GUEST),
        lambda: books.move("ink", sketch_id, 0, role=Role.GUEST),
        lambda: books.remove_sketch("ink", sketch_id, role=Role.GUEST),
        lambda: books.remove("ink", role=Role.GUEST),
    ):
        with pytest.raises(Forbidden):
            act()
    assert ids(books) == [sketch_id]


def test_foreign_and_damaged_folders_are_listed_with_their_flaw(books):
    books.create("good")
    (books.folder / "foreign").mkdir()
    (books.folder / "foreign" / "notes.txt").write_text("mine")
    (books.folder / ".hidden").mkdir()
    (books.folder / "file").write_text("x")
    for name, text in (("half", '{"format": 1, "ske'), ("newer", '{"format": 2, "sketches": []}')):
        (books.folder / name).mkdir()
        (books.folder / name / "dataset.json").write_text(text)
    books.create("lost")
    lost = books.add("lost", STROKES, **SIZE)
    (books.folder / "lost" / "sketches" / f"{lost}.json").unlink()
    flaws = {entry.name: entry.flaw for entry in books.entries()}
    assert list(flaws) == ["foreign", "good", "half", "lost", "newer"]
    assert flaws["good"] == ""
    assert "no sketchbook" in flaws["foreign"]
    assert "not JSON" in flaws["half"]
    assert "'format'" in flaws["newer"]
    assert lost in flaws["lost"]
    with pytest.raises(InvalidRequest, match="no sketchbook"):
        books.remove("foreign")
    assert (books.folder / "foreign" / "notes.txt").is_file()
    books.remove_sketch("lost", lost)
    assert books.book("lost").flaw == ""


@pytest.mark.parametrize("point", ["atomic.opened", "atomic.written", "atomic.before_replace"])
def test_a_failure_at_any_moment_leaves_a_whole_book(books, point):
    books.create("ink")
    first = books.add("ink", STROKES, **SIZE)
    for skip in (0, 1, 2):
        with faults.armed(point, skip=skip), pytest.raises(AppError):
            books.add("ink", STROKES, **SIZE)
        assert [s.id for s in read_sketchbook(books.book("ink").folder)] == [first]
    second = books.add("ink", STROKES, **SIZE)
    assert ids(books) == [first, second]


def test_several_threads_lose_no_drawing(books):
    books.create("ink")
    added: list[str] = []

    def draw() -> None:
        added.extend(books.add("ink", STROKES[:1], **SIZE) for _ in range(4))

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids(books)) == sorted(added)
    assert len(added) == 16


def test_the_order_of_a_scan_is_proposed_corrected_and_kept(tmp_path):
    from tests.data.test_stroke_order import BODY, HEAD, PLAN, tops

    books = Sketchbooks(tmp_path)
    books.create("scans")
    size = {"width": 432, "height": 240}
    scan = books.add("scans", [BODY, HEAD], caption=PLAN, origin="scan", **size)
    drawn = books.add("scans", [BODY, HEAD], caption=PLAN, **size)
    books.propose_order("scans", scan)
    assert tops(books.sketch("scans", scan)) == [30, 95]
    assert [group.words for group in books.order("scans", scan)] == ["Head", "Body"]
    books.move_group("scans", scan, 0, 1)
    kept = Sketchbooks(tmp_path).sketch("scans", scan)
    assert tops(kept) == [95, 30]
    assert kept.caption.index("Body") < kept.caption.index("Head")
    (entry, _) = books.book("scans").sketches
    assert (entry.caption, entry.origin) == (kept.caption, "scan")
    assert entry.seconds == pytest.approx(kept.seconds, abs=0.01)
    with pytest.raises(InvalidRequest, match="seen being drawn"):
        books.propose_order("scans", drawn)
    for change in (books.propose_order, lambda *a, **k: books.move_group(*a, 0, 1, **k)):
        with pytest.raises(Forbidden):
            change("scans", scan, role=Role.GUEST)
