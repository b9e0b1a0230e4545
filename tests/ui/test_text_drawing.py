"""Drawing in the Text tab without a browser: progress, stopping, waiting, guests."""

from __future__ import annotations

import threading

import pytest

from tests.ui.text_cases import asked, drawn, planned
from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build
from videosketcher_app.ui.components.plan_editor import PlanEditor
from videosketcher_app.ui.present import started
from videosketcher_app.ui.tabs.text import drawing
from videosketcher_app.ui.tabs.text.drawing import Drawn
from videosketcher_app.ui.tabs.text.page import Draft, Result
from videosketcher_app.ui.tabs.text.planning import editor_value
from videosketcher_app.ui.tabs.text.turns import Turn, Turns
from videosketcher_app.ui.tabs.text.updates import updates


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


# Drawing


def test_drawing_ends_with_a_playing_video_and_every_download(services):
    news = drawn(services, asked())
    last = news[-1]
    assert last.view.folder == services.settings.output_dir / "cat"
    assert "Done" in last.view.status
    assert any(now.view.preview is not None for now in news)
    assert last.draft.planned.planner == "library"
    rows = [
        updates(services, now, shown, seed=7)
        for now, shown in zip(news, [None, *news], strict=False)
    ]
    preview, player, result, files, back, again, whole = rows[-1][-7:]
    assert player["video"].endswith("cat.mp4")
    assert result == Result(folder=last.view.folder, original=last.view.folder)
    assert files["enabled"]
    assert preview["visible"] is False
    assert (back["interactive"], again["interactive"]) == (False, True)
    assert whole["visible"] is False
    plans = [row[2] for row in rows if isinstance(row[2], dict) and "parts" in row[2]]
    assert len(plans) == 1, "the plan is sent once, so that nobody's typing is overwritten"


def test_an_edited_plan_is_what_gets_drawn(services):
    first = planned(services)
    value = editor_value(first)
    value["parts"] = list(reversed(value["parts"]))[:3]
    last = drawn(services, asked(plan=value, draft=Draft(prompt="a cat", planned=first)))[-1]
    config = (last.view.folder / "cat_config.json").read_text("utf-8")
    assert str(PlanEditor.read(value)) in config


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"concept": ""}, "empty"), ({"concept": "?!"}, "no words"), ({"size": "x"}, "no size")],
)
def test_bad_input_is_answered_with_a_sentence(services, changes, told):
    last = drawn(services, asked(**changes))[-1].view
    assert told in last.status
    assert "vs-error" in last.status
    assert not last.busy


def test_plan_first_ends_with_a_plan_and_nothing_drawn(services):
    last = list(drawing.plan_only(services, Role.OWNER, asked(), Turn()))[-1]
    assert last.draft.planned.plan.concept == "a cat"
    assert f"{len(last.draft.planned.plan.parts)} parts" in last.view.status
    assert not services.settings.output_dir.exists()


def test_stopping_keeps_the_preview_and_frees_the_worker(services):
    turn, kept = Turn(), []
    for now in drawing.draw(services, Role.OWNER, asked(steps="200"), turn):
        if now.view.preview is not None:
            kept.append(now.view.preview)
            turn.cancel()
    assert now.view.preview is not None
    assert "stays on the sheet" in now.view.status
    assert not list(services.settings.output_dir.glob("*/*.mp4"))
    assert drawn(services, asked())[-1].view.folder is not None


def test_stopping_before_the_first_preview_says_so(services):
    turn = Turn()
    turn.cancel()
    last = drawn(services, asked(), turn=turn)[-1].view
    assert "Nothing was drawn" in last.status
    assert not services.queue.is_running


def test_stopping_with_keep_ends_with_a_drawing_that_can_be_drawn_whole(services):
    turn = Turn()
    for now in drawing.draw(services, Role.OWNER, asked(steps="200"), turn):
        if now.view.preview is not None:
            turn.finish_early()
    assert now.view.folder.name == "cat_stopped"
    assert "of 200, and kept" in now.view.status
    rows = updates(services, now, Drawn(view=started(), draft=None), seed=7)
    *_, result, files, _back, again, whole = rows
    assert files["enabled"]
    assert again["interactive"]
    assert whole["visible"]
    news = drawing.draw_whole(services, Role.OWNER, result.original, "page", Turn())
    shown = next(now for now in news if now.view.preview is not None)
    assert shown.view.busy
    news.close()
    free = drawn(services, asked(frames=9))[-1].view
    assert free.folder is not None


def test_a_page_that_closes_while_its_sketch_is_kept_loses_nothing(services):
    turns = Turns()
    turn = turns.begin("page")
    news = drawing.draw(services, Role.OWNER, asked(steps="200", frames=9), turn)
    next(now for now in news if now.view.preview is not None)
    turns.finish_early("page")
    turns.leave("page")
    news.close()
    turns.end("page", turn)
    assert drawn(services, asked(concept="a dog", frames=9))[-1].view.folder is not None
    assert (services.settings.output_dir / "cat_stopped" / "cat_stopped.mp4").is_file()


