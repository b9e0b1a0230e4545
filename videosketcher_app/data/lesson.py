"""The lesson sheet: one picture a part, so that a person can draw along on paper.

Legend: H/W pixels. Step i shows what is already drawn in grey and its own part in black.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.data import renderer
from videosketcher_app.data.strokes import Sketch

PAPER_WIDTH_PX = 2480  # the width of A4 at 300 dots an inch
EARLIER_COLOR = (0.72, 0.72, 0.72)
NEW_COLOR = (0.0, 0.0, 0.0)
INK = (30, 30, 30)
FRAME = (190, 190, 190)
WHITE = (255, 255, 255)
DASH = "–"
DASH_ROOM = "n"  # Pillow's own font has no en dash: a line as wide as this letter is drawn

Picture = NDArray[np.uint8]


def lesson_steps(sketch: Sketch, width_px: int = 1040) -> list[Picture]:
    """One picture (H, W, 3) a part of the sketch, in order; H follows from the canvas."""
    height_px = round(width_px * sketch.height_px / sketch.width_px)
    num_parts = max([len(sketch.part_names), *(s.part + 1 for s in sketch.strokes)])
    return [renderer.picture(_step(sketch, part), width_px, height_px) for part in range(num_parts)]


def lesson_sheet(sketch: Sketch, plan: DrawingPlan, width_px: int = PAPER_WIDTH_PX) -> Picture:
    """All steps with captions on one sheet (H, W, 3), white, ready to print.

    A caption is the plan's own text of the part: "1. Head – large circle at the top". Sketches
    whose parts the plan does not name are captioned by number only. Captions are set in Pillow's
    own font, which knows plain Latin letters: accents are left out, other scripts become "?".
    """
    columns = 2 if len(plan.parts) <= 8 else 3
    margin = width_px // 31
    cell = (width_px - (columns + 1) * margin) // columns
    steps = lesson_steps(sketch, cell)
    font = _font(cell / 26)
    captions = [_wrapped(_caption(plan, i), font, cell) for i in range(len(steps))]
    line_px = round(font.size * 1.35)
    text_px = line_px * max((len(lines) for lines in captions), default=1)
    title_font = _font(cell / 16)
    title = _wrapped(_title(plan), title_font, width_px - 2 * margin)
    top = 2 * margin + round(title_font.size * 1.35) * len(title)
    step_px = (steps[0].shape[0] if steps else 0) + text_px + margin
    rows = math.ceil(len(steps) / columns)
    sheet = Image.new("RGB", (width_px, top + rows * step_px), WHITE)
    draw = ImageDraw.Draw(sheet)
    _write(draw, (margin, margin), title, title_font, round(title_font.size * 1.35))
    for index, (step, caption) in enumerate(zip(steps, captions, strict=True)):
        left = margin + index % columns * (cell + margin)
        upper = top + index // columns * step_px
        sheet.paste(Image.fromarray(step), (left, upper))
        box = (left, upper, left + step.shape[1] - 1, upper + step.shape[0] - 1)
        draw.rectangle(box, outline=FRAME, width=max(1, cell // 400))
        _write(draw, (left, upper + step.shape[0] + line_px // 5), caption, font, line_px)
    return np.asarray(sheet).copy()


def _step(sketch: Sketch, part: int) -> Sketch:
    """Strokes up to a part: earlier ones in grey below its own in black."""
    earlier = [s for s in sketch.strokes if s.part < part]
    new = [s for s in sketch.strokes if s.part == part]
    strokes = [
        replace(stroke, pen=replace(stroke.pen, color=color))
        for group, color in ((earlier, EARLIER_COLOR), (new, NEW_COLOR))
        for stroke in group
    ]
    return replace(sketch, strokes=tuple(strokes))


def _font(size_px: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size=size_px)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
    return font


def _caption(plan: DrawingPlan, index: int) -> str:
    number = f"{index + 1}."
    return f"{number} {plan.parts[index].text}" if index < len(plan.parts) else number


def _title(plan: DrawingPlan) -> str:
    return f"How to draw {plan.concept}"


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width_px: int) -> list[str]:
    """The text in lines that fit; a single word that is too long is cut."""
    lines: list[str] = []
    for word in _plain(text).split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _length(longer, font) <= width_px:
            lines[-1] = longer
            continue
        while len(word) > 1 and _length(word, font) > width_px:
            word = word[:-1]
        lines.append(word)
    return lines


def _plain(text: str) -> str:
    """The text in the characters that the font has."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return "".join(c if c == DASH or " " <= c <= "~" else "?" for c in bare)


def _length(line: str, font: ImageFont.FreeTypeFont) -> float:
    return font.getlength(line.replace(DASH, DASH_ROOM))


def _write(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    lines: Sequence[str],
    font: ImageFont.FreeTypeFont,
    line_px: int,
) -> None:
    ascent, _ = font.getmetrics()
    for index, line in enumerate(lines):
        x, y = float(at[0]), at[1] + index * line_px
        for number, piece in enumerate(line.split(DASH)):
            if number:
                width = font.getlength(DASH_ROOM)
                middle = y + round(0.7 * ascent)
                draw.line((x, middle, x + width, middle), fill=INK, width=round(font.size / 14))
                x += width
            draw.text((x, y), piece, fill=INK, font=font)
            x += font.getlength(piece)
