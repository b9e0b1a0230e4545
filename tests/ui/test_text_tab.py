"""The Text tab without a browser: what is asked becomes a request, a plan, a drawing, files."""

from __future__ import annotations

import asyncio
import re
import threading
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest

from tests.services.drawings import published
from videosketcher_app.core.access import Role, allows
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import AppError, Cancelled, InvalidRequest
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build
from videosketcher_app.services.exports import KINDS
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.services.saved import PartSpan
from videosketcher_app.ui.app import build_app
from videosketcher_app.ui.components.plan_editor import PlanEditor
from videosketcher_app.ui.components.player import Retiming as ShownRetiming
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.tabs.text import downloads, drawing, results, reuse
from videosketcher_app.ui.tabs.text.drawing import Asked
from videosketcher_app.ui.tabs.text.layout import lay_out
from videosketcher_app.ui.tabs.text.page import Draft, Result, request_of
from videosketcher_app.ui.tabs.text.planning import edited, editor_value, plan_of
from videosketcher_app.ui.tabs.text.suggestions import concepts
from videosketcher_app.ui.tabs.text.turns import Turn, Turns
from videosketcher_app.ui.tabs.text.updates import sheet_updates, updates
from videosketcher_app.ui.tabs.text.values import parse_size, settings_values, size_text

#        concept, as written, seed, model, steps, guidance, frames, size, fps, planner
FIELDS = ["a cat", False, 7, "tiny", "", "", 81, "", 16, "auto"]
OPTIONS = [1080, 0, 1, "a4", True]


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


def fields(**changes):
    names = [
        "concept",
        "as_written",
        "seed",
        "model",
        "steps",
        "guidance",
        "frames",
        "size",
        "fps",
        "planner",
    ]
    return tuple(changes.get(name, value) for name, value in zip(names, FIELDS, strict=True))


def asked(plan=None, draft=None, session="page", **changes) -> Asked:
    return Asked(values=fields(**changes), plan=plan, draft=draft, session=session)


def drawn(services, question, role=Role.OWNER, turn=None):
    return list(drawing.draw(services, role, question, turn or Turn()))


def planned(services, prompt="a cat") -> PlannedDrawing:
    return services.planner.plan(SketchRequest(prompt=prompt))


# Fields


def test_the_fields_become_a_request():
    request = request_of(fields(steps="4", guidance="1,5", size="312 x 240", frames=121.0))
    assert (request.num_inference_steps, request.cfg_scale) == (4, 1.5)
    assert (request.width, request.height, request.num_frames) == (312, 240, 121)
    assert request_of(fields()) == SketchRequest(prompt="a cat", seed=7, model="tiny")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"concept": ""}, "empty"),
        ({"concept": None}, "empty"),
        ({"seed": None}, "seed"),
        ({"seed": -1}, "seed"),
        ({"concept": "x" * 5000}, "5,000"),
        ({"size": "large"}, "no size: large"),
        ({"size": "433 x 240"}, "multiples"),
        ({"steps": "many"}, "no number: many"),
        ({"steps": "nan"}, "num_inference_steps"),
        ({"steps": "2.5"}, "num_inference_steps"),
        ({"frames": 80}, "4n + 1"),
        ({"model": None}, "model"),
    ],
)
def test_what_is_not_possible_is_said(changes, told):
    with pytest.raises(InvalidRequest, match=re.escape(told)):
        request_of(fields(**changes))


@pytest.mark.parametrize("text", ["432 x 240", "432x240", "432 × 240 px", " 432,240 "])
def test_sizes_are_read_as_people_write_them(text):
    assert parse_size(text) == (432, 240)


def test_settings_come_back_as_they_were():
    request = SketchRequest(
        prompt="a cat", width=312, height=312, num_inference_steps=16, cfg_scale=0.5
    )
    model, steps, guidance, frames, size, fps = settings_values(request)
    again = request_of(
        fields(
            model=model, steps=steps, guidance=guidance, frames=frames, size=size, fps=fps, seed=0
        )
    )
    assert again == request
    assert size_text(SketchRequest(prompt="a cat")) == ""


def test_suggestions_begin_with_what_the_model_was_taught():
    listed = concepts()
    taught = [len(concept) > 2 for concept in listed]
    assert len(listed) > 400
    assert taught == sorted(taught, reverse=True)
    assert any("gato" in names for _, names, *_ in listed)


# Plans


