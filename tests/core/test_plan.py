from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.plan import (
    DASH,
    JOINT,
    MAX_PARTS,
    MAX_PLAN_CHARACTERS,
    PREFIX,
    DrawingPlan,
    PlanPart,
    is_plan,
    parse_plan,
)

README_PROMPT = (
    "Step by step sketch process of a girl riding a unicorn in the sky, following this drawing "
    "order: 1. Unicorn body – large horse-like shape. 2. Legs – running or floating pose. "
    "3. Head and horn. 4. Rider – seated figure on the back. 5. Mane and tail flowing. "
    "6. Clouds around them."
)
# Pieces that have to do with how the one-line form is written, beside ordinary and foreign words.
PIECES = [
    *("1", "2", "3", "12", "1.5", "3.", ".", "..", ". ", ": ", "–", " – ", "- ", ",", "(", ")"),
    *('"', "'", "%", "head", "No. 7", "a cat", "étoile", "尾巴", "قطة", "٣", "🐱", "e\u0301"),
    *("\u00a0", "  ", " ", "order", "following this drawing order", "step 2", "size: 3"),
    PREFIX.strip(),
]
TEXTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join) | st.text(
    max_size=24
)
NUM_PLANS = 2000


def _generated_plans(count: int) -> Iterator[DrawingPlan]:
    """Plans of odd texts; texts that no plan may hold are refused when it is built."""
    generator = random.Random(20260221)

    def text(shortest: int) -> str:
        return "".join(generator.choices(PIECES, k=generator.randint(shortest, 6)))

    while count:
        with contextlib.suppress(InvalidRequest):
            parts = [
                PlanPart(name=text(1), description=text(0)) for _ in range(generator.randint(1, 4))
            ]
            yield DrawingPlan(concept=text(1), parts=tuple(parts))
            count -= 1


def test_2000_generated_plans_print_and_read_back_unchanged() -> None:
    plans = list(_generated_plans(NUM_PLANS))
    assert len({str(plan) for plan in plans}) > 0.95 * NUM_PLANS
    for plan in plans:
        text = str(plan)
        assert parse_plan(text) == plan
        assert str(parse_plan(text)) == text
        assert len(text.splitlines()) == 1
        assert is_plan(text)


@settings(max_examples=300)
@given(TEXTS, TEXTS, TEXTS)
def test_whatever_a_plan_accepts_reads_back_unchanged(
    concept: str, name: str, description: str
) -> None:
    with contextlib.suppress(InvalidRequest):
        part = PlanPart(name=name, description=description)
        plan = DrawingPlan(concept=concept, parts=(part, PlanPart(name=name)))
        assert parse_plan(str(plan)) == plan
        assert is_plan(str(plan))


@settings(max_examples=300)
@given(st.text(max_size=120) | st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_any_text_is_a_plan_or_one_clear_refusal(text: str) -> None:
    for candidate in (text, f"{PREFIX}a cat{JOINT}{text}", f"{PREFIX}a cat{JOINT}1. {text}."):
        with contextlib.suppress(InvalidRequest):
            plan = parse_plan(candidate)
            assert parse_plan(str(plan)) == plan


def test_the_prompt_of_the_reference_is_read_and_printed_unchanged() -> None:
    plan = parse_plan(README_PROMPT)
    assert str(plan) == README_PROMPT
    assert plan.concept == "a girl riding a unicorn in the sky"
    assert [part.name for part in plan.parts][2:4] == ["Head and horn", "Rider"]
    assert plan.parts[1].description == "running or floating pose"


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("Level 3", ""),
        ("Numbers", "size: 3"),
        ("etc.", "and so on."),
        ("Version 1.5", "shape 2.5 wide"),
        ("Head", "– twice dashed"),
        ("Clock", "hands at 3:00, 6:00"),
    ],
)
def test_digits_and_dots_inside_a_part_survive(name: str, description: str) -> None:
    part = PlanPart(name=name, description=description)
    plan = DrawingPlan(concept="a test", parts=(part, part, PlanPart(name="end")))
    assert parse_plan(str(plan)) == plan


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "  "},
        {"name": "a\nb"},
        {"name": "a\x00b"},
        {"name": "a\u2028b"},
        {"name": "a\ud800b"},
        {"name": "3"},
        {"name": "wings. 2"},
        {"name": "head 2. body"},
        {"name": f"head{DASH}round"},
        {"name": "head –", "description": "round"},
        {"name": "head", "description": "round\r\n"},
    ],
)
def test_a_part_that_would_read_back_differently_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        PlanPart(**fields)
    assert refusal.value.hint


@pytest.mark.parametrize("concept", ["", " ", "a\ncat", f"a cat{JOINT}", f"a cat{JOINT.rstrip()}"])
def test_a_concept_that_would_read_back_differently_is_refused(concept: str) -> None:
    with pytest.raises(InvalidRequest):
        DrawingPlan(concept=concept, parts=(PlanPart(name="head"),))


def test_a_plan_has_at_least_one_and_not_too_many_parts() -> None:
    part = PlanPart(name="dot")
    for count in (0, MAX_PARTS + 1):
        with pytest.raises(InvalidRequest, match="parts"):
            DrawingPlan(concept="dots", parts=(part,) * count)


def test_a_plan_that_is_too_long_to_read_back_is_refused() -> None:
    part = PlanPart(name="line", description="long " * 60)
    with pytest.raises(InvalidRequest, match="characters long"):
        DrawingPlan(concept="lines", parts=(part,) * 20)
    with pytest.raises(InvalidRequest, match="characters long"):
        parse_plan(f"{PREFIX}a{JOINT}1. {'b' * MAX_PLAN_CHARACTERS}.")


def test_pasted_line_breaks_and_double_spaces_are_read() -> None:
    pasted = README_PROMPT.replace(" 3. ", "\n  3. ").replace(" 5. ", "  5. ")
    assert parse_plan(pasted) == parse_plan(README_PROMPT)


@pytest.mark.parametrize(
    "text",
    [
        "a cat",
        f"{PREFIX}a cat",
        f"{PREFIX}a cat{JOINT}",
        f"{PREFIX}a cat{JOINT}Head. Body.",
        f"{PREFIX}a cat{JOINT}1. Head. 3. Body.",
        f"{PREFIX}a cat{JOINT}2. Head.",
        f"{PREFIX}a cat{JOINT}1. Head",
        f"{PREFIX}a cat{JOINT}1. Head 2. Body.",
        f"{PREFIX}a cat{JOINT}1. . 2. Body.",
    ],
)
def test_what_is_not_a_plan_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_plan(text)
    assert refusal.value.hint


def test_reordering_keeps_every_part() -> None:
    plan = parse_plan(README_PROMPT)
    back = plan.reordered([5, 4, 3, 2, 1, 0])
    assert back.parts == plan.parts[::-1]
    assert back.concept == plan.concept


@pytest.mark.parametrize(
    ("concept", "slug"),
    [
        ("a cat", "cat"),
        ("The Cat", "cat"),
        ("a", "a"),
        ("!!!", "untitled"),
        ("猫", "猫"),
        ("../etc/passwd", "etc_passwd"),
        ("x" * 200, "x" * 60),
    ],
)
def test_the_slug_is_a_plain_file_name(concept: str, slug: str) -> None:
    assert DrawingPlan(concept=concept, parts=(PlanPart(name="dot"),)).slug == slug
