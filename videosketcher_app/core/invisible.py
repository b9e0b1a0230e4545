"""Takes out of a text what nobody sees: controls of direction, hidden tags, spaces without width.

They come along with copied text, can show a line in another order than it is read in, and can hide
words from whoever looks at them. Scripts keep the few that they need: joiners between the letters
of Persian or Hindi and within emoji, marks of direction beside letters that run from right to left.
"""

from __future__ import annotations

import re
import unicodedata

_ALWAYS_OUT = re.compile(
    "["
    "\u00ad"  # soft hyphen
    "\u200b"  # zero-width space
    "\u202a-\u202e"  # embeddings and overrides of direction
    "\u2060-\u206f"  # word joiner, invisible operators, isolates, deprecated format controls
    "\u3164\uffa0"  # fillers of Hangul, letters without a shape
    "\ufeff"  # byte order mark
    "\ufff9-\ufffb"  # annotations
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # of shorthand and of music
    "\U000e0000-\U000e007f"  # tags
    "]"
)
_MARKS = re.compile("[\u061c\u200e\u200f]")  # of direction, without a scope
_RUN_OF_JOINERS = re.compile("([\u180e\u200c\u200d])[\u180e\u200c\u200d]+")
_IDLE_JOINER = re.compile(
    "(?<=[\x00-\x7f])[\u180e\u200c\u200d](?=[\x00-\x7f])"  # between letters of ASCII
    "|(?<!\\S)[\u180e\u200c\u200d]|[\u180e\u200c\u200d](?!\\S)"  # at the end of a word
)
_RUN_OF_VARIATIONS = re.compile(
    "([\ufe00-\ufe0f\U000e0100-\U000e01ef])[\ufe00-\ufe0f\U000e0100-\U000e01ef]+"
)


def without_invisible(text: str) -> str:
    """The text as it is seen; what can be seen is never changed."""
    if text.isascii():
        return text
    text = _ALWAYS_OUT.sub("", text)
    if not any(_runs_leftwards(character) for character in text):
        text = _MARKS.sub("", text)
    text = _RUN_OF_JOINERS.sub(r"\1", text)
    text = _IDLE_JOINER.sub("", text)
    return _RUN_OF_VARIATIONS.sub(r"\1", text)


def _runs_leftwards(character: str) -> bool:
    return character.isalpha() and unicodedata.bidirectional(character) in ("R", "AL")
