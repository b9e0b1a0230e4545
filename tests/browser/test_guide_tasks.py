"""The ten tasks of docs/guide/app.md, done with nothing but what the screen says.

Everything is found by its role and its visible name; there is no id and no class in this file. The
tasks follow one another on one page, as in the guide.
"""

from __future__ import annotations

import base64
import re

import av
import pytest

from tests.browser.component_app import browser_pages, expect
from tests.browser.text_page import DROP, text_app

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1800)]
DRAWN_MS = 300_000  # two quick sketches beside other work on a machine that others use, too

TURNED_BACK = """(slider) => new Promise((done) => {
    let last = Number(slider.ariaValueNow);
    const until = performance.now() + 60_000;
    const films = () => [...document.querySelectorAll("video")].map((film) => [
        film.paused, film.ended, film.seeking, film.readyState, film.networkState, film.currentTime,
    ]);
    const look = () => {
        const now = Number(slider.ariaValueNow);
        if (now < last - 0.05) return done(slider.ariaValueText);
        if (performance.now() > until) return done(`it never turned back: ${JSON.stringify(films())}`);
        last = now;
        requestAnimationFrame(look);
    };
    look();
})"""
STANDS = """(slider) => new Promise((done) => {
    const before = slider.ariaValueNow;
    setTimeout(() => done(slider.ariaValueNow === before), 1000);
})"""


class Reader:
    """Somebody who sees the page for the first time, and reads."""

    def __init__(self, page, folder) -> None:
        self.page = page
        self.folder = folder
        self.concept = page.get_by_role("textbox", name="What shall I draw?")
        self.timeline = page.get_by_role("slider", name="Timeline")
        self.seed = page.get_by_role("spinbutton", name="Seed", exact=True)
        self.concept.wait_for()

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def reads(self, words, *, timeout_ms: float = DRAWN_MS) -> None:
        """Waits until the screen says something; if it never does, says what stood there."""
        from playwright.sync_api import TimeoutError

        try:
            self.page.get_by_text(words).first.wait_for(timeout=timeout_ms)
        except TimeoutError as error:
            stood = self.page.locator("body").inner_text()
            raise AssertionError(f"never read {words}; on the screen stood:\n{stood}") from error

    def sees_move(self, slider, number: str) -> None:
        """Waits until a slider has left its start, which stays true when the clip has ended."""
        moved = f"(slider) => Number(slider.{number}) > 0"
        self.page.wait_for_function(moved, arg=slider.element_handle())

    def open(self, words: str, *, seen: str) -> None:
        """Unfolds what is folded under a heading, until a button of that name is seen."""
        self.page.get_by_text(words, exact=True).first.click()
        self.page.get_by_role("button", name=seen, exact=True).wait_for()

    def parts(self) -> list[str]:
        """Names in the plan, in its order."""
        plan = self.page.get_by_label("Parts in drawing order")
        names = plan.get_by_role("textbox", name=re.compile(r"^Name of part \d+"))
        return [box.input_value() for box in names.all()]

    def name_of_part(self, number: int):
        return self.page.get_by_role("textbox", name=f"Name of part {number}", exact=True)

    def look_quickly(self) -> None:
        """The preset with half the steps, so that the tasks take less time."""
        self.page.get_by_role("combobox", name="Preset").click()
        self.page.get_by_role("option", name="Quick look").click()

    def draw(self) -> None:
        """Presses "Draw", and waits until the sheet is done."""
        self.press("Draw")
        self.page.get_by_text("Done in").wait_for(state="detached")
        self.reads("Done in")

    def take(self, name: str):
        """Presses a download, and gives the file that arrives."""
        with self.page.expect_download(timeout=DRAWN_MS) as waiting:
            self.page.get_by_role("button", name=name).click()
        path = self.folder / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path


@pytest.fixture
def reader(tmp_path, chromium_path):
    with (
        text_app(tmp_path, model="pocket-t2v") as address,
        browser_pages(chromium_path) as open_page,
    ):
        yield Reader(open_page(address), tmp_path)


def a_first_drawing_takes_two_clicks(reader: Reader):
    chips = reader.page.get_by_role("group", name="Concepts to start with")
    chips.get_by_role("button").first.click()
    reader.press("Draw")
    reader.reads("Done in")
    assert len(reader.parts()) >= 3
    expect(reader.timeline).to_be_visible()


def the_order_of_the_parts_is_changed_and_drawn(reader: Reader):
    reader.look_quickly()
    reader.concept.fill("a cat")
    reader.press("Plan first")
    reader.reads("Planned in")
    before = reader.parts()
    handle = reader.page.get_by_role("button", name=re.compile("^Move part 1, "))
    handle.press("ArrowDown")
    assert reader.parts()[:2] == [before[1], before[0]]
    reader.draw()
    expect(reader.name_of_part(1)).to_have_value(before[1])
    assert reader.parts()[:2] == [before[1], before[0]]
    reader.timeline.get_by_text(before[1], exact=True).wait_for()


