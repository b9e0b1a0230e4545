"""Texts of strangers made into one plain line: no markup, no links, no controls, no numbering."""

from __future__ import annotations

import html
import re
import unicodedata

MAX_READ_CHARACTERS = 2_000  # of one text; what follows is never looked at
MAX_MARKS = 3  # accents on one letter
_JOINERS = {"\u200c", "\u200d"}  # several scripts spell with them
_SCRIPT = re.compile(r"<(script|style)\b[^>]{0,300}>.{0,2000}?</\1\s{0,9}>", re.I | re.S)
_TAG = re.compile(r"</?[a-z!][^<>]{0,500}>", re.I)
_LINK = re.compile(r"!?\[([^\[\]]{0,200})\]\([^()]{0,500}\)")
_URL = re.compile(r"(?:\b(?:https?|ftp|file|data|javascript|mailto)\s?:|\bwww\.)\S*", re.I)
_MARKUP = re.compile(r"[*`#~|<>{}\[\]\\^_\"“”]+")
_NUMBERING = re.compile(
    r"^\s*(?:\(?\d{1,3}\s?[.):]+|(?:step|part)\s\d{1,3}\b[.):]*|[-–—•·‣+►]+)\s*", re.I
)
_STOP_AFTER_NUMBER = re.compile(r"(\d)\.(?=\s|$)")
_STOP = re.compile(r"\s*[.;]\s+")
_EDGES = " .,;:–—-。、'"


def clean_line(text: str, *, max_characters: int) -> str:
    """The words of a text on one line of at most `max_characters`; empty if there are none."""
    text = html.unescape(text[:MAX_READ_CHARACTERS])
    text = _TAG.sub(" ", _SCRIPT.sub(" ", text))
    text = _URL.sub(" ", _LINK.sub(r"\1", text))
    text = "".join(_plain_characters(_MARKUP.sub(" ", text)))
    text = _without_numbering(" ".join(text.split()))
    text = _STOP.sub(", ", _STOP_AFTER_NUMBER.sub(r"\1", text))
    return _cut(" ".join(text.split()).strip(_EDGES), max_characters)


def has_words(text: str) -> bool:
    """True if the text holds at least one letter."""
    return any(character.isalpha() for character in text)


def script_of(text: str) -> str:
    """The script that most letters are written in ("LATIN", "CYRILLIC", ...); "" without letters.

    Han, Hiragana and Katakana count as one, since Japanese mixes them.
    """
    counts: dict[str, int] = {}
    for character in text:
        if character.isalpha():
            name = unicodedata.name(character, "UNKNOWN").split()[0]
            name = "CJK" if name in ("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA") else name
            counts[name] = counts.get(name, 0) + 1
    return max(counts, key=lambda name: counts[name]) if counts else ""


def _plain_characters(text: str) -> list[str]:
    """Spaces for what breaks a line or shows nothing, and few accents on each letter."""
    plain: list[str] = []
    marks = 0
    for character in unicodedata.normalize("NFC", text):
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if category == "Cf":  # among them what turns the direction of writing
            plain += [character] if character in _JOINERS else []
        elif category[0] in "CZ":
            plain.append(" ")
        elif marks <= MAX_MARKS:
            plain.append(character)
    return plain


def _without_numbering(text: str) -> str:
    previous = None
    while previous != text:
        previous, text = text, _NUMBERING.sub("", text, count=1)
    return text


def _cut(text: str, max_characters: int) -> str:
    if len(text) <= max_characters:
        return text
    head = text[: max_characters + 1]
    words = head.rsplit(" ", 1)[0] if " " in head else head[:max_characters]
    return words[:max_characters].strip(_EDGES)