def test_a_page_that_closes_stops_its_sketch(services):
    turns = Turns()
    turn = turns.begin("page")
    news = drawing.draw(services, Role.OWNER, asked(steps="200", frames=9), turn)
    next(now for now in news if now.view.preview is not None)
    turns.leave("page")
    news.close()
    assert drawn(services, asked(concept="a dog", frames=9))[-1].view.folder is not None
    assert [path.name for path in services.settings.output_dir.iterdir()] == ["dog"]


def test_a_stopped_sketch_is_drawn_whole_from_its_own_settings(services):
    turn = Turn()
    for now in drawing.draw(services, Role.OWNER, asked(steps="20", frames=9), turn):
        if now.view.preview is not None:
            turn.finish_early()
    *_, last = drawing.draw_whole(services, Role.OWNER, now.view.folder, "page", Turn())
    assert last.view.folder == services.settings.output_dir / "cat"
    assert "Done" in last.view.status
    assert last.draft is None, "the plan in the editor stays"


def test_without_a_stopped_sketch_there_is_nothing_to_draw_whole(services, tmp_path):
    for folder in (None, tmp_path / "nowhere"):
        *_, last = drawing.draw_whole(services, Role.OWNER, folder, "page", Turn())
        assert "vs-error" in last.view.status
        assert not last.view.busy


def test_keeping_before_there_is_a_sketch_stops(services):
    turns = Turns()
    turn = turns.begin("page")
    turns.finish_early("nobody")
    assert not turn.token.cancelled
    turns.finish_early("page")
    assert "Nothing was drawn" in drawn(services, asked(), turn=turn)[-1].view.status


def test_planning_does_not_hold_the_compute_worker(services):
    """A second sketch is finished while the first one's planner still thinks."""
    thinking, answered = threading.Event(), threading.Event()
    true_plan = services.planner.plan

    def slow_plan(request, *, role=Role.GUEST):
        if request.prompt == "a house":
            thinking.set()
            assert answered.wait(60)
        return true_plan(request, role=role)

    services.planner.plan = slow_plan
    slow = threading.Thread(
        target=drawn, args=(services, asked(concept="a house", session="other"))
    )
    slow.start()
    assert thinking.wait(60)
    assert drawn(services, asked())[-1].view.folder is not None
    answered.set()
    slow.join(60)
    assert (services.settings.output_dir / "house").is_dir()


def test_who_stops_does_not_wait_for_a_slow_planner(services):
    thinking, answered = threading.Event(), threading.Event()

    def slow_plan(request, *, role=Role.GUEST):
        thinking.set()
        assert answered.wait(60)
        raise InvalidRequest("Nobody reads this.")

    services.planner.plan = slow_plan
    turn = Turn()
    stopper = threading.Thread(target=lambda: thinking.wait(60) and turn.cancel())
    stopper.start()
    last = drawn(services, asked(), turn=turn)[-1].view
    assert not answered.is_set()
    assert "Nothing was drawn" in last.status
    answered.set()
    stopper.join(60)


def test_who_waits_is_told_the_place(services):
    first = drawing.draw(services, Role.OWNER, asked(steps="200", session="first"), Turn())
    for now in first:
        if now.view.preview is not None:
            break
    second = drawing.draw(services, Role.OWNER, asked(session="second"), Turn())
    assert any("Waiting behind 1 sketch" in now.view.status for now in _until_waiting(second))
    second.close()
    first.close()


def _until_waiting(news):
    for now in news:
        yield now
        if "Waiting" in now.view.status:
            return


def test_a_newer_turn_leaves_the_older_one_nothing_to_say():
    turns = Turns()
    older = turns.begin("page")
    newer = turns.begin("page")
    assert older.token.cancelled
    assert not turns.is_current("page", older)
    assert turns.is_current("page", newer)
    turns.end("page", older)
    assert turns.is_current("page", newer)
    turns.stop("page")
    assert newer.token.cancelled


def test_a_guest_draws_into_the_own_folder_only(services):
    _, guest = services.guests.admit()
    last = drawn(services, asked(session=guest.name), role=Role.GUEST)[-1]
    assert last.view.folder.is_relative_to(guest.folder)
    assert not services.settings.output_dir.exists()
    nobody = drawn(services, asked(session="somebody"), role=Role.GUEST)[-1]
    assert "visit is over" in nobody.view.status
    keys = drawn(services, asked(session=guest.name, planner="openai"), role=Role.GUEST)[-1]
    assert "vs-error" in keys.view.status
