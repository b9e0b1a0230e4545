"""Replies of a language model become plans by pure rules, or are refused with a reason."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.services.chat_server import GOOD, GOOD_PARTS
from videosketcher_app.core.plan import parse_plan
from videosketcher_app.services.planner.cleaning import clean_line, script_of
from videosketcher_app.services.planner.prompt import RULES, messages_for
from videosketcher_app.services.planner.replies import BadReply, read_reply

SPANISH = {
    "concept": "un gato",
    "english_concept": "a cat",
    "parts": [
        {
            "name": "Cuerpo",
            "description": "óvalo grande en el centro",
            "english_name": "Body",
            "english_description": "large oval in the center",
        },
        {
            "name": "Cabeza",
            "description": "círculo arriba a la izquierda",
            "english_name": "Head",
            "english_description": "circle at the top left",
        },
    ],
}


def test_a_plan_carries_the_persons_words_and_the_models() -> None:
    read = read_reply(json.dumps(SPANISH), "un gato dormido")
    assert str(read.plan) == (
        "Step by step sketch process of un gato dormido, following this drawing order: "
        "1. Cuerpo – óvalo grande en el centro. 2. Cabeza – círculo arriba a la izquierda."
    )
    assert str(read.model_plan) == (
        "Step by step sketch process of a cat, following this drawing order: "
        "1. Body – large oval in the center. 2. Head – circle at the top left."
    )
    assert not read.in_english


def test_an_english_concept_needs_its_words_once() -> None:
    read = read_reply(json.dumps(GOOD), "a zebrafant")
    assert read.plan == read.model_plan
    assert [part.name for part in read.plan.parts] == ["Body", "Head", "Legs", "Tail"]


def test_parts_in_a_script_that_nobody_asked_for_are_shown_in_english() -> None:
    russian = [
        {**part, "name": "Тело", "description": "большой овал"} for part in SPANISH["parts"][:1]
    ] + [{**SPANISH["parts"][1], "name": "Голова", "description": "круг сверху"}]
    reply = json.dumps({**SPANISH, "parts": russian})
    read = read_reply(reply, "un gato")
    assert read.in_english
    assert read.plan.parts == read.model_plan.parts
    assert not read_reply(reply, "кот").in_english


def test_a_concept_in_another_script_needs_english_words() -> None:
    with pytest.raises(BadReply, match="English words for the concept"):
        read_reply(json.dumps(GOOD), "斑马象")
    read = read_reply(json.dumps({**GOOD, "english_concept": "a zebrafant"}), "斑马象")
    assert read.plan.concept == "斑马象"
    assert read.model_plan.concept == "a zebrafant"
    assert read.in_english


@pytest.mark.parametrize("count", [13, 24, 60])
def test_too_many_parts_are_cut_to_twelve_from_the_end(count: int) -> None:
    parts = [{"name": f"Dot {i} a", "description": "circle"} for i in range(count)]
    read = read_reply(json.dumps({"parts": parts}), "dots")
    assert [part.name for part in read.plan.parts] == [f"Dot {i} a" for i in range(12)]


def test_both_plans_fit_into_1200_characters_with_the_same_parts() -> None:
    parts = [
        {"name": f"Line {i} a", "description": "circle " + "and line " * 40} for i in range(12)
    ]
    read = read_reply(json.dumps({"parts": parts}), "x " * 200 + "x")
    assert len(str(read.plan)) <= 1200
    assert 2 <= len(read.plan.parts) == len(read.model_plan.parts) < 12


def test_parts_that_can_never_fit_are_refused() -> None:
    with pytest.raises(BadReply, match="too long"):
        read_reply(json.dumps(GOOD), "long " * 240)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("1. **Head** ", "Head"),
        ("- 2) Step 3: Tail.", "Tail"),
        ("<b>big</b> circle<br/>left", "big circle left"),
        ("&lt;script&gt;alert(1)&lt;/script&gt; oval", "oval"),
        ("[oval](http://a.example/x) left", "oval left"),
        ("see https://a.example/x?y=1 now", "see now"),
        ("a\n b\t\tc\u2028d", "a b c d"),
        ("\u202eright\u202c to left\ufeff", "right to left"),
        ("above 3. And below", "above 3 And below"),
        ("oval. Left; top.", "oval, Left, top"),
        ("5 < 6", "5 6"),
        ("3D box", "3D box"),
        ("half-circle", "half-circle"),
        ("می‌خواهم", "می‌خواهم"),
        ("猫。", "猫"),
        ("", ""),
        ("...", ""),
    ],
)
def test_a_line_loses_what_is_no_word(text: str, line: str) -> None:
    assert clean_line(text, max_characters=80) == line


def test_long_lines_are_cut_between_words() -> None:
    assert clean_line("oval and circle", max_characters=10) == "oval and"
    assert clean_line("x" * 50, max_characters=10) == "x" * 10


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("a cat", "LATIN"),
        ("кот a", "CYRILLIC"),
        ("ネコと猫", "CJK"),
        ("고양이", "HANGUL"),
        ("7", ""),
    ],
)
def test_scripts_are_told_apart(text: str, script: str) -> None:
    assert script_of(text) == script


_WORDS = st.sampled_from(
    ["circle", "1.", "2) ", "–", " - ", ": ", "\n", "**", "<b>", "{", "}", '"parts":', "oval left",
     "[", "]", "```json", "```", ".", "3. ", "猫", "\u0301", ", following this drawing order: "]
)  # fmt: skip
_TEXTS = st.text(max_size=40) | st.lists(_WORDS, max_size=30).map(" ".join)


@settings(max_examples=300)
@given(_TEXTS, st.sampled_from(["a cat", "кот"]))
def test_any_text_gives_a_valid_plan_or_a_refusal(reply: str, concept: str) -> None:
    _check(reply, concept)


@settings(max_examples=300)
@given(st.lists(st.fixed_dictionaries({"name": _TEXTS, "description": _TEXTS}), max_size=20))
def test_any_parts_give_a_valid_plan_or_a_refusal(parts: list[dict[str, str]]) -> None:
    _check(json.dumps({"parts": [*parts, *GOOD_PARTS]}), "a cat")


def _check(reply: str, concept: str) -> None:
    try:
        read = read_reply(reply, concept)
    except BadReply:
        return
    assert len(read.plan.parts) == len(read.model_plan.parts) <= 12
    for plan in (read.plan, read.model_plan):
        assert parse_plan(str(plan)) == plan
        assert len(str(plan)) <= 1200
        assert not set("<>`*{}[]\n") & set(str(plan))


def test_the_rules_hold_no_words_of_the_person_and_their_example_is_a_valid_reply() -> None:
    system, user = messages_for('a "cat"\\')
    assert system["content"] == RULES
    assert json.loads(user["content"]) == {"concept": 'a "cat"\\'}
    example = RULES[RULES.index("Example") :].split(":", 2)[2]
    read = read_reply(example, "un bateau à voile")
    assert read.model_plan.concept == "a sailboat"
    assert len(read.plan.parts) == 4
