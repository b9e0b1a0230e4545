"""The plan editor in a real browser: list, sheet and line stay in step, by mouse, keys and touch."""

from __future__ import annotations

import itertools

import pytest

from tests import thorough
from tests.browser.component_app import TABLET, browser_pages, component_app, expect
from videosketcher_app.core.geometry import PLACES
from videosketcher_app.core.plan import PlanPart, parse_plan
from videosketcher_app.core.sheet import boxes_of, sheet_table
from videosketcher_app.core.wording import (
    RELATIONS,
    SHAPES,
    SIZES,
    Layout,
    read_part,
    reworded,
    word_table,
    write_part,
)
from videosketcher_app.services.planner.entries import load_entries
from videosketcher_app.services.planner.library import LIBRARY_FOLDER
from videosketcher_app.ui.components.assets import script

pytestmark = pytest.mark.browser

PARTS = [
    {"name": "Head", "description": "a large circle in the center"},
    {"name": "Ears", "description": "two triangles on top of the head"},
    {"name": "Tail", "description": "small wave at the bottom right"},
]
VALUE = {"concept": "a cat", "parts": PARTS, "note": "A note.", "planner": "library"}
APP = f"""
from videosketcher_app.core.errors import AppError
from videosketcher_app.ui.components.plan_editor import PlanEditor
def read(value):
    try:
        return str(PlanEditor.read(value))
    except AppError as error:
        return "fault: " + str(error)
with gr.Blocks() as blocks:
    editor = PlanEditor({VALUE!r}, elem_id="plan")
    answer = gr.Textbox(elem_id="answer")
    other = gr.Button("Other plan")
    editor.change(read, editor, answer)
    other.click(lambda: {{"concept": "a dog", "parts": [{{"name": "Nose", "description": ""}}]}}, None, editor)
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with component_app(APP, tmp_path_factory.mktemp("page")) as address:
        yield address


@pytest.fixture
def open_page(chromium_path):
    with browser_pages(chromium_path) as open_page:
        yield open_page


@pytest.fixture
def page(open_page, address):
    page = open_page(address)
    page.locator(".pe-box").nth(2).wait_for()
    return page


def parts_of(page):
    rows = page.locator(".pe-list li")
    return [
        (
            rows.nth(i).locator(".pe-name").input_value(),
            rows.nth(i).locator(".pe-words").input_value(),
        )
        for i in range(rows.count())
    ]


def names(page):
    return [name for name, _ in parts_of(page)]


def wait_for_answer(page, expected):
    page.wait_for_function(
        "text => document.querySelector('#answer textarea')?.value.includes(text)", arg=expected
    )
    return page.locator("#answer textarea").input_value()


def center(box):
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=3)
    page.mouse.move(*end, steps=3)
    page.mouse.up()


def settled(locator):
    """The box of an element once it has stopped moving."""
    locator.evaluate("e => Promise.all(e.getAnimations().map(a => a.finished))")
    return locator.bounding_box()


def test_the_plan_is_shown_in_all_three_ways(page):
    assert parts_of(page) == [(part["name"], part["description"]) for part in PARTS]
    labels = page.locator(".pe-label").all_inner_texts()
    assert labels == ["1 Head", "2 Ears", "3 Tail"]
    page.locator(".pe-line summary").click()
    line = page.locator(".pe-line textarea").input_value()
    assert [part.name for part in parse_plan(line).parts] == ["Head", "Ears", "Tail"]


def test_dragging_a_handle_reorders(page):
    rows = page.locator(".pe-list li")
    handle = rows.nth(2).locator(".pe-handle").bounding_box()
    target = rows.nth(0).bounding_box()
    drag(page, center(handle), (center(handle)[0], target["y"] + 4))
    assert names(page) == ["Tail", "Head", "Ears"]
    answer = wait_for_answer(page, "1. Tail")
    assert [part.name for part in parse_plan(answer).parts] == ["Tail", "Head", "Ears"]


def test_escape_breaks_a_drag_off(page):
    handle = center(page.locator(".pe-handle").nth(0).bounding_box())
    page.mouse.move(*handle)
    page.mouse.down()
    page.mouse.move(handle[0], handle[1] + 100, steps=3)
    page.keyboard.press("Escape")
    page.mouse.up()
    assert names(page) == ["Head", "Ears", "Tail"]


def test_alt_and_arrows_reorder_and_keep_the_focus(page):
    page.locator(".pe-name").nth(0).focus()
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Alt+ArrowDown")
    assert names(page) == ["Ears", "Tail", "Head"]
    assert page.evaluate("document.activeElement.value") == "Head"
    expect(page.locator(".pe-status")).to_contain_text("3 of 3")
    wait_for_answer(page, "3. Head")


def test_adding_removing_and_rewording(page):
    page.get_by_role("button", name="Add a part").click()
    page.keyboard.type("Nose")
    page.keyboard.press("Enter")
    page.keyboard.type("a tiny heart in the center")
    assert names(page)[-1] == "Nose"
    expect(page.locator(".pe-box")).to_have_count(4)
    wait_for_answer(page, "4. Nose – a tiny heart in the center.")
    page.get_by_role("button", name="Remove part 1, Head").click()
    assert names(page) == ["Ears", "Tail", "Nose"]
    wait_for_answer(page, "1. Ears")


def test_undo_and_redo(page):
    page.locator(".pe-words").nth(2).fill("a star on the left")
    page.get_by_role("button", name="Remove part 1, Head").click()
    page.keyboard.press("Control+z")
    assert names(page) == ["Head", "Ears", "Tail"]
    page.get_by_role("button", name="Undo").click()
    assert parts_of(page)[2][1] == "small wave at the bottom right"
    page.get_by_role("button", name="Redo").click()
    page.keyboard.press("Control+Shift+z")
    assert parts_of(page) == [
        ("Ears", "two triangles on top of the head"),
        ("Tail", "a star on the left"),
    ]
    wait_for_answer(page, "2. Tail – a star on the left.")


def test_dragging_a_box_says_each_of_the_nine_places(page):
    sheet = page.locator(".pe-sheet").bounding_box()
    tail = page.locator(".pe-box").nth(2)
    for place, (column, row) in PLACES.items():
        start = center(settled(tail))
        end = (
            sheet["x"] + (column + 0.5) * sheet["width"] / 3,
            sheet["y"] + (row + 0.5) * sheet["height"] / 3,
        )
        drag(page, start, end)
        name, words = parts_of(page)[2]
        assert read_part(words, name).place == place
        assert words.startswith("small wave ")
        x, y = center(settled(tail))
        assert abs(x - end[0]) < sheet["width"] / 6
        assert abs(y - end[1]) < sheet["height"] / 6
    wait_for_answer(page, "3. Tail – small wave at the bottom right.")


def test_words_follow_while_a_box_is_dragged(page):
    sheet = page.locator(".pe-sheet").bounding_box()
    page.mouse.move(*center(page.locator(".pe-box").nth(2).bounding_box()))
    page.mouse.down()
    page.mouse.move(sheet["x"] + 30, sheet["y"] + 30, steps=4)
    assert parts_of(page)[2][1] == "small wave at the top left"
    expect(page.locator(".pe-cell")).to_be_visible()
    page.keyboard.press("Escape")
    page.mouse.up()
    assert parts_of(page)[2][1] == "small wave at the bottom right"


def test_a_nudge_keeps_the_relation_and_a_real_move_replaces_it(page):
    ears = page.locator(".pe-box").nth(1)
    x, y = center(ears.bounding_box())
    drag(page, (x, y), (x + 6, y))
    assert parts_of(page)[1][1] == "two triangles on top of the head"
    x, y = center(settled(ears))
    drag(page, (x, y), (page.locator(".pe-sheet").bounding_box()["x"] + 20, y))
    assert parts_of(page)[1][1] == "two triangles at the top left"


def test_resizing_changes_the_size_word(page):
    tail = page.locator(".pe-box").nth(2)
    tail.click()
    corner = center(tail.locator("[data-corner=nw]").bounding_box())
    drag(page, corner, (corner[0] - 170, corner[1] - 60))
    assert parts_of(page)[2][1] == "large wave at the bottom right"
    corner = center(settled(tail) | {"width": 0, "height": 0})
    drag(page, corner, (corner[0] + 190, corner[1] + 62))
    assert read_part(parts_of(page)[2][1]).size in ("small", "tiny")


def test_keys_move_and_resize_a_box(page):
    page.locator(".pe-box").nth(0).focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("-")
    assert parts_of(page)[0][1] == "a medium circle at the top left"
    expect(page.locator(".pe-status")).to_contain_text("medium circle")
    page.keyboard.press("Delete")
    assert names(page) == ["Ears", "Tail"]


def test_shapes_change_the_selected_part_or_add_one(page):
    star = page.locator(".pe-shapes").get_by_role("button", name="star")
    page.locator(".pe-box").nth(1).click()
    star.click()
    assert parts_of(page)[1][1] == "two stars on top of the head"
    expect(star).to_have_attribute("aria-pressed", "true")
    page.locator(".pe-sheet").click(position={"x": 4, "y": 4})
    page.locator(".pe-shapes").get_by_role("button", name="oval", exact=True).click()
    assert parts_of(page)[3] == ("Oval", "an oval in the center")


def test_words_that_nobody_can_read_stay(page):
    page.locator(".pe-words").nth(2).fill("bushy <b>fur</b> & ünïcode")
    tail = page.locator(".pe-box").nth(2)
    tail.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("+")
    words = parts_of(page)[2][1]
    assert words == "large bushy <b>fur</b> & ünïcode on the right"
    expect(page.locator(".pe-box b")).to_have_count(0)
    assert words in wait_for_answer(page, "ünïcode on the right")


def test_the_one_line_text_can_be_edited(page):
    page.locator(".pe-line summary").click()
    line = page.locator(".pe-line textarea")
    line.fill(line.input_value().replace("2. Ears – two triangles on top of the head", "2. Nose"))
    assert names(page) == ["Head", "Nose", "Tail"]
    line.fill("Step by step sketch")
    expect(page.locator(".pe-line-fault")).to_be_visible()
    assert names(page) == ["Head", "Nose", "Tail"]
    line.blur()
    assert "2. Nose. 3. Tail" in line.input_value()


def test_python_answers_with_a_sentence_and_may_set_another_plan(page):
    page.locator(".pe-name").nth(0).fill("A – b")
    assert "dash with spaces" in wait_for_answer(page, "fault:")
    page.get_by_role("button", name="Other plan").click()
    page.locator(".pe-concept", has_text="a dog").wait_for()
    assert parts_of(page) == [("Nose", "")]
    page.locator(".pe-words").fill("a circle")
    wait_for_answer(page, "of a dog, following this drawing order: 1. Nose – a circle.")


def test_fingers_reorder_and_move_boxes_on_a_tablet(open_page, address):
    page = open_page(address, **TABLET)
    page.locator(".pe-box").nth(2).wait_for()
    for selector in (".pe-handle", ".pe-remove", ".pe-shapes button"):
        box = page.locator(selector).first.bounding_box()
        assert min(box["width"], box["height"]) >= 44, selector
    touch = page.context.new_cdp_session(page)
    handle = center(page.locator(".pe-handle").nth(0).bounding_box())
    last = center(page.locator(".pe-list li").nth(2).bounding_box())
    swipe(touch, handle, (handle[0], last[1] + 10))
    assert names(page) == ["Ears", "Tail", "Head"]
    sheet = page.locator(".pe-sheet").bounding_box()
    tail = center(page.locator(".pe-box", has_text="Tail").bounding_box())
    swipe(touch, tail, (sheet["x"] + 40, sheet["y"] + 40))
    assert parts_of(page)[1][1] == "small wave at the top left"


def swipe(touch, start, end):
    def send(kind, *points):
        touch.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]},
        )

    send("touchStart", start)
    for share in (0.3, 0.6, 1):
        send("touchMove", tuple(a + (b - a) * share for a, b in zip(start, end, strict=True)))
    send("touchEnd")


def test_the_pages_rules_of_words_are_those_of_python(page):
    plans = [*_library_plans(), *_written_plans(), *_hostile_plans()]
    assert len(plans) > 800
    plans = plans[:: 1 if thorough.IS_THOROUGH else 4]
    changes = [{"place": "top right"}, {"size": "tiny"}, {"shape": "arrow"}]
    changes.append({"place": "left", "size": "large", "shape": "cross"})
    rules = script("wording", WORDS=word_table() | sheet_table())
    answers = page.evaluate(
        f"""(given) => {{ {rules}
          const [plans, changes] = given;
          return plans.map((parts) => ({{
            boxes: boxesOf(parts),
            parts: parts.map((part, i) => {{
              const others = othersOf(parts, i);
              const {{ layout }} = readPart(part, others);
              return [layout, ...changes.map((change) => reworded(part, others, change))];
            }}),
          }})); }}""",
        [plans, changes],
    )
    for plan, answer in zip(plans, answers, strict=True):
        parts = [PlanPart(**part) for part in plan]
        for box, theirs in zip(boxes_of(parts), answer["boxes"], strict=True):
            assert vars(box) == pytest.approx(theirs), plan
        for i, (part, (layout, *texts)) in enumerate(zip(parts, answer["parts"], strict=True)):
            others = [other.name for k, other in enumerate(parts) if k != i]
            assert vars(read_part(part.description, part.name, others)) == layout, part
            for change, theirs in zip(changes, texts, strict=True):
                assert vars(reworded(part, others, **change)) == theirs, (part, change)


def _library_plans():
    return [
        [{"name": part.name, "description": part.description} for part in entry.parts]
        for entry in load_entries(LIBRARY_FOLDER)
    ]


def _written_plans():
    wheres = [{"place": place} for place in PLACES]
    wheres += [{"relation": relation, "other": "Head"} for relation in RELATIONS]
    grid = itertools.product(SHAPES, (None, "small", "large"), wheres)
    layouts = [
        Layout(shape=s, size=z, **where, plural=i % 3 == 0) for i, (s, z, where) in enumerate(grid)
    ]
    head = {"name": "Head", "description": "large oval in the center"}
    texts = [write_part(layout) for layout in layouts]
    plans = [[head, {"name": "Left ear", "description": text}] for text in texts]
    return plans + [
        [head, {"name": text[0].upper() + text[1:], "description": ""}] for text in texts
    ]


def _hostile_plans():
    texts = [
        "",
        "a",
        "in the",
        "(((",
        "a circle circles",
        "ON THE LEFT",
        "a Ünder circle on the left.",
    ]
    texts += [
        "çircle",
        "large, placed at the top left",
        "on the head the head",
        "straight lines inside its head",
    ]
    texts += [
        "on the headé",
        "a circle 😀 in the center",
        "$& large $1 oval",
        "an the oval in the middle, on the head",
    ]
    names = ["Head", "top left", "Circle", "constructor", "A small star at the top", "😀"]
    return [
        [{"name": name, "description": text}, {"name": "Head", "description": f"{size} oval"}]
        for name, text, size in itertools.product(names, texts, SIZES)
    ]
