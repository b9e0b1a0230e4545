"""DrawingPlan: a concept and the ordered parts that draw it, with its exact one-line text.

The one-line form is the prompt template that the published VideoSketcher models were trained on
(facts: reference 1.4): "Step by step sketch process of <concept>, following this drawing order:
1. <part> – <description>. 2. ...". An en dash with spaces joins a part's name and description.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.invisible import without_invisible

PREFIX = "Step by step sketch process of "
JOINT = ", following this drawing order: "
DASH = " – "
MAX_PARTS = 24
MAX_PLAN_CHARACTERS = 4000

_STEP = re.compile(r"(?:^|(?<=\. ))(\d+)\. ")
_ENTRY = re.compile(r"\d+\. ")
NOT_ON_A_LINE = {"Cc", "Cs", "Zl", "Zp"}  # controls, lone surrogates, line separators


@dataclass(frozen=True, kw_only=True)
class PlanPart:
    """One part: its name and, if known, its simple shape and position in words.

    Runs of spaces count as one and invisible characters as none, so that printing and parsing are
    inverse.
    """

    name: str
    description: str = ""

    def __post_init__(self) -> None:
        for field in ("name", "description"):
            value = getattr(self, field)
            line = " ".join(without_invisible(value).split())
            if not _is_one_line(value) or _ENTRY.search(line):
                raise InvalidRequest(
                    f"A part of a plan must be one line without step numbers. Received: {value!r}",
                    hint="Remove line breaks and numbers followed by a dot.",
                )
            object.__setattr__(self, field, line)
        if not self.name:
            raise InvalidRequest("A part of a plan has no name.", hint="Name every part.")
        if _STEP.search(f"{self.text}. "):
            raise InvalidRequest(
                f"A part must not end with a number of its own. Received: {self.text!r}",
                hint='Write what the number counts, for instance "number 3".',
            )
        if DASH in f"{self.name} ":
            raise InvalidRequest(
                f"A part's name must not contain a dash with spaces. Received: {self.name!r}",
                hint="Put what follows the dash into the description.",
            )

    @property
    def text(self) -> str:
        """The part as one sentence without its number and full stop."""
        return f"{self.name}{DASH}{self.description}" if self.description else self.name


@dataclass(frozen=True, kw_only=True)
class DrawingPlan:
    """A concept ("a cat") and its parts in drawing order. Parsing and printing are inverse."""

    concept: str
    parts: tuple[PlanPart, ...]

    def __post_init__(self) -> None:
        concept = " ".join(without_invisible(self.concept).split())
        if not concept or not _is_one_line(self.concept) or JOINT in f"{concept} ":
            raise InvalidRequest(
                f"A plan needs a concept of one line. Received: {self.concept[:80]!r}",
                hint='Write what to draw, for instance "a cat".',
            )
        object.__setattr__(self, "concept", concept)
        if not 1 <= len(self.parts) <= MAX_PARTS:
            raise InvalidRequest(
                f"A plan has 1 to {MAX_PARTS} parts. Received: {len(self.parts)}",
                hint="Join or remove parts.",
            )
        _require_length(str(self))

    def __str__(self) -> str:
        steps = " ".join(f"{i}. {part.text}." for i, part in enumerate(self.parts, start=1))
        return f"{PREFIX}{self.concept}{JOINT}{steps}"

    @property
    def slug(self) -> str:
        """File-system name of the concept: "a cat" -> "cat"; never empty, at most 60 characters."""
        words = re.findall(r"[^\W_]+", self.concept.casefold())
        if len(words) > 1 and words[0] in {"a", "an", "the"}:
            words = words[1:]
        return "_".join(words)[:60].strip("_") or "untitled"

    def reordered(self, order: list[int]) -> DrawingPlan:
        """The same parts in another order (a permutation of indices)."""
        assert sorted(order) == list(range(len(self.parts))), order
        return DrawingPlan(concept=self.concept, parts=tuple(self.parts[i] for i in order))


def is_plan(text: str) -> bool:
    """True if the text is written as a plan rather than as a bare concept."""
    return text.strip().startswith(PREFIX.strip()) and JOINT.strip() in text


def parse_plan(text: str) -> DrawingPlan:
    """Reads the one-line form; printing the result gives the same text again.

    Raises:
        InvalidRequest: the text is not in the one-line form.
    """
    _require_length(text)
    line = " ".join(text.split())
    if not line.startswith(PREFIX) or JOINT not in line:
        raise InvalidRequest(
            f"This is not a drawing plan. Received: {line[:80]!r}",
            hint=f'Write "{PREFIX}<concept>{JOINT}1. <part>. 2. <part>."',
        )
    concept, steps = line[len(PREFIX) :].split(JOINT, 1)
    marks = list(_STEP.finditer(steps))
    expected = [str(i) for i in range(1, len(marks) + 1)]
    if not marks or marks[0].start() != 0 or [m.group(1) for m in marks] != expected:
        raise InvalidRequest(
            "The steps of the plan must be numbered 1., 2., 3. in order.",
            hint="Number every part once, starting with 1.",
        )
    ends = [mark.start() for mark in marks[1:]] + [len(steps)]
    parts = tuple(
        _parse_part(steps[mark.end() : end].strip()) for mark, end in zip(marks, ends, strict=True)
    )
    return DrawingPlan(concept=concept, parts=parts)


def _is_one_line(text: str) -> bool:
    if text.isprintable():  # the quick answer for nearly every text
        return True
    return not any(unicodedata.category(character) in NOT_ON_A_LINE for character in text)


def _require_length(text: str) -> None:
    if len(text) > MAX_PLAN_CHARACTERS:
        raise InvalidRequest(
            f"The plan is {len(text):,} characters long.",
            hint=f"Shorten it to {MAX_PLAN_CHARACTERS:,} characters.",
        )


def _parse_part(sentence: str) -> PlanPart:
    if not sentence.endswith("."):
        raise InvalidRequest(
            f"Every step of a plan ends with a full stop. Received: {sentence[:80]!r}",
            hint="Add the full stop.",
        )
    name, _, description = sentence[:-1].partition(DASH)
    return PlanPart(name=name, description=description)