def test_the_editors_plan_is_drawn_for_its_own_concept_only(services):
    first = planned(services)
    value = editor_value(first)
    draft = Draft(prompt="a cat", planned=first)
    asks: list[str] = []

    def plan(request):
        asks.append(request.prompt)
        return services.planner.plan(request)

    assert plan_of(SketchRequest(prompt="a cat"), value, draft, plan) is first
    assert asks == []
    other = plan_of(SketchRequest(prompt="a house"), value, draft, plan)
    assert asks == ["a house"]
    assert other.plan.concept == "a house"


def test_an_edited_plan_keeps_the_model_words_of_untouched_parts():
    shown = DrawingPlan(
        concept="un gato",
        parts=(PlanPart(name="Cabeza", description="c"), PlanPart(name="Cola", description="o")),
    )
    words = DrawingPlan(
        concept="a cat",
        parts=(PlanPart(name="Head", description="c"), PlanPart(name="Tail", description="o")),
    )
    first = PlannedDrawing(plan=shown, model_plan=words, planner="openai", taught=True)
    new_part = PlanPart(name="Sombrero", description="triangle")
    changed = edited(first, DrawingPlan(concept="un gato", parts=(shown.parts[1], new_part)))
    assert changed.model_plan.concept == "a cat"
    assert changed.model_plan.parts == (words.parts[1], new_part)
    assert changed.note
    assert not changed.taught
    assert edited(first, shown) is first


def test_a_plan_written_by_hand_needs_no_planner():
    value = {"concept": "", "parts": [{"name": "Circle", "description": "circle in the center"}]}
    made = plan_of(SketchRequest(prompt="my thing"), value, None, lambda _: pytest.fail("planned"))
    assert str(made.plan).startswith("Step by step sketch process of my thing")


def test_as_written_reads_neither_plan_nor_planner(services):
    value = editor_value(planned(services))
    now = drawn(services, asked(plan=value, as_written=True, concept="three red lines"))
    folder = now[-1].view.folder
    config = (folder / f"{folder.name}_config.json").read_text("utf-8")
    assert '"model_text": "three red lines"' in config
    assert now[-1].draft is None


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
    preview, player, result, files, back, again = rows[-1][-6:]
    assert player["video"].endswith("cat.mp4")
    assert result == Result(folder=last.view.folder, original=last.view.folder)
    assert files["enabled"]
    assert preview["visible"] is False
    assert (back["interactive"], again["interactive"]) == (False, True)
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


# Results


def test_retiming_counts_the_shown_parts_and_leads_back(services):
    saved = published(services.settings.output_dir)
    first = Result(folder=saved.folder, original=saved.folder)
    count = len(saved.timeline)
    data = {"order": list(range(count))[::-1], "seconds": [0.5] * count, "hold_s": 0.5}
    new = results.retimed(services, Role.OWNER, first, data, "page", CancelToken())
    names = [span.name for span in results.open_saved(new.folder).timeline]
    assert names == [span.name for span in saved.timeline][::-1]
    assert new.original == saved.folder
    back = sheet_updates(new, services)[4]
    assert back["interactive"]
    with pytest.raises(InvalidRequest):
        results.retimed(services, Role.OWNER, first, {"order": [0]}, "page", CancelToken())
    stopped = CancelToken()
    stopped.cancel()
    with pytest.raises(Cancelled):
        results.retimed(services, Role.OWNER, first, data, "page", stopped)
    with pytest.raises(InvalidRequest, match="no drawing"):
        results.retimed(services, Role.OWNER, None, data, "page", CancelToken())


def test_shown_parts_are_named_by_their_place_in_the_plan():
    """Part 1 of the plan has no strokes, and the others are drawn in another order."""
    spans = [
        PartSpan(index=index, name=str(index), start_s=at, end_s=at + 1.0)
        for at, index in enumerate((2, 0, 3))
    ]
    wish = ShownRetiming(order=(2, 0, 1), seconds=(0.5, 1.0, 1.5), hold_s=0.25)
    changes = results.changes_of(SimpleNamespace(timeline=spans), wish).retiming
    assert changes.order == (3, 2, 0)
    assert changes.durations_s == {3: 0.5, 2: 1.0, 0: 1.5}
    assert changes.holds_s == {3: 0.25, 2: 0.25, 0: 0.25}