def a_moved_box_changes_its_words(reader: Reader):
    last = len(reader.parts())
    words = reader.page.get_by_role("textbox", name=f"Shape and place of part {last}, ")
    before = words.input_value()
    box = reader.page.get_by_label(f"Part {last}, ").and_(reader.page.get_by_label("Arrow keys"))
    box.scroll_into_view_if_needed()
    sheet, place = reader.page.get_by_label("Parts on the sheet").bounding_box(), box.bounding_box()
    start = (place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    is_left = start[0] < sheet["x"] + sheet["width"] / 2
    goal = (sheet["x"] + sheet["width"] * (0.85 if is_left else 0.15), start[1])
    reader.page.mouse.move(*start)
    reader.page.mouse.down()
    reader.page.mouse.move(*goal, steps=5)
    reader.page.mouse.up()
    expect(words).not_to_have_value(before)
    expect(words).to_have_value(re.compile("right" if is_left else "left"))


def a_seed_is_kept_and_varied(reader: Reader):
    reader.page.get_by_role("checkbox", name="Keep").check()
    kept = "7"
    reader.seed.fill(kept)
    reader.open("Four variations", seen="Draw variations")
    reader.page.get_by_role("spinbutton", name="How many").fill("2")
    reader.press("Draw variations")
    reader.reads(re.compile(r"^2 drawings\."))
    expect(reader.seed).to_have_value(kept)
    reader.press("Use the seed of variation 2")
    reader.reads("is set and locked")
    expect(reader.seed).to_have_value(str(int(kept) + 1))
    reader.press("Open variation 1 in the player")
    reader.reads("Variation 1 is in the player.")
    reader.sees_move(reader.timeline, "ariaValueNow")  # it plays by itself


def the_drawing_is_watched_part_by_part(reader: Reader):
    name = reader.parts()[1]
    repeat = reader.page.get_by_role("button", name="Repeat this part")
    repeat.click()
    expect(repeat).to_have_attribute("aria-pressed", "true")
    reader.timeline.get_by_text(name, exact=True).click()
    expect(reader.timeline).to_have_attribute("aria-valuetext", re.compile(re.escape(name)))
    if reader.timeline.evaluate(STANDS):
        reader.press("Play")
    assert reader.timeline.evaluate(TURNED_BACK).endswith(f"part {name}")
    repeat.click()


def a_finished_drawing_gets_another_order_and_pace(reader: Reader):
    reader.open("Change order and pace", seen="Draw again like this")
    first = reader.page.get_by_label(re.compile(r"^Part 1 of \d+, "))
    name, before = (first.get_attribute("aria-label").split(", ")[i] for i in (1, 2))
    first.press("Alt+ArrowUp")
    assert first.get_attribute("aria-label").split(", ")[2] != before
    first.press("Alt+ArrowRight")
    moved = reader.page.get_by_label(re.compile(r"^Part 2 of \d+, "))
    assert moved.get_attribute("aria-label").split(", ")[1] == name
    reader.press("Draw again like this")
    reader.reads("This is the new order.")
    reader.press("Back to the original")
    reader.reads("This is the original again")


def a_sharp_video_and_the_lesson_are_taken_along(reader: Reader):
    with av.open(str(reader.take("Video (mp4)"))) as video:
        assert next(video.decode(video=0)).height == 1080
    assert reader.take("Lesson (pdf)").read_bytes().startswith(b"%PDF-")


def an_exported_file_brings_its_settings_back(reader: Reader):
    parts, seed = reader.parts(), reader.seed.input_value()
    path = reader.take("Settings (json)")
    reader.concept.fill("a house")
    reader.seed.fill("5")
    data = base64.b64encode(path.read_bytes()).decode()
    reader.page.evaluate(DROP, [path.name, data])
    reader.reads("are back")
    expect(reader.concept).to_have_value("a cat")
    expect(reader.seed).to_have_value(str(int(seed) - 1))  # variation 1 is in the player
    assert sorted(reader.parts()) == sorted(parts)


def drawings_are_found_again_and_compared(reader: Reader):
    reader.page.get_by_role("tab", name="Gallery").click()
    reader.page.get_by_role("textbox", name="Search").fill("cat")
    found = reader.page.get_by_role("button", name="Open a cat")
    found.nth(1).wait_for()
    found.first.click()
    reader.press("Compare with…")
    reader.reads("Now pick the drawing to compare with.")
    found.nth(1).click()
    reader.page.get_by_role("region", name="side by side").wait_for()
    time = reader.page.get_by_role("slider", name="Time in both drawings")
    reader.press("Play both")
    reader.sees_move(time, "value")
    reader.press("Stop comparing")
    reader.page.get_by_role("tab", name="Text", exact=True).click()


def many_prompts_are_drawn_from_a_list(reader: Reader):
    reader.open("Many prompts", seen="Draw all")
    reader.page.get_by_role("textbox", name="Or write them here, one a line").fill("a sun\na tree")
    reader.press("Draw all")
    table = reader.page.get_by_role("table", name="Prompts of the batch")
    table.get_by_role("row").nth(2).wait_for()
    reader.reads("2 of 2 prompts: 2 drawn")
    expect(table.get_by_role("img")).to_have_count(2)


TASKS = (
    a_first_drawing_takes_two_clicks,
    the_order_of_the_parts_is_changed_and_drawn,
    a_moved_box_changes_its_words,
    a_seed_is_kept_and_varied,
    the_drawing_is_watched_part_by_part,
    a_finished_drawing_gets_another_order_and_pace,
    a_sharp_video_and_the_lesson_are_taken_along,
    an_exported_file_brings_its_settings_back,
    drawings_are_found_again_and_compared,
    many_prompts_are_drawn_from_a_list,
)


def test_the_ten_tasks_of_the_guide(reader):
    assert len(TASKS) == 10
    for task in TASKS:
        task(reader)
