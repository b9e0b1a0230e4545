"""Fonts of the lesson sheet, and which text each of them can print.

Latin, Greek and Cyrillic letters come from a small font that is embedded. Chinese, Japanese and
Korean use the names that every PDF viewer substitutes by a font of its own; nothing is embedded.
Other scripts need shaping that the sheet does not do: such a text is not printable, and the caller
prints other words instead.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

FONT = "DejaVuSans"
FONT_FILE = Path(__file__).resolve().parent / "fonts" / "DejaVuSans-subset.ttf"
JAPANESE, KOREAN, CHINESE = "HeiseiMin-W3", "HYSMyeongJo-Medium", "STSong-Light"


def font_of(text: str) -> str | None:
    """The font that can print all of the text; None if there is none."""
    own = _own_letters()
    foreign = [c for c in text if ord(c) not in own]
    if not foreign:
        return FONT
    if not all(_is_cjk(c) for c in foreign):
        return None
    if any("\u3040" <= c <= "\u30ff" for c in foreign):
        return JAPANESE
    return KOREAN if any("\uac00" <= c <= "\ud7af" for c in foreign) else CHINESE


def width_pt(text: str, font: str, size_pt: float) -> float:
    """Width of a line in points."""
    _register()
    from reportlab.pdfbase.pdfmetrics import stringWidth

    return float(stringWidth(text, font, size_pt))


def wrapped(text: str, font: str, size_pt: float, room_pt: float) -> list[str]:
    """The text in lines that fit; a word that is too long for a line is broken."""
    lines = [""]
    for word in _words(text):
        longer = lines[-1] + word
        if width_pt(longer.rstrip(), font, size_pt) <= room_pt:
            lines[-1] = longer
            continue
        if lines[-1].strip():
            lines.append("")
        for letter in word:
            if lines[-1] and width_pt(lines[-1] + letter.rstrip(), font, size_pt) > room_pt:
                lines.append("")
            lines[-1] += letter
    return [line.strip() for line in lines if line.strip()]


def _words(text: str) -> list[str]:
    """Pieces between which a line may end, each with the space after it."""
    pieces: list[str] = [""]
    for letter in text:
        if _is_cjk(letter) or pieces[-1].endswith(" "):
            pieces.append("")
        pieces[-1] += letter
    return [piece for piece in pieces if piece]


def _is_cjk(letter: str) -> bool:
    return (
        "\u3000" <= letter <= "\u30ff"
        or "\u4e00" <= letter <= "\u9fff"
        or "\uac00" <= letter <= "\ud7af"
        or "\uff01" <= letter <= "\uff5e"
    )


@cache
def _own_letters() -> frozenset[int]:
    from reportlab.pdfbase.ttfonts import TTFontFace

    return frozenset(TTFontFace(str(FONT_FILE)).charToGlyph)


@cache
def _register() -> None:
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfbase.pdfmetrics import registerFont
    from reportlab.pdfbase.ttfonts import TTFont

    registerFont(TTFont(FONT, str(FONT_FILE)))
    for name in (JAPANESE, KOREAN, CHINESE):
        registerFont(UnicodeCIDFont(name))
