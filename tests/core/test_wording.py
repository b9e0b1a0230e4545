"""Words of a part and boxes on the sheet say the same, and no words get lost."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from videosketcher_app.core.geometry import PLACES, place_of
from videosketcher_app.core.plan import PlanPart, parse_plan
from videosketcher_app.core.sheet import Box, boxes_of, sheet_table, size_of
from videosketcher_app.core.wording import (
    BASIC_SHAPES,
    RELATIONS,
    SHAPES,
    SIZES,
    Layout,
    read_part,
    reworded,
    word_table,
    write_part,
)
from videosketcher_app.data import heldout
from videosketcher_app.data.grammar import primitives, pseudo

ROOT = Path(__file__).resolve().parents[2]
HELDOUT = Path(heldout.__file__).parent / "heldout_plans"


def test_shapes_and_relations_are_the_grammars_own():
    assert list(BASIC_SHAPES) == list(primitives.SHAPES)
    assert set(SHAPES) <= set(primitives.SHAPES) | set(pseudo.EXTRA_SHAPES)
    assert set(pseudo.RELATIONS) <= set(RELATIONS)


def test_reading_what_was_written_gives_the_same_for_all_words():
    places = [Layout(place=place) for place in PLACES]
    relations = [Layout(relation=relation, other="Left ear") for relation in RELATIONS]
    for shape, size, plural in itertools.product(SHAPES, (None, *SIZES), (False, True)):
        for where in (*places, *relations, Layout()):
            layout = Layout(
                shape=shape,
                size=size,
                plural=plural,
                place=where.place,
                relation=where.relation,
                other=where.other,
            )
            assert read_part(write_part(layout), "Head", ["Left ear", "Left"]) == layout


def test_wordings_of_the_grammar_are_read():
    lines = (HELDOUT / "heldout_primitives.jsonl").read_text("utf-8").splitlines()
    assert len(lines) > 50
    for line in map(json.loads, lines):
        for part, truth in zip(parse_plan(line["prompt"]).parts, line["parts"], strict=True):
            layout = read_part(part.description, part.name)
            assert (layout.shape, layout.size, layout.place) == (
                truth["shape"],
                truth["size"],
                truth["place"],
            ), part.text


def test_wordings_of_new_concepts_are_read():
    lines = (HELDOUT / "heldout_concepts.jsonl").read_text("utf-8").splitlines()
    for line in map(json.loads, lines):
        for part, truth in zip(parse_plan(line["prompt"]).parts, line["parts"], strict=True):
            layout = read_part(part.description, part.name)
            assert (layout.shape, layout.place) == (truth["shape"], truth["place"]), part.text


def test_most_of_the_library_is_read_and_every_plan_fits_on_the_sheet():
    read = total = 0
    for plan in _library():
        for box in boxes_of(plan):
            assert 0 <= box.x <= box.x + box.width <= 1 + 1e-9
            assert 0 <= box.y <= box.y + box.height <= 1 + 1e-9
        for i, part in enumerate(plan):
            others = [other.name for k, other in enumerate(plan) if k != i]
            layout = read_part(part.description, part.name, others)
            total += 1
            read += bool(layout.shape and (layout.place or layout.relation))
    assert read / total > 0.7, f"{read} of {total}"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("shape", [None, *SHAPES])
@pytest.mark.parametrize("size", [None, *SIZES])
def test_a_box_stands_where_its_words_say(place, shape, size):
    part = PlanPart(
        name="Thing", description=write_part(Layout(shape=shape, size=size, place=place))
    )
    (box,) = boxes_of([part])
    assert place_of(box.x + box.width / 2, box.y + box.height / 2, 1, 1) == place
    if size:
        assert size_of(box, shape) == size


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("a small circle in the top left", {"place": "right"}, "a small circle on the right"),
        ("a circle", {"size": "large"}, "a large circle"),
        ("a circle", {"shape": "oval"}, "an oval"),
        ("an oval in the center", {"size": "small"}, "a small oval in the center"),
        ("a large oval", {"shape": "arrow"}, "a large arrow"),
        (
            "two small circles inside the head",
            {"shape": "cross"},
            "two small crosses inside the head",
        ),
        ("two small circles inside the head", {"place": "left"}, "two small circles on the left"),
        (
            "large triangle pointing down in the center",
            {"place": "top left", "size": "small", "shape": "star"},
            "small star pointing down at the top left",
        ),
        (
            "short arc on the left inside the head",
            {"place": "top right"},
            "short arc at the top right",
        ),
        ("wavy lines of hair", {"place": "bottom left"}, "wavy lines of hair at the bottom left"),
        ("wavy lines of hair", {"size": "large"}, "large wavy lines of hair"),
        ("fur along the bottom", {"shape": "zigzag"}, "fur, zigzag along the bottom"),
        ("placed at the top left", {"size": "tiny"}, "tiny, placed at the top left"),
        ("oreja grande", {"place": "center"}, "oreja grande in the center"),
        ("", {"shape": "heart"}, "a heart"),
    ],
)
def test_only_the_words_of_a_change_change(before, change, after):
    part = reworded(PlanPart(name="Thing", description=before), ["Head"], **change)
    assert (part.name, part.description) == ("Thing", after)


@pytest.mark.parametrize(
    ("name", "description", "change", "after"),
    [
        ("Top left", "small circle", {"place": "right"}, ("Right", "small circle")),
        (
            "Oval",
            "large, placed at the left",
            {"shape": "star"},
            ("Star", "large, placed at the left"),
        ),
        ("Draw an oval on the left", "", {"size": "tiny"}, ("Draw a tiny oval on the left", "")),
        ("An oval on the left", "", {"shape": "star"}, ("A star on the left", "")),
        ("The head", "", {"place": "left"}, ("The head", "on the left")),
    ],
)
def test_names_that_speak_of_shapes_and_places_follow(name, description, change, after):
    part = reworded(PlanPart(name=name, description=description), **change)
    assert (part.name, part.description) == after


def test_the_left_side_of_something_is_not_the_left_of_the_sheet():
    for words in ("dot on the left side of the leg", "dot on the left ear", "dot at the top of it"):
        assert read_part(words).place is None


def test_parts_that_stand_on_each_other_still_get_boxes():
    parts = [
        PlanPart(name="One", description="circle above the two"),
        PlanPart(name="Two", description="circle above the one"),
        PlanPart(name="One", description="circle inside the one"),
    ]
    assert len(boxes_of(parts)) == 3


def test_relations_show_on_the_sheet():
    words = {
        "above": lambda head, part: part.y + part.height <= head.y + 0.02,
        "below": lambda head, part: part.y >= head.y + head.height - 0.02,
        "to the left of": lambda head, part: part.x + part.width <= head.x + 0.02,
        "next to": lambda head, part: part.x >= head.x + head.width - 0.02,
        "inside": lambda head, part: (
            head.x <= part.x and part.x + part.width <= head.x + head.width
        ),
        "around": lambda head, part: part.width > head.width,
    }
    for relation, holds in words.items():
        head = PlanPart(name="Head", description="small circle in the center")
        ear = PlanPart(name="Ear", description=f"small circle {relation} the head")
        assert holds(*boxes_of([head, ear])), relation


@given(
    name=st.text("aA .left topcirle", min_size=1, max_size=20),
    text=st.text("abcdefghijklmnoprstuvwz ,éß", max_size=40),
    place=st.sampled_from(list(PLACES)),
    size=st.sampled_from(list(SIZES)),
)
def test_words_that_cannot_be_read_are_kept(name, text, place, size):
    description = f"{text} qqq"
    part = reworded(PlanPart(name=f"q{name}", description=description), place=place, size=size)
    assert "qqq" in part.description
    assert sum(word in part.description.split() for word in text.split()) == len(
        text.split()
    ) or any(read_part(description).__dict__[kind] for kind in ("place", "size"))
    layout = read_part(part.description, part.name)
    assert (layout.place, layout.size) == (place, size)


def test_the_table_is_plain_json():
    assert json.loads(json.dumps(word_table() | sheet_table())) == word_table() | sheet_table()


def test_sizes_grow_with_their_boxes():
    sides = [0.01 * k for k in range(2, 90)]
    words = [size_of(Box(x=0, y=0, width=side / 1.8, height=side), "circle") for side in sides]
    assert list(dict.fromkeys(words)) == list(SIZES)


def _library():
    for path in sorted((ROOT / "presets" / "concepts").glob("*.yaml")):
        plans = yaml.safe_load(path.read_text("utf-8"))
        for plan in plans if isinstance(plans, list) else []:
            yield [PlanPart(**part) for part in plan["parts"]]
