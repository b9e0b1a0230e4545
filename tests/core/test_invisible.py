"""What nobody sees is taken out of prompts and plans; what a script needs stays."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.invisible import without_invisible
from videosketcher_app.core.plan import DrawingPlan, PlanPart, parse_plan
from videosketcher_app.core.requests import SketchRequest

OUT = [
    *range(0x202A, 0x202F),  # embeddings, overrides
    *range(0x2066, 0x206A),  # isolates
    *(0x00AD, 0x200B, 0x2060, 0x2061, 0x2064, 0x206A, 0x206F, 0x3164, 0xFEFF, 0xFFA0, 0xFFF9),
    *(0x200E, 0x200F, 0x061C, 0x200C, 0x200D, 0x180E),  # idle in a text of ASCII
    *(0xE0001, 0xE0041, 0xE007F),  # tags: hidden words
]
KEPT = {
    "Persian with a joiner": "می\u200cخواهم یک گربه",
    "Hindi with a joiner": "क्\u200dष बिल्ली",
    "Arabic": "قطة صغيرة",
    "Arabic with a number sign": "\u0600١٢ قطة",
    "Hebrew with a mark": "חתול\u200f!",
    "Hebrew and English": "חתול a cat",
    "family": "👨\u200d👩\u200d👧",
    "heart": "❤\ufe0f",
    "accents": "un chat noir à côté",
    "combining": "cafe\u0301",
    "Japanese": "猫を描く",
    "Thai": "แมว",
    "Korean": "고양이",
}


@pytest.mark.parametrize("code", OUT, ids=hex)
@pytest.mark.parametrize("text", ["a {}cat", "{}a cat", "a cat{}", "a c{}at", "a c{}{}{}at"])
def test_a_control_that_nobody_sees_goes(code, text):
    marked = text.replace("{}", chr(code))
    assert without_invisible(marked) == "a cat"
    assert SketchRequest(prompt=marked).prompt == "a cat"
    part = PlanPart(name=marked, description=marked)
    assert (part.name, part.description) == ("a cat", "a cat")
    assert DrawingPlan(concept=marked, parts=(part,)).concept == "a cat"


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_what_a_script_needs_stays(text):
    assert SketchRequest(prompt=text).prompt == text
    plan = DrawingPlan(concept=text, parts=(PlanPart(name=text),))
    assert plan.concept == text
    assert parse_plan(str(plan)) == plan


def test_a_line_that_shows_itself_backwards_is_read_as_it_is_written():
    shown_backwards = "a \u202etac\u202c"
    assert SketchRequest(prompt=shown_backwards).prompt == "a tac"
    assert SketchRequest(prompt="חתול \u202etac\u202c").prompt == "חתול tac"


def test_words_hidden_in_variations_and_joiners_go():
    assert without_invisible("❤" + "\ufe0f\U000e0100\U000e0101" * 20) == "❤\ufe0f"
    assert without_invisible("می" + "\u200c\u200d" * 20 + "خ") == "می\u200cخ"


def test_a_prompt_of_nothing_visible_is_empty():
    with pytest.raises(InvalidRequest, match="empty"):
        SketchRequest(prompt="\u2066\u200b\u2069")
    assert SketchRequest(prompt="a cat", negative_prompt="\u202ecolor").negative_prompt == "color"


@pytest.mark.parametrize("separator", ["\n", "\u2028", "\u2029", "\x00", "\x9f"])
def test_lines_and_controls_are_still_refused(separator):
    with pytest.raises(InvalidRequest):
        SketchRequest(prompt=f"a{separator}cat")


@given(st.text(max_size=60))
def test_cleaning_once_is_enough_and_changes_nothing_visible(text):
    clean = without_invisible(text)
    assert without_invisible(clean) == clean
    seen = [c for c in text if unicodedata.category(c)[0] in "LNPS" and c not in "\u3164\uffa0"]
    assert [c for c in clean if unicodedata.category(c)[0] in "LNPS"] == seen
