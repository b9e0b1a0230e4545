"""A person at the Text tab in a real browser; the tiny model, which draws noise in a second."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.browser.component_app import TABLET, browser_pages, expect
from tests.browser.text_page import Desk, text_app
from tests.models.lora.made import made, modules_of
from tests.services.drawings import published
from videosketcher_app.core.plan import parse_plan
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.writing import write_lora
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.services.exports import ExportService
from videosketcher_app.services.loras import LoraLibrary
from videosketcher_app.storage import media

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AROUND_FOCUS = """() => {
    const ids = [];
    for (let e = document.activeElement; e; e = e.parentElement) if (e.id) ids.push(e.id);
    return ids;
}"""
LONG = "200"  # denoising steps that leave time to press "Stop"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("text tab")


@pytest.fixture(scope="module")
def address(folder):
    with text_app(folder, model="tiny") as address:
        yield address


@pytest.fixture
def open_page(chromium_path):
    with browser_pages(chromium_path) as open_page:
        yield open_page


@pytest.fixture
def desk(open_page, address):
    return Desk(open_page(address))


def config_of(folder, name: str):
    return json.loads((folder / "out" / name / f"{name}_config.json").read_text("utf-8"))


def newest(folder, prefix: str):
    """The config of the newest drawing whose folder begins with `prefix`."""
    found = sorted(
        (folder / "out").glob(f"{prefix}*/*_config.json"), key=lambda p: p.stat().st_mtime
    )
    return json.loads(found[-1].read_text("utf-8"))


def test_two_clicks_from_the_page_to_a_finished_sketch(desk, folder):
    chip = desk.page.locator(".ts-chip").first
    title = chip.inner_text()
    chip.click()
    desk.button("Draw").click()
    desk.finished()
    assert len(desk.parts()) >= 3
    expect(desk.page.locator("#plan .pe-planner")).to_contain_text("planned by the library")
    assert desk.page.locator("#player .pl-part").count() >= 1
    assert any(c["plan"]["concept"] == title for c in map(json.loads, _configs(folder)))


def _configs(folder):
    return [path.read_text("utf-8") for path in (folder / "out").glob("*/*_config.json")]


def test_a_lora_is_chosen_and_its_word_goes_before_the_concept(desk, folder):
    path = folder / "ink.safetensors"
    write_lora(path, adapter_from(made(modules_of(tiny_model().transformer))))
    LoraLibrary(folder / "home" / "loras").add(path, trigger_words=["inkhand"])
    desk.page.locator("#loras .label-wrap").click()
    desk.page.locator("#lora-1 input").click()
    desk.page.get_by_role("option", name="ink").click()
    desk.page.locator("#lora-2 input").wait_for()  # the next slot
    desk.concept.fill("a cat")
    desk.button("inkhand").click()
    desk.page.wait_for_function("document.querySelector('#as-written input')?.checked")
    expect(desk.concept).to_have_value("inkhand, a cat")
    desk.button("Draw").click()
    desk.finished()
    config = newest(folder, "inkhand")
    assert [lora["path"] for lora in config["request"]["loras"]] == ["ink"]
    desk.page.locator("#lora-1 input").fill("")
    desk.button("Use its settings").click()
    desk.told("settings of this drawing are back")
    desk.page.wait_for_function("document.querySelector('#lora-1 input')?.value.startsWith('ink')")


def test_suggestions_follow_what_is_typed_in_other_languages_too(desk):
    desk.concept.press_sequentially("gato")
    chip = desk.page.locator(".ts-chip", has_text="a cat")
    chip.first.wait_for()
    chip.first.focus()
    desk.page.keyboard.press("Enter")
    expect(desk.concept).to_have_value("a cat")


def test_plan_first_then_reorder_reword_and_draw(desk, folder):
    desk.concept.fill("a snowman")
    desk.button("Plan first").click()
    desk.told("Planned in")
    before = desk.parts()
    desk.page.locator("#plan .pe-handle").first.focus()
    desk.page.keyboard.press("ArrowDown")
    desk.page.locator("#plan .pe-words").nth(2).fill("large star at the top left")
    desk.page.locator("#plan .pe-line summary").click()
    line = desk.page.locator("#plan .pe-line textarea")
    desk.page.wait_for_function(
        "document.querySelector('#plan .pe-line textarea')?.value.includes('large star')"
    )
    wanted = parse_plan(line.input_value())
    assert [part.name for part in wanted.parts][:2] == [before[1], before[0]]
    desk.button("Draw").click()
    desk.finished()
    config = newest(folder, "snowman")
    assert config["plan"]["text"] == str(wanted)
    assert config["plan"]["model_text"] == str(wanted)
    assert [part.name for part in wanted.parts] == desk.parts()


def test_the_line_of_text_is_the_plan_too(desk, folder):
    desk.concept.fill("a robot")
    desk.button("Plan first").click()
    desk.told("Planned in")
    desk.page.locator("#plan .pe-line summary").click()
    line = desk.page.locator("#plan .pe-line textarea")
    plan = parse_plan(line.input_value())
    line.fill(str(plan).replace(plan.parts[0].name, "Helmet", 1))
    desk.page.wait_for_function("document.querySelector('#plan .pe-name')?.value === 'Helmet'")
    desk.button("Draw").click()
    desk.finished()
    assert "Helmet" in newest(folder, "robot")["plan"]["text"]


def test_stop_keeps_the_preview_and_the_next_sketch_goes_on(desk):
    desk.open_settings()
    desk.field("steps").fill(LONG)
    desk.concept.fill("a bridge")
    desk.button("Draw").click()
    desk.page.locator("#preview img").wait_for()
    desk.told("s left")
    desk.button("Stop").click()
    desk.told("stays on the sheet")
    desk.page.locator("#stop[disabled]").wait_for()
    expect(desk.page.locator("#preview img")).to_be_visible()
    expect(desk.page.locator("#downloads button").first).to_be_disabled()
    desk.field("steps").fill("")
    desk.button("Draw").click()
    desk.finished()
    desk.page.locator("#preview img").wait_for(state="hidden")


def test_stop_and_keep_makes_a_drawing_that_is_drawn_whole_with_one_click(desk, folder):
    desk.open_settings()
    desk.field("steps").fill(LONG)
    desk.concept.fill("a lighthouse")
    desk.button("Draw").click()
    desk.page.locator("#preview img").wait_for()
    desk.button("Stop and keep").click()
    desk.told("It can still be drawn whole.")
    desk.page.wait_for_function("document.querySelector('#player video')?.readyState >= 2")
    desk.page.locator("#preview img").wait_for(state="hidden")
    expect(desk.page.locator("#downloads button").first).to_be_enabled()
    stopped = newest(folder, "lighthouse_stopped")
    assert 0 < stopped["settings"]["stopped_after"] < int(LONG)
    desk.page.get_by_role("tab", name="Gallery").click()
    card = desk.page.locator(".vg-open", has_text="a lighthouse").first
    expect(card).to_contain_text(
        f"stopped at step {stopped['settings']['stopped_after']} of {LONG}"
    )
    card.click()
    desk.page.locator("#gallery-whole").wait_for()
    desk.page.get_by_role("tab", name="Text").click()
    desk.concept.fill("something else")
    desk.page.locator("#whole").click()
    desk.finished()
    desk.page.locator("#whole").wait_for(state="hidden")
    drawn = config_of(folder, "lighthouse")
    assert "stopped_after" not in drawn["settings"]
    assert drawn["request"] == stopped["request"]
    assert drawn["plan"] == stopped["plan"]


def test_a_film_is_chosen_drawn_over_and_taken_away_again(desk, folder):
    film = folder / "harbor.mp4"
    media.write_video(film, np.full((6, 48, 72, 3), 200, np.uint8), fps=16)
    desk.page.locator("#film-fold .label-wrap").click()
    with desk.page.expect_file_chooser() as chooser:
        desk.button("Choose a film or picture").click()
    chooser.value.set_files(film)
    note = desk.page.locator("#film-note")
    note.get_by_text("6 frames").wait_for()
    desk.draw("a harbor")
    request = newest(folder, "harbor")["request"]
    assert request["input_video"].endswith(".mp4")
    assert request["strength"] == 0.8
    desk.button("Draw without it").click()
    note.get_by_text("No film is chosen.").wait_for()
    desk.button("Use its settings").click()
    note.get_by_text("drawn over it").wait_for()
    desk.button("Draw without it").click()
    note.get_by_text("No film is chosen.").wait_for()
    desk.draw("a harbor")
    assert "input_video" not in newest(folder, "harbor")["request"]


def test_a_second_window_waits_and_is_told_its_place(open_page, address):
    first, second = Desk(open_page(address)), Desk(open_page(address))
    first.open_settings()
    first.field("steps").fill(LONG)
    first.concept.fill("a church")
    first.button("Draw").click()
    first.page.locator("#preview img").wait_for()
    second.concept.fill("a clock")
    second.button("Draw").click()
    second.told("Waiting behind 1 sketch")
    first.page.close()  # who leaves frees the worker
    second.finished()


def test_as_written_sends_the_words_and_nothing_else(desk, folder):
    desk.page.get_by_label("As written").check()
    desk.draw("trigger_word, one single red line")
    config = newest(folder, "trigger")
    assert config["request"]["as_written"] is True
    assert config["plan"]["model_text"] == "trigger_word, one single red line"


def test_a_preset_fills_the_settings(desk):
    desk.open_settings()
    desk.page.locator("#preset input").click()
    desk.page.get_by_role("option", name="Quick look").click()
    desk.page.wait_for_function(
        "document.querySelector('#steps :is(input, textarea)')?.value === '4'"
    )
    expect(desk.field("model")).to_have_value("pocket-t2v")
    expect(desk.page.locator("#about-model")).to_contain_text("draws plans of shapes and places")


def test_seed_lock_and_dice(desk):
    seed = desk.field("seed")
    desk.draw("a duck")
    rolled = seed.input_value()
    desk.page.get_by_label("Keep").check()
    desk.draw("a duck")
    expect(seed).to_have_value(rolled)
    desk.button("New seed").click()
    desk.page.wait_for_function(
        "(old) => document.querySelector('#seed input')?.value !== old", arg=rolled
    )
    desk.page.get_by_label("Keep").uncheck()
    seed.fill("42")
    seed.press("Tab")
    desk.page.wait_for_function("document.querySelector('#seed-lock input')?.checked")
    desk.draw("a duck")
    expect(seed).to_have_value("42")


def test_settings_of_the_result_come_back_with_one_click(desk):
    desk.open_settings()
    desk.field("steps").fill("3")
    desk.draw("a fish")
    desk.field("steps").fill("9")
    desk.concept.fill("something else")
    desk.button("Use its settings").click()
    desk.told("settings of this drawing are back")
    expect(desk.field("steps")).to_have_value("3")
    expect(desk.concept).to_have_value("a fish")
    expect(desk.page.locator("#seed-lock input")).to_be_checked()


@pytest.mark.parametrize("kind", ["png", "mp4", "svg", "gif", "config"])
def test_a_file_dropped_on_the_window_brings_its_settings_back(desk, tmp_path, kind):
    saved = published(tmp_path)
    path = ExportService().export(saved.folder, kind)
    desk.drop(path)
    desk.told("are back")
    expect(desk.concept).to_have_value("a cat")
    expect(desk.field("seed")).to_have_value("7")
    desk.page.locator("#plan .pe-box").first.wait_for()
    assert desk.parts() == [part.name for part in saved.plan.parts]


def test_a_dropped_file_without_a_plan_is_answered(desk, tmp_path):
    path = tmp_path / "other.svg"
    path.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    desk.drop(path)
    desk.told("holds no plan")


def test_the_gallery_gives_settings_back(desk):
    desk.draw("a tree")
    desk.concept.fill("nothing")
    desk.page.get_by_role("tab", name="Gallery").click()
    desk.page.locator(".vg-open", has_text="a tree").first.click()
    desk.page.locator("#gallery-reuse").click()
    desk.concept.wait_for()  # the Text tab opens by itself
    expect(desk.concept).to_have_value("a tree")


def test_a_drawing_that_could_not_be_saved_is_saved_with_one_press(desk, folder):
    out, away = folder / "out", folder / "out of the way"
    desk.open_settings()
    desk.field("steps").fill("100")
    desk.concept.fill("a kite")
    desk.button("Draw").click()
    desk.page.locator("#preview img").wait_for()
    out.rename(away)
    try:
        out.write_text("no folder")  # while it is drawn, so that its files cannot be written
        desk.told("save it again")
    finally:
        out.unlink(missing_ok=True)
        away.rename(out)
    strip = desk.page.get_by_role("region", name="Drawings that could not be saved")
    strip.get_by_text("1 drawing could not be saved.").wait_for()
    expect(strip).to_contain_text("a kite")
    desk.button("Save a kite again").click()
    desk.told("Saved: a kite.")
    strip.wait_for(state="detached")
    desk.page.wait_for_function("document.querySelector('#player video')?.readyState >= 2")
    assert (out / "kite" / "kite.mp4").is_file()


def test_mistakes_are_answered_in_place(desk):
    desk.concept.fill("?!")
    desk.concept.press("Enter")
    desk.page.locator("#status .vs-error").wait_for()
    expect(desk.status).to_contain_text("no words")
    desk.concept.fill("a cat")
    desk.open_settings()
    desk.field("steps").fill("many")
    desk.button("Draw").click()
    desk.told("no number: many")
    desk.field("steps").fill("999")
    desk.button("Draw").click()
    desk.told("Received: 999")
    desk.page.locator("#draw:not([disabled])").wait_for()


def test_keyboard_only(desk):
    keys = desk.page.keyboard
    desk.concept.focus()
    keys.type("a house")
    keys.press("Enter")
    desk.finished()
    reached = set()
    desk.concept.focus()
    for _ in range(80):
        keys.press("Tab")
        reached |= set(desk.page.evaluate(AROUND_FOCUS))
    assert {"draw", "plan-first", "player", "again", "downloads", "plan", "preset"} <= reached
    desk.page.locator(".pl-time").focus()
    keys.press("End")
    desk.page.wait_for_function(
        "(v => v.duration - v.currentTime < 0.3)(document.querySelector('#player video'))"
    )


def test_dark_mode_keeps_the_paper_white(open_page, address):
    page = open_page(f"{address}&__theme=dark")
    Desk(page)
    color = "(s) => getComputedStyle(document.querySelector(s)).backgroundColor"
    assert page.evaluate(color, "#player .pl-stage") == "rgb(255, 255, 255)"
    red = int(page.evaluate(color, "body").removeprefix("rgb(").split(",")[0])
    assert red < 80


def test_a_tablet_has_one_column_and_nothing_sticks_out(open_page, address):
    desk = Desk(open_page(address, **TABLET))
    assert desk.top_of("#player") > desk.top_of("#draw")
    assert desk.top_of("#plan") > desk.top_of("#downloads")
    desk.draw("a boat")
    assert desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_at_1280_the_sheet_stands_beside_the_words(desk):
    assert abs(desk.top_of("#status") - desk.top_of("#concept")) < 30
    boxes = [desk.page.locator(s).bounding_box() for s in ("#player .pl-stage", "#concept")]
    assert boxes[0]["width"] > boxes[1]["width"]
