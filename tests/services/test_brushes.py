"""Brushes before and after a drawing: chosen, understood, corrected, kept, and painted again."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.services.bad_pictures import INK, encoded, mark
from tests.services.drawings import published
from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import AppError, Forbidden, InvalidFile, InvalidRequest
from videosketcher_app.core.events import Done
from videosketcher_app.core.requests import BrushSpec, SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.data.brushes.condition import STUDIO_SIZE_PX, frame_of_brush
from videosketcher_app.data.brushes.mark import NoMark
from videosketcher_app.data.brushes.record import brush_mapping, read_brush
from videosketcher_app.data.brushes.reink import pen_tips
from videosketcher_app.data.brushes.reshape import direction_of, of_kind, with_direction
from videosketcher_app.data.retime import Retiming
from videosketcher_app.services.brushes import pictures
from videosketcher_app.services.brushes.desk import Person
from videosketcher_app.services.brushes.drawings import own_drawing, recent_drawings
from videosketcher_app.services.brushes.painted import brush_of, painter_of
from videosketcher_app.services.brushes.reink import reink
from videosketcher_app.services.changes import Changes
from videosketcher_app.services.clip_source import stroke_check
from videosketcher_app.services.container import build
from videosketcher_app.services.outputs import publish
from videosketcher_app.services.rerender import rerender
from videosketcher_app.services.variations import Begun, Drawn
from videosketcher_app.storage import media

OWNER = Person(role=Role.OWNER)


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


@pytest.fixture
def desk(services):
    return services.brushes


def guest(services) -> Person:
    _, admitted = services.guests.admit()
    return Person(role=Role.GUEST, session=admitted.name)


def kept(services, spec) -> Path:
    """The file of a picture that a request of the owner names."""
    return services.settings.workspace / spec.image


def understood(desk, person=OWNER, picture=None):
    return desk.understand(
        mark() if picture is None else picture, person, title="Mine", origin="picture"
    )


# The shelf


def test_the_shelf_holds_all_brushes_with_painted_previews(desk):
    shelf = desk.shelf(OWNER)
    assert len(shelf) >= 35
    assert all(media.read_image(brush.preview).shape == (96, 240, 3) for brush in shelf)
    assert {brush.medium for brush in shelf} >= {"marker", "crayon", "spray"}
    assert set(desk.kinds()) == {entry.brush.kind for entry in desk.library.values()}


def test_a_brush_of_the_shelf_is_what_it_is(desk):
    choice = desk.pick("marker_blue", OWNER)
    assert (choice.found.kind, choice.found.color) == ("marker", "#83bbe3")
    assert choice.found.direction == pytest.approx(0.45)
    expected = frame_of_brush(desk.library["marker_blue"].brush).pixels_HW3
    np.testing.assert_array_equal(choice.frame().pixels_HW3, expected)
    with pytest.raises(InvalidRequest, match="no brush named 'marker_blu'"):
        desk.pick("marker_blu", OWNER)


def test_stars_stay_and_only_for_what_is_there(desk):
    desk.star("ink_black", OWNER, on=True)
    desk.star("ink_black", OWNER, on=True)
    assert [b.name for b in desk.shelf(OWNER) if b.is_starred] == ["ink_black"]
    desk.star("ink_black", OWNER, on=False)
    assert not any(b.is_starred for b in desk.shelf(OWNER))
    with pytest.raises(InvalidRequest):
        desk.star("../../etc", OWNER, on=True)


# Understanding and correcting


def test_an_upload_is_understood(desk, services, tmp_path):
    path = tmp_path / "stroke.jpg"
    path.write_bytes(encoded(mark(), "JPEG", quality=95))
    choice = desk.understand(path, OWNER, title="Mine", origin="picture")
    red, green, blue = (int(choice.found.color[i : i + 2], 16) for i in (1, 3, 5))
    assert np.abs(np.array([red, green, blue]) - INK).max() < 12
    assert choice.spec.image.startswith("brushes/pictures/")
    assert kept(services, choice.spec).is_file()
    frame = choice.frame(STUDIO_SIZE_PX).pixels_HW3
    assert frame.shape == (480, 832, 3)
    assert (frame[90:] == 255).all()


def test_a_ready_made_frame_goes_on_unchanged_until_it_is_corrected(desk):
    frame = frame_of_brush(desk.library["crayon_red"].brush, STUDIO_SIZE_PX).pixels_HW3
    choice = understood(desk, picture=frame)
    assert choice.is_ready_made
    np.testing.assert_array_equal(choice.frame(STUDIO_SIZE_PX).pixels_HW3, frame)
    other = choice.corrected(replace(choice.found, color="#00aa00"))
    assert not other.is_ready_made
    assert not np.array_equal(other.frame(STUDIO_SIZE_PX).pixels_HW3, frame)
    back = other.corrected(choice.found)
    assert back.spec == choice.spec


def test_every_figure_can_be_corrected(desk):
    first = understood(desk)
    wanted = replace(first.found, color="#c81e2c", width_px=8.0, kind="crayon", direction=0.6)
    choice = first.corrected(wanted)
    assert choice.understood == wanted
    assert choice.is_corrected
    assert choice.brush.kind == "crayon"
    assert direction_of(choice.brush) == pytest.approx(0.6)
    assert choice.found == first.found
    again = choice.corrected(replace(wanted, direction=0.0))
    assert again.brush.nib.shape != "chisel"


@pytest.mark.parametrize(
    "changes",
    [
        {"width_px": 0.1},
        {"width_px": 90.0},
        {"kind": "laser"},
        {"direction": 1.5},
        {"color": "red"},
    ],
)
def test_impossible_corrections_are_sentences(desk, changes):
    choice = desk.pick("ink_black", OWNER)
    with pytest.raises(InvalidRequest):
        choice.corrected(replace(choice.found, **changes))


def test_nothing_is_kept_of_a_picture_without_a_mark(desk, services):
    with pytest.raises(NoMark):
        understood(desk, picture=np.full((100, 100, 3), 255, np.uint8))
    with pytest.raises(InvalidFile):
        understood(desk, picture=b"no picture")
    assert not list(services.settings.workspace.rglob("pictures/*"))


def test_a_brush_of_a_request_comes_back_as_it_was(desk, services):
    choice = understood(desk)
    choice = choice.corrected(replace(choice.found, kind="crayon", width_px=9.0))
    again = desk.reopened(choice.spec, OWNER)
    assert again.understood == choice.understood
    assert again.found == choice.found
    whole = choice.spec.model_copy(update={"image": str(kept(services, choice.spec))})
    assert desk.reopened(whole, OWNER).understood == choice.understood, "as requests were once"
    kept(services, choice.spec).unlink()
    with pytest.raises(InvalidFile):
        desk.reopened(choice.spec, OWNER)


def test_a_workspace_may_move(desk, services, tmp_path):
    spec = understood(desk).spec
    shutil.copytree(services.settings.workspace, tmp_path / "moved")
    shutil.rmtree(services.settings.workspace / "brushes")
    with build(load_settings(workspace=tmp_path / "moved", device="cpu")) as moved:
        assert moved.brushes.reopened(spec, OWNER).found


@pytest.mark.parametrize("image", ["../secret.png", "brushes/../../secret.png", "secret.png"])
def test_a_guests_request_names_no_other_file(desk, services, image):
    person = guest(services)
    folder = services.guests.named(person.session).folder
    for place in (folder, folder.parent):
        media.write_png(place / "secret.png", mark())
    with pytest.raises(InvalidRequest, match="not here"):
        desk.read_picture(BrushSpec(image=image), Role.GUEST, person.session)


def test_pictures_that_nobody_used_for_long_make_room(desk, services, monkeypatch):
    monkeypatch.setattr(pictures, "MAX_KEPT", 3)
    specs = []
    for number in range(4):
        if number == 3:
            desk.reopened(specs[0], OWNER)
        specs.append(understood(desk, picture=mark(300 + 8 * number, 200)).spec)
        files = (services.settings.workspace / "brushes" / "pictures").glob("*.png")
        for age, path in enumerate(sorted(files, key=lambda p: p.stat().st_mtime_ns)):
            os.utime(path, (1e9 + age, 1e9 + age))  # in the same order, whatever the disk's clock
    assert [kept(services, spec).is_file() for spec in specs] == [True, False, True, True]
    monkeypatch.setattr(pictures, "MAX_KEPT_BYTES", 1)
    last = understood(desk, picture=mark(500, 300)).spec
    assert [kept(services, spec).is_file() for spec in (*specs, last)] == [False] * 4 + [True]


# Own brushes


def test_an_own_brush_is_kept_with_its_corrections(desk):
    choice = understood(desk)
    choice = choice.corrected(replace(choice.found, color="#c81e2c", kind="charcoal"))
    saved = desk.save(choice, "  Red   chälk ", OWNER)
    assert (saved.title, saved.name, saved.is_own) == ("Red chälk", "own_red_chalk", True)
    assert desk.shelf(OWNER)[0] == saved
    again = desk.pick(saved.name, OWNER)
    assert again.understood.color == "#c81e2c"
    assert again.brush.kind == "charcoal"
    twin = desk.save(choice, "Red chälk", OWNER)
    assert twin.name == "own_red_chalk_2"
    desk.delete(saved.name, OWNER)
    assert [b.name for b in desk.shelf(OWNER) if b.is_own] == [twin.name]
    with pytest.raises(InvalidRequest, match="not on the shelf"):
        desk.pick(saved.name, OWNER)


@pytest.mark.parametrize("title", ["", "   ", "x" * 61])
def test_a_brush_needs_a_name(desk, title):
    with pytest.raises(InvalidRequest, match="name"):
        desk.save(desk.pick("ink_black", OWNER), title, OWNER)


def test_a_damaged_own_brush_is_left_out(desk, services):
    saved = desk.save(desk.pick("ink_black", OWNER), "Mine", OWNER)
    (saved.preview.parent / "brush.json").write_text("{")
    assert not any(b.is_own for b in desk.shelf(OWNER))
    (saved.preview.parent.parent / "stars.json").write_text("[1,")
    assert len(desk.shelf(OWNER)) >= 35


@pytest.mark.parametrize("name", ["own_../../x", "own_", "own_a/b", "own_" + "x" * 300, "own_\0"])
def test_names_of_own_brushes_lead_nowhere_else(desk, name):
    with pytest.raises(AppError):
        desk.pick(name, OWNER)
    with pytest.raises(AppError):
        desk.delete(name, OWNER)


def test_guests_see_only_their_own_brushes(desk, services):
    first, second = guest(services), guest(services)
    mine = desk.save(desk.pick("ink_black", OWNER), "Of the owner", OWNER)
    theirs = desk.save(understood(desk, first), "Of a guest", first)
    assert [b.name for b in desk.shelf(first) if b.is_own] == [theirs.name]
    assert not any(b.is_own for b in desk.shelf(second))
    for stranger, name in ((second, theirs.name), (first, mine.name), (OWNER, theirs.name)):
        with pytest.raises(InvalidRequest):
            desk.pick(name, stranger)
    spec = desk.pick(theirs.name, first).spec
    assert desk.read_picture(spec, Role.GUEST, first.session).ndim == 3
    with pytest.raises(InvalidRequest, match="not here"):
        desk.read_picture(spec, Role.GUEST, second.session)
    folder = services.guests.named(first.session).folder
    assert (folder / spec.image).is_file()
    assert services.guests.bytes_of(services.guests.named(first.session)) > 0


def test_a_guests_brushes_count_and_go(desk, services):
    person = guest(services)
    services.guests.limits = replace(services.guests.limits, session_bytes=1000)
    choice = understood(desk, person)  # the first fits: nothing was kept before
    with pytest.raises(AppError, match="You keep"):
        desk.save(choice, "Too much", person)
    folder = services.guests.named(person.session).folder
    assert (folder / choice.spec.image).is_file()
    services.guests.clear()
    assert not (folder / choice.spec.image).exists()
    with pytest.raises(AppError):
        desk.save(choice, "Over", person)


# A stroke of a drawing


def test_a_stroke_of_a_drawing_becomes_a_brush(desk, services):
    saved = published(services.settings.output_dir)
    choice = desk.eyedrop(saved, 0, OWNER, title="Stroke")
    assert choice.origin == "stroke"
    assert choice.is_ready_made
    assert int(choice.found.color[1:3], 16) < 60
    assert (choice.frame().pixels_HW3[:39, :80] < 200).any()
    for index in (-1, 10_000):
        with pytest.raises(InvalidRequest, match="no such stroke"):
            desk.eyedrop(saved, index, OWNER, title="Stroke")
    painted = reink(saved, desk.pick("crayon_red", OWNER))
    assert desk.eyedrop(painted, 0, OWNER, title="Stroke").brush.kind == "crayon"


def test_the_newest_drawings_come_first(services):
    root = services.settings.output_dir
    published(root, "cat")
    published(root, "house")
    (root / "broken").mkdir()
    (root / "broken" / "broken_config.json").write_text("{}")
    assert {saved.name for saved in recent_drawings(root, 5)} == {"cat", "house"}
    assert len(recent_drawings(root, 1)) == 1
    assert own_drawing(root, "cat").name == "cat"
    for name in ("none", "../out/cat", "/etc", ".."):
        with pytest.raises(AppError):
            own_drawing(root, name)


# Re-ink


def test_a_drawing_is_painted_again_with_another_brush(desk, services):
    saved = published(services.settings.output_dir)
    before = {path.name: path.read_bytes() for path in saved.folder.iterdir()}
    choice = desk.pick("marker_blue", OWNER)
    new = reink(saved, choice)
    assert new.folder != saved.folder
    assert {path.name: path.read_bytes() for path in saved.folder.iterdir()} == before
    clip = media.read_video(new.files["mp4"]).frames_THW3
    assert clip.shape == media.read_video(saved.files["mp4"]).frames_THW3.shape
    picture = media.read_image(new.files["png"]).astype(int)
    inked = (picture < 235).any(-1)
    assert np.abs(np.median(picture[inked], axis=0) - (0x83, 0xBB, 0xE3)).max() < 40
    assert new.request.brush.name == "marker_blue"
    assert brush_of(new).kind == "marker"
    assert stroke_check(new).passes
    assert reink(saved, choice).folder == new.folder
    names = [span.name for span in new.timeline]
    assert names == [span.name for span in saved.timeline]


def test_what_was_painted_is_painted_again_at_any_size_and_order(desk, services):
    saved = published(services.settings.output_dir)
    new = reink(saved, desk.pick("crayon_red", OWNER), show_box=True)
    large = media.read_image(services.exports.export(new.folder, "png", height_px=480))
    assert large.shape == (480, 864, 3)
    painted = painter_of(new).picture(new.strokes, 864, 480)
    np.testing.assert_array_equal(large, painted)  # with grain, and not enlarged frames
    reddish = (large[..., 0].astype(int) - large[..., 1] > 60).mean()
    assert reddish > 0.01
    assert large[:70, 150:175].min() < 60  # the side of the box
    order = [span.index for span in new.timeline][::-1]
    retimed = rerender(new, Changes(retiming=Retiming(order=tuple(order)), height_px=240))
    again = media.read_image(retimed.files["png"])
    assert (again[..., 0].astype(int) - again[..., 1] > 60).mean() > 0.005


def test_a_drawing_without_strokes_cannot_be_painted_again(desk, services):
    saved = published(services.settings.output_dir)
    blank = replace(saved)
    blank.__dict__["strokes"] = replace(saved.strokes, strokes=())
    with pytest.raises(InvalidRequest, match="No strokes"):
        reink(blank, desk.pick("ink_black", OWNER))


def test_a_stopped_painting_leaves_nothing(desk, services):
    from videosketcher_app.core.cancel import CancelToken
    from videosketcher_app.core.errors import Cancelled

    saved, token = published(services.settings.output_dir), CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        reink(saved, desk.pick("ink_black", OWNER), cancel=token)
    assert [path.name for path in services.settings.output_dir.iterdir()] == [saved.folder.name]


def test_a_record_of_a_brush_is_the_brush(desk):
    for entry in desk.library.values():
        record = brush_mapping(entry.brush)
        assert brush_mapping(read_brush(record)) == record
        assert read_brush(record).kind == entry.brush.kind
    good = brush_mapping(desk.library["crayon_red"].brush)
    bad = [None, [], {}, {**good, "kind": "laser"}, {**good, "color": [2, 0, 0]}]
    bad += [{**good, "width_px": float("nan")}, {**good, "nib": {"shape": "star"}}]
    bad += [{**good, "more": 1}, {**good, "flow": {"opacity": 0}}, {**good, "edge": 3}]
    for values in bad:
        with pytest.raises(ValueError, match="damaged"):
            read_brush(values)


def test_tips_are_of_the_shape_that_the_player_shows(services):
    saved = published(services.settings.output_dir)
    assert pen_tips(saved.strokes).shape == (saved.strokes.num_frames, 2)


def test_texture_and_tip_keep_color_and_width(desk):
    brush = desk.library["gouache_teal"].brush
    other = with_direction(of_kind(brush, "pencil", desk.library), 0.7)
    assert (other.kind, other.color, other.width_px) == ("pencil", brush.color, brush.width_px)
    assert direction_of(other) == pytest.approx(0.7)
    assert direction_of(with_direction(other, 0.0)) == 0
    with pytest.raises(KeyError):
        of_kind(brush, "laser", desk.library)


# Drawing


def request_with(choice, **fields) -> SketchRequest:
    base = {"prompt": "a cat", "model": "tiny", "seed": 5, "num_frames": 9, "planner": "library"}
    brush = choice.spec.model_dump(mode="json")
    return SketchRequest(**{**base, "brush": brush, **fields})


def drawn(services, request, person=OWNER):
    events = services.generation.run(request, role=person.role, session=person.session)
    return next(event.drawing for event in events if isinstance(event, Done))


def test_a_sketch_is_drawn_with_a_picture_of_a_brush(desk, services):
    choice = understood(desk)
    drawing = drawn(services, request_with(choice))
    assert drawing.settings["brush"]["kind"] == choice.understood.kind
    assert drawing.settings["brush"]["color"] == choice.understood.color
    person = guest(services)
    own = understood(desk, person)
    assert drawn(services, request_with(own), person).settings["painted"] == "reink"
    others = understood(desk, picture=mark(480, 300))
    with pytest.raises(InvalidRequest, match="not here"):
        drawn(services, request_with(others), person)


def test_side_by_side_gives_the_files_of_single_drawings(desk, services, tmp_path):
    choices = [desk.pick(name, OWNER) for name in ("ink_black", "crayon_red", "pen_blue")]
    requests = [request_with(choice) for choice in choices]
    job = services.side_by_side.submit(requests, folder=tmp_path / "side")
    events = list(services.variations.follow(job))
    begun = [event.index for event in events if isinstance(event.event, Begun)]
    done = [event.event for event in events if isinstance(event.event, Drawn)]
    assert begun == [0, 1, 2]
    for request, drawing in zip(requests, done, strict=True):
        single = publish(drawn(services, request), tmp_path / "single")
        for kind in ("mp4", "png", "config"):
            assert drawing.files[kind].read_bytes() == single.files[kind].read_bytes(), kind
        shutil.rmtree(single.folder)


def test_side_by_side_wants_two_to_six_brushes(desk, services, tmp_path):
    request = request_with(desk.pick("ink_black", OWNER))
    for count in (0, 1, 7):
        with pytest.raises(InvalidRequest, match="side by side"):
            services.side_by_side.submit([request] * count, folder=tmp_path)


def test_a_bad_brush_ends_side_by_side_with_a_sentence(desk, services, tmp_path):
    good = request_with(desk.pick("ink_black", OWNER))
    bad = good.replaced(brush=BrushSpec(name="no_such_brush").model_dump(mode="json"))
    job = services.side_by_side.submit([good, bad], folder=tmp_path / "side")
    with pytest.raises(InvalidRequest, match="no_such_brush"):
        list(services.variations.follow(job))
    assert len(list((tmp_path / "side").iterdir())) == 1


def test_a_batch_draws_every_prompt_with_every_brush(desk, services, tmp_path):
    specs = [
        desk.pick(name, OWNER).spec.model_dump(mode="json") for name in ("ink_black", "pen_blue")
    ]
    run = services.batches.start(
        ["a cat", "a cat", "a house", "a house"],
        {"model": "tiny", "num_frames": 9, "planner": "library"},
        parent=tmp_path,
        own_settings=[{"brush": spec} for spec in specs] * 2,
        notes=["Ink, black", "Pen, blue"] * 2,
    )
    assert run.wait(120)
    rows = run.rows(0, 9)
    assert [row.status for row in rows] == ["done"] * 4, [row.error for row in rows]
    assert [row.note for row in rows] == ["Ink, black", "Pen, blue"] * 2
    assert len({row.folder for row in rows}) == 4


def test_people_without_the_right_are_told(desk, monkeypatch):
    from videosketcher_app.core import access

    monkeypatch.setitem(access.CAPABILITIES, Role.GUEST, frozenset())
    with pytest.raises(Forbidden):
        understood(desk, Person(role=Role.GUEST, session="x"))
