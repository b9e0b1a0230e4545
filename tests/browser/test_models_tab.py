"""The owner at the Models tab in a real browser, with a hub on this machine."""

from __future__ import annotations

import json

import pytest

from tests.browser.component_app import TABLET, browser_pages, expect
from tests.browser.models_page import FILES, PLANNER, ModelsDesk, models_app

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models tab")


@pytest.fixture(scope="module")
def app(folder):
    with models_app(folder) as running:
        yield running


@pytest.fixture
def open_page(chromium_path):
    with browser_pages(chromium_path) as open_page:
        yield open_page


def test_a_model_comes_pauses_goes_on_is_checked_and_goes(open_page, app, folder):
    address, hub = app
    page = open_page(address)
    desk = ModelsDesk(page)
    desk.state("words", "not on this disk")
    desk.press("words", "download")
    desk.state("words", "downloading")
    expect(desk.card("words").locator(".ms-facts")).to_contain_text("MB")
    page.wait_for_function(
        """() => document.querySelector('[data-model=words] .ms-moving progress')?.value > 0"""
    )
    desk.state("eyes", "on this disk")  # what it needs has come first
    page.context.close()  # and it goes on without anybody looking

    page = open_page(address, **TABLET)
    desk = ModelsDesk(page)
    desk.state("words", "downloading")
    desk.press("words", "pause")
    desk.state("words", "paused")
    focused = "document.activeElement?.dataset.do === 'go_on'"
    page.wait_for_function(focused)  # the button that went has handed its focus on
    hub.may_go_on.set()
    desk.press("words", "go_on")
    desk.state("words", "on this disk")
    file = folder / "home" / "models" / "words" / "words.safetensors"
    assert file.read_bytes() == FILES["words.safetensors"]

    desk.press("words", "verify")
    desk.told("words", "words is whole")
    file.write_bytes(b"x" * file.stat().st_size)
    desk.press("words", "verify")
    desk.told("words", "damaged")
    desk.state("words", "damaged")
    desk.press("words", "remove")
    desk.card("words").locator("[data-do=remove]", has_text="Sure?").click()
    desk.state("words", "not on this disk")
    assert not file.exists()


def test_what_is_found_on_the_disk_is_used_from_there_and_only_forgotten(open_page, app, folder):
    page = open_page(app[0])
    desk = ModelsDesk(page)
    desk.state("found", "found on this disk")
    desk.press("found", "use")
    desk.state("found", "on this disk")
    desk.told("found", "nothing was copied")
    page.locator("[data-filter=here]").click()
    page.wait_for_function(
        "document.querySelectorAll('#model-cards .ms-card.ms-away:not([hidden])').length === 0"
    )
    assert "found" in desk.shown()
    page.locator("[data-filter=all]").click()
    desk.press("found", "remove")
    desk.card("found").locator("[data-do=remove]", has_text="Sure?").click()
    desk.state("found", "found on this disk")
    place = folder / "pretrained" / "someone" / "sketches" / "found.safetensors"
    assert place.read_bytes() == FILES["found.safetensors"]


def test_the_planner_has_a_card_like_the_others_but_draws_nothing(open_page, app, folder):
    desk = ModelsDesk(open_page(app[0]))
    desk.press(PLANNER, "download")
    desk.state(PLANNER, "on this disk")
    file = folder / "home" / "models" / PLANNER / "config.json"
    assert file.read_bytes() == FILES["config.json"]
    desk.press(PLANNER, "verify")
    desk.told(PLANNER, f"{PLANNER} is whole")
    desk.card("tiny").locator(".ms-fits").first.wait_for()  # what fits has been looked at
    assert desk.card(PLANNER).locator(".ms-fits").count() == 0
    desk.press(PLANNER, "remove")
    desk.card(PLANNER).locator("[data-do=remove]", has_text="Sure?").click()
    desk.state(PLANNER, "not on this disk")
    assert not file.exists()


def test_the_budget_moves_by_keyboard_and_stays_after_a_reload(open_page, app):
    page = open_page(app[0])
    desk = ModelsDesk(page)
    slider = desk.memory.locator("#mm-budget")
    expect(slider).to_be_visible()
    slider.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    words = desk.memory.locator(".mm-told")
    expect(words).to_contain_text("GB at most")
    value = slider.input_value()
    page.reload()
    desk = ModelsDesk(page)
    expect(desk.memory.locator("#mm-budget")).to_have_value(value)
    expect(desk.memory.locator(".mm-legend").first).to_contain_text("at most")


def test_every_model_is_tried_and_a_file_is_recognized_or_refused(open_page, app, tmp_path):
    page = open_page(app[0])
    desk = ModelsDesk(page)
    desk.memory.locator("[data-do=self_test]").click()
    desk.memory.locator(".mm-tried li", has_text="tiny").wait_for()
    bad = tmp_path / "holiday.safetensors"
    bad.write_bytes(b"no tensors")
    page.locator("#model-bring .label-wrap").first.click()
    field = page.locator("#model-path :is(textarea, input)").first
    field.fill(str(bad))
    page.locator("#model-what").click()
    alert = page.locator("#model-told [role=alert]")
    expect(alert).to_contain_text("holiday.safetensors")
    field.fill("")
    page.locator("#model-add").click()
    expect(alert).to_contain_text("No file is named yet.")


def test_a_tab_that_nobody_sees_asks_for_nothing(open_page, app):
    page = open_page(app[0])
    asked = []
    page.on("request", lambda request: asked.append(number_of(request)))
    ModelsDesk(page)
    mine, others = ticks(page)
    assert len(mine) == 2
    wait_until(page, lambda: mine <= set(asked))
    page.get_by_role("tab", name="Text").click()
    page.locator("#concept").wait_for()
    # The status bar goes on asking; by its clock the tab has time enough to fall silent.
    silence = len(asked)
    wait_until(page, lambda: sum(each in others for each in asked[silence:]) >= 2)
    silence = len(asked)
    wait_until(page, lambda: sum(each in others for each in asked[silence:]) >= 2)
    assert not mine & set(asked[silence:])
    page.get_by_role("tab", name="Models").click()
    begun = len(asked)
    wait_until(page, lambda: mine <= set(asked[begun:]))


def ticks(page):
    """Numbers of the handlers that clocks call: the tab's, and those of the rest of the page."""
    mine, others = page.evaluate(
        """() => {
            const { components, dependencies } = window.gradio_config;
            const parts = components.filter(
                ({ props }) => ["model-cards", "model-memory"].includes(props.elem_id));
            const ids = parts.map(({ id }) => id);
            const onTick = dependencies.filter(
                ({ targets }) => targets.some(([, name]) => name === "tick"));
            const isMine = ({ outputs }) => outputs.some((id) => ids.includes(id));
            return [true, false].map(
                (mine) => onTick.filter((each) => isMine(each) === mine).map(({ id }) => id));
        }"""
    )
    return set(mine), set(others)


def number_of(request):
    """Which handler a request calls; None if it calls none."""
    called = any(door in request.url for door in ("/queue/join", "/run/predict"))
    return json.loads(request.post_data or "{}").get("fn_index") if called else None


def wait_until(page, is_so):
    """Waits for requests until something is so."""
    while not is_so():
        page.wait_for_event("request")