@pytest.mark.parametrize("kind", ["svg", "config", "png"])
def test_a_download_is_made_when_asked_for(services, kind):
    saved = published(services.settings.output_dir)
    data = {"kind": kind, "drawing": "x"}
    making, ready = list(downloads.made(services, data, saved.folder, OPTIONS))
    assert (making["state"], ready["state"]) == ("making", "ready")
    assert ready["path"].startswith(str(saved.folder / "exports"))


@pytest.mark.parametrize(
    "data", [None, {}, {"kind": "../x", "drawing": "x"}, {"kind": "png"}, "png"]
)
def test_nothing_is_made_of_words_that_are_no_kind(services, data):
    saved = published(services.settings.output_dir)
    assert list(downloads.made(services, data, saved.folder, OPTIONS)) == []


def test_a_download_that_cannot_be_made_says_why(services):
    *_, failed = downloads.made(services, {"kind": "png", "drawing": "x"}, None, OPTIONS)
    assert failed["state"] == "failed"
    assert "no drawing" in failed["words"]
    folder = published(services.settings.output_dir).folder
    *_, odd = downloads.made(
        services, {"kind": "png", "drawing": "x"}, folder, [7, 0, 1, "a4", True]
    )
    assert odd["state"] == "failed"


def test_there_is_a_button_for_every_kind(services):
    html = downloads._template()
    assert all(f'data-kind="{kind}"' in html for kind in KINDS)
    assert html.count("disabled") == len(KINDS)


# Settings that come back


@pytest.fixture
def context(services):
    return PageContext(services=services, role=Role.OWNER, model="tiny")


@pytest.fixture
def page(context):
    async def build_page():
        with gr.Blocks():
            return lay_out(context)

    return asyncio.run(build_page())


@pytest.mark.parametrize("kind", ["mp4", "png", "svg", "gif", "config"])
def test_every_exported_file_brings_its_settings_back(services, context, page, kind):
    saved = published(services.settings.output_dir)
    path = services.exports.export(saved.folder, kind)
    status, concept, as_written, seed, lock, model, *_, plan, draft = reuse.from_file(
        context, page, path, path.name
    )
    assert path.name in status
    assert (concept, as_written, seed, lock, model) == ("a cat", False, 7, True, "tiny")
    assert PlanEditor.read(plan) == saved.plan
    assert draft.planned.plan == saved.plan


def test_a_file_of_others_is_answered(context, page, tmp_path):
    path = tmp_path / "other.svg"
    path.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    with pytest.raises(AppError, match="holds no plan"):
        reuse.from_file(context, page, path, "<b>.svg")


def test_a_model_that_is_not_here_is_not_chosen(context, page):
    request = SketchRequest(prompt="a cat", model="wan2.1-t2v-14b")
    assert reuse.reuse_updates(context, page, request, None)[4] == "tiny"


def test_the_shown_drawing_gives_its_settings(services, context, page):
    saved = published(services.settings.output_dir)
    values = reuse.from_result(context, page, Result(folder=saved.folder, original=saved.folder))
    assert values[1:4] == ["a cat", False, 7]
    with pytest.raises(InvalidRequest):
        reuse.from_result(context, page, None)


def test_updates_of_settings_fit_their_places(context, page):
    request = SketchRequest(prompt="a cat", model="tiny", loras=[{"path": "ink", "scale": 0.5}])
    places, values = reuse.reuse_outputs(page), reuse.reuse_updates(context, page, request, None)
    assert len(places) == len(values)
    assert values[places.index(page.loras.names[0])] == "ink"
    assert values[places.index(page.loras.scales[0])] == 0.5


# The page


@pytest.mark.parametrize("role", Role)
def test_the_page_of_a_role(services, role):
    async def page():
        return build_app(services, role, model="tiny")

    blocks = asyncio.run(page())
    ids = {block.elem_id for block in blocks.blocks.values() if getattr(block, "elem_id", None)}
    assert {"concept", "draw", "plan-first", "stop", "plan", "player", "downloads"} <= ids
    assert ("planner" in ids) == (role is Role.OWNER)
    assert all(allows(role, fn.fn.capability) for fn in blocks.fns.values())
    notes = [
        b.value
        for b in blocks.blocks.values()
        if isinstance(b, gr.HTML) and b.elem_id == "about-model"
    ]
    assert "for tests" in notes[0]


def test_words_of_people_never_become_html(services):
    hostile = "<img src=x onerror=alert(1)> ${x} {{y}}"
    last = drawn(services, replace(asked(), values=fields(size=hostile)))[-1]
    assert "<img" not in last.view.status
    assert "${" not in last.view.status
    assert "{{" not in last.view.status
