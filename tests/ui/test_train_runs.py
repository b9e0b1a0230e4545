"""The runs of the Train tab: what is shown of each state, and that every word stays text."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from tests.models.lora.made import made, modules_of
from videosketcher_app.core.access import Capability, Role
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.writing import write_lora
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.services.container import build
from videosketcher_app.services.training_runs.views import (
    STATES,
    RunCost,
    RunView,
    SampleItem,
    SampleStrip,
)
from videosketcher_app.storage.media import write_png, write_video
from videosketcher_app.ui.app import build_app
from videosketcher_app.ui.components.loss_plot import plot_html, smoothed
from videosketcher_app.ui.components.sample_strip import MAX_COLUMNS, strip_html
from videosketcher_app.ui.tabs.text.lora_slots import NUM_SLOTS, put_in_slot
from videosketcher_app.ui.tabs.train.news import news_of
from videosketcher_app.ui.tabs.train.run_view import (
    RESULT,
    Look,
    News,
    allowed,
    board_value,
    duration,
    facts_words,
    list_html,
    opened_run,
    pair_html,
    state_words,
)
from videosketcher_app.ui.tabs.train.runs import run_of
from videosketcher_app.ui.tabs.train.stages import (
    PRESETS,
    Wish,
    cards_value,
    checked_request,
    cost_words,
    offered_stages,
    request_of,
)

HOSTILE = "<img src=x onerror=alert(1)>"
FIELDS = ["style", "ink", "", "", "tiny", "marker_blue", "", ""]
LINE = {"points": [[40, 40, 0, 1], [200, 120, 8, 1]]}


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


def run(state="training", **changes):
    going = {"waiting": False, "paused": False}.get(state, state in ("training", "preparing"))
    values = {"id": "r1", "name": "ink", "dataset": "/d", "state": state, "is_alive": going}
    return RunView(**{**values, **changes})


def strips(folder, steps, prompts=(HOSTILE, "a house")):
    made_strips = []
    for step in steps:
        items = []
        for index, prompt in enumerate(prompts):
            png, mp4 = folder / f"{step}_{index}.png", folder / f"{step}_{index}.mp4"
            frames = np.full((5, 24, 48, 3), 255 - index, np.uint8)
            write_png(png, frames[0])
            write_video(mp4, frames, fps=16)
            items.append(SampleItem(prompt, png, mp4))
        made_strips.append(SampleStrip(step=step, items=tuple(items)))
    return tuple(made_strips)


def add_sketches(services, captions, name="ink"):
    from videosketcher_app.data.sketchbook_limits import read_strokes

    services.sketchbooks.create(name)
    for caption in captions:
        strokes = read_strokes([LINE], "Test")
        services.sketchbooks.add(name, strokes, width=432, height=240, caption=caption)


@pytest.mark.parametrize("state", sorted(STATES))
def test_every_state_has_its_words_and_its_buttons(state):
    view = run(state, checkpoints=(0, 4), has_result=state == "done")
    assert state_words(view)
    assert set(allowed(view)) <= {"pause", "go_on", "stop", "use"}
    assert ("pause" in allowed(view)) == (state in ("waiting", "preparing", "training", "yielding"))
    assert ("go_on" in allowed(view)) == (state in ("paused", "interrupted", "failed"))


def test_the_result_is_what_is_used_unless_somebody_chooses(tmp_path):
    view = run("done", is_alive=False, checkpoints=(0, 2, 4), has_result=True)
    shown = board_value([view], view, News())["run"]
    assert shown["checkpoints"][-1] == ["The result", RESULT]
    assert [step for _, step in shown["checkpoints"]] == [2, 4, RESULT]
    assert "use" not in allowed(run("training"))


def test_a_flawed_run_can_only_be_removed():
    view = run("interrupted", is_alive=False, flaw="It is damaged.")
    assert allowed(view) == []
    assert 'data-do="remove"' in list_html([view], "r1")
    assert 'data-do="remove"' not in list_html([run()], "r1")


def test_words_of_people_stay_words(tmp_path):
    view = run(name=HOSTILE, id='"><b>', samples=strips(tmp_path, [0]), message=HOSTILE)
    value = board_value([view], view, News(words=HOSTILE))
    for html in (value["list"], value["run"]["strip"], value["run"]["plot"]):
        assert "<img src=x" not in html
        assert '"><b>' not in html
    pair = pair_html([(0, Path("no.png"), Path("no.mp4"))], HOSTILE)
    assert "<img src=x" not in pair


def test_the_board_opens_the_chosen_run_else_one_that_goes_else_the_newest():
    old, alive, newest = run("done", id="a"), run(id="b"), run("done", id="c")
    runs = [replace(newest, is_alive=False), alive, replace(old, is_alive=False)]
    assert opened_run(runs, Look(run="a")).id == "a"
    assert opened_run(runs, Look()).id == "b"
    assert opened_run([runs[0], runs[2]], Look(run="gone")).id == "c"
    assert opened_run([], Look()) is None


def test_facts_leave_out_what_is_not_known():
    assert facts_words(run()) == ""
    words = facts_words(
        run(step=3, num_steps=8, loss=1.23456, seconds=75, seconds_left=3700, memory_bytes=2**30)
    )
    assert words == "step 3 of 8 · loss 1.23 · 1 min so far · 1 h 2 min left · 1.0 GB"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (59.4, "59 s"), (60, "1 min"), (3540, "59 min"), (7500, "2 h 5 min")],
)
def test_durations_are_said_as_people_say_them(seconds, words):
    assert duration(seconds) == words


def test_costs_say_what_is_known():
    assert "not known" in cost_words(RunCost(seconds=None, memory_bytes=None, note=""))
    disk = RunCost(seconds=None, memory_bytes=None, disk_bytes=70 * 2**20, note="")
    assert cost_words(disk) == "70 MB on the disk"
    assert cost_words(RunCost(seconds=600, memory_bytes=2**30, note="")) == (
        "about 10 min, 1.0 GB of memory"
    )


@pytest.mark.parametrize("losses", [[], [(1, float("nan"))], [(1, 2.0)], [(1, 2.0), (2, 2.0)]])
def test_short_and_flat_courses_can_be_drawn(losses):
    html = plot_html(losses, 10)
    assert ("<svg" in html) == (bool(losses) and losses[0][1] == 2.0)
    assert "nan" not in html


def test_the_plot_says_in_words_what_it_shows():
    html = plot_html([(step, 4 / step) for step in range(1, 9)], 8)
    assert 'role="img"' in html
    assert "4 at first" in html
    assert html.count("<circle") == 8
    assert smoothed([2.0, 2.0, 2.0]) == pytest.approx([2.0] * 3)


def test_the_strip_begins_with_the_base_and_ends_with_the_newest(tmp_path):
    html = strip_html(strips(tmp_path, range(0, 12), prompts=("a house",)))
    assert html.count("<img") == MAX_COLUMNS
    assert html.index("The model before") < html.index("Step 11")
    assert "Step 2<" not in html
    assert 'alt="a house, Step 11"' in html
    assert "first checkpoint" in strip_html(())


def test_two_checkpoints_are_films_side_by_side(tmp_path):
    first, second = strips(tmp_path, [0, 4])
    sides = [(s.step, s.items[1].png, s.items[1].mp4) for s in (first, second)]
    html = pair_html(sides, "a house")
    assert html.count('<video src="data:video/mp4;base64,') == 2
    assert html.index("The model before") < html.index("Step 4")
    first.items[1].mp4.unlink()
    assert pair_html(sides, "a house").count("<img") == 1


def folder_of_run(services, state="done", **status):
    folder = services.training.folder / "ink-1"
    folder.mkdir(parents=True)
    (folder / "request.json").write_text(json.dumps({"name": "ink", "dataset": "/d"}))
    values = {"state": state, "step": 4, "num_steps": 4, "loss": 1.5, **status}
    (folder / "status.json").write_text(json.dumps(values))
    return folder


def test_the_page_hears_only_what_is_new_and_rests_when_nothing_runs(services):
    board, look, timer, num_ended = news_of(services, Look(), News())
    assert board["run"] == {"id": ""}
    assert not timer.active
    folder = folder_of_run(services)
    board, look, timer, num_ended = news_of(services, look, News())
    assert board["run"]["state"] == "finished"
    assert (timer.active, num_ended, look.run) == (False, 1, "ink-1")
    again, look, _, _ = news_of(services, look, News())
    assert again == gr.skip()
    (folder / "status.json").write_text(json.dumps({"state": "training", "step": 5}))
    board, *_ = news_of(services, look, News())
    assert board["run"]["state"] == "interrupted"
    assert "go_on" in board["run"]["can"]


@pytest.mark.parametrize("data", [None, {}, {"run": 5}, {"run": ""}, {"run": "x" * 300}])
def test_an_event_without_a_run_is_refused(data):
    with pytest.raises(InvalidRequest):
        run_of(data)


def test_a_wish_becomes_a_request(services):
    add_sketches(services, ["a cat", "a house"])
    request = request_of(services, Wish.of(FIELDS), stage="style")
    assert (request.name, request.model, request.num_steps) == ("ink", "tiny", None)
    assert Path(request.dataset) == services.sketchbooks.book("ink").folder
    wish = Wish.of(["style", "ink", " my hand ", " inkhand ", "tiny", "", "12", ""])
    request = checked_request(services, wish)
    assert (request.name, request.trigger, request.num_steps) == ("my hand", "inkhand", 12)


@pytest.mark.parametrize(("model", "brush"), [("tiny", ""), ("tiny-brush", "marker_blue")])
def test_a_brush_counts_for_models_that_draw_with_one(services, model, brush):
    add_sketches(services, ["a cat", "a house"])
    values = [*FIELDS]
    values[4] = model
    request = services.training.checked(checked_request(services, Wish.of(values)))
    assert (request.model, request.brush) == (model, brush)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        (1, "", "no sketches"),
        (1, "gone", "gone"),
        (2, "a/b", "a/b"),
        (6, "many", "many"),
        (6, "0", "num_steps"),
        (6, "1.5", "num_steps"),
        (3, "x" * 100, "trigger"),
    ],
)
def test_a_bad_field_is_one_sentence_and_no_run(services, field, value, words):
    add_sketches(services, ["a cat", "a house"])
    values = [*FIELDS]
    values[field] = value
    with pytest.raises(InvalidRequest, match=words):
        checked_request(services, Wish.of(values))
    assert services.training.runs() == ()


def test_every_sketch_needs_its_caption_before_a_start_but_not_for_its_cost(services):
    add_sketches(services, ["a cat", ""])
    with pytest.raises(InvalidRequest, match="Sketch 2 has no caption"):
        checked_request(services, Wish.of(FIELDS))
    value = cards_value(services, Wish.of(FIELDS))
    assert value["chosen"] == "style"
    assert {card["stage"] for card in value["cards"]} == set(offered_stages())
    assert all("caption" not in card["note"] for card in value["cards"])
    nothing = cards_value(services, Wish.of(["style", "", "", "", "tiny", "", "", ""]))
    assert {card["note"] for card in nothing["cards"]} == {""}


def test_stages_are_those_whose_presets_are_shipped():
    assert "style" in offered_stages()
    assert set(offered_stages()) <= set(PRESETS)


@pytest.fixture
def ink(services, tmp_path):
    path = tmp_path / "ink.safetensors"
    write_lora(path, adapter_from(made(modules_of(tiny_model().transformer))))
    return services.loras.add(path, trigger_words=["inkhand"]).name


@pytest.mark.parametrize(
    ("chosen", "slot"), [([], 0), (["other"], 1), (["a", "ink"], 1), (["a", "b", "c", "d"], 3)]
)
def test_a_style_goes_to_the_first_free_slot_with_its_words(services, ink, chosen, slot):
    names = [*chosen, *[""] * (NUM_SLOTS - len(chosen))]
    values = [value for name in names for value in (name, 0.5)]
    fold, *rest = put_in_slot(services.loras, ink, values)
    dropdowns, rows = rest[:NUM_SLOTS], rest[NUM_SLOTS : 2 * NUM_SLOTS]
    words, scales = rest[2 * NUM_SLOTS], rest[-NUM_SLOTS:]
    assert fold.open is True
    assert dropdowns[slot]["value"] == ink
    assert scales[slot] == 1.0
    assert rows[slot]["visible"]
    assert words == ["inkhand"]


def page(services, role):
    async def build_page():
        return build_app(services, role, model="tiny")

    return asyncio.run(build_page())


@pytest.mark.parametrize(("role", "is_there"), [(Role.OWNER, True), (Role.GUEST, False)])
def test_only_the_owner_has_the_tab_and_its_handlers(services, role, is_there):
    blocks = page(services, role)
    handlers = [f.fn for f in blocks.fns.values() if f.fn.capability is Capability.TRAIN]
    ids = [block.elem_id for block in blocks.blocks.values() if getattr(block, "elem_id", None)]
    assert bool(handlers) == is_there
    assert any(elem_id.startswith("train-") for elem_id in ids) == is_there
