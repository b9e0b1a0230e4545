"""The lesson: every part is a step, on paper as vector lines, in any language."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.data.clips import drawing, small_sketch
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.data.lesson import lesson_steps
from videosketcher_app.data.lesson_fonts import FONT, font_of, width_pt, wrapped
from videosketcher_app.data.lesson_pdf import LessonWords, lesson_pdf

CANVAS = (432, 240)


def pages(data: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", data))


def test_every_step_has_its_own_strokes_over_the_earlier_ones() -> None:
    composition = drawing("cat")
    steps = lesson_steps(composition.sketch, composition.plan)
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    seen = 0
    for step in steps:
        assert len(step.earlier) == seen
        assert step.new
        seen += len(step.new)
    assert seen == len(composition.sketch.strokes)
    assert steps[0].text == composition.plan.parts[0].text


def test_steps_come_in_the_order_of_time() -> None:
    sketch = drawing("cat").sketch
    last = max(s.part for s in sketch.strokes)
    strokes = tuple(
        replace(s, times_N=s.times_N * 0 + 0.5) if s.part == last else s for s in sketch.strokes
    )
    steps = lesson_steps(replace(sketch, strokes=strokes))
    assert {s.part for s in steps[0].new} == {last}


def test_the_sheet_is_the_same_every_time() -> None:
    composition = drawing("cat")
    steps = lesson_steps(composition.sketch, composition.plan)
    one, two = (lesson_pdf(steps, concept="a cat", canvas_px=CANVAS) for _ in range(2))
    assert one == two
    assert one.startswith(b"%PDF")
    assert pages(one) >= 2


def test_the_paper_decides_the_page() -> None:
    steps = lesson_steps(drawing("cat").sketch)
    assert b"595.28 841.89" in lesson_pdf(steps, canvas_px=CANVAS)
    assert b"612 792" in lesson_pdf(steps, canvas_px=CANVAS, paper="letter")


@pytest.mark.parametrize("canvas", [(432, 240), (240, 432), (256, 256), (24, 1920), (1920, 24)])
def test_any_canvas_fits(canvas: tuple[int, int]) -> None:
    sketch = drawing("cat").sketch.scaled(*canvas)
    assert pages(lesson_pdf(lesson_steps(sketch), canvas_px=canvas)) <= 10


def test_a_lesson_without_steps_is_an_empty_box() -> None:
    assert pages(lesson_pdf(lesson_steps(small_sketch()), canvas_px=(96, 72))) == 1


@pytest.mark.parametrize(
    ("text", "font"),
    [
        ("Head – large circle, “ß” é ñ ż ğ", FONT),
        ("Голова – круг", FONT),
        ("κεφάλι", FONT),
        ("đầu", FONT),
        ("猫の耳", "HeiseiMin-W3"),
        ("头 – 大圆", "STSong-Light"),
        ("고양이", "HYSMyeongJo-Medium"),
        ("رأس", None),
        ("सिर", None),
        ("🐱", None),
    ],
)
def test_every_text_has_a_font_or_is_known_to_have_none(text: str, font: str | None) -> None:
    assert font_of(text) == font


def test_a_script_without_a_font_is_printed_in_the_models_words() -> None:
    sketch = drawing("cat").sketch
    names = range(len(sketch.part_names))
    arabic = DrawingPlan(concept="قط", parts=tuple(PlanPart(name="رأس") for _ in names))
    english = DrawingPlan(concept="a cat", parts=tuple(PlanPart(name="Head") for _ in names))
    steps = lesson_steps(sketch, arabic, english)
    plain = lesson_steps(sketch, english)
    arguments = {"canvas_px": CANVAS, "plain_concept": "a cat"}
    assert lesson_pdf(steps, concept="قط", **arguments) == lesson_pdf(plain, **arguments)


@pytest.mark.parametrize("text", ["word " * 80, "x" * 500, "猫" * 200, "", "  a  b  "])
def test_lines_fit_and_lose_nothing(text: str) -> None:
    font = font_of(text) or FONT
    lines = wrapped(text, font, 10, 200)
    assert all(width_pt(line, font, 10) <= 200 for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_other_words_can_be_printed() -> None:
    steps = lesson_steps(drawing("cat").sketch)
    words = LessonWords(title="Dibuja {concept}", your_turn="Tu turno")
    spanish = lesson_pdf(steps, concept="un gato", canvas_px=CANVAS, words=words)
    assert spanish != lesson_pdf(steps, concept="un gato", canvas_px=CANVAS)
