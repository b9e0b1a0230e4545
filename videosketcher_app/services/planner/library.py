"""The plan library: hand-written and taught plans by name, and the planner that looks them up."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.services.planner.base import (
    PlannedDrawing,
    check_concept,
    with_brush_clause,
)
from videosketcher_app.services.planner.cleaning import script_of
from videosketcher_app.services.planner.entries import Entry, load_entries
from videosketcher_app.services.planner.schematic import SHAPES, schematic_plan
from videosketcher_app.services.planner.words import (
    CONNECTORS,
    is_safe_misspelling,
    normalize,
    variants,
    without_asking,
)

LIBRARY_FOLDER = Path(__file__).resolve().parents[3] / "presets" / "concepts"
NUM_NEAREST = 3
_LISTING = (["and"], ["or"], ["plus"], ["vs"])


@dataclass(frozen=True)
class _Match:
    """A known concept, the words that named it, and whether they had to be read as others."""

    entry: Entry
    words: str
    misspelled: bool = False


class PlanLibrary:
    """Known concepts by every name they have."""

    def __init__(self, folder: Path = LIBRARY_FOLDER) -> None:
        self.entries = load_entries(folder)
        self._by_key = {key: entry for entry in self.entries for key in entry.keys}
        self._by_title = {normalize(entry.title): entry for entry in self.entries}

    def find(self, phrase: str) -> _Match | None:
        """The concept that a normalized phrase names, its number and spaces aside."""
        for spelling in variants(phrase):
            if entry := self._by_key.get(spelling):
                return _Match(entry, phrase)
        return None

    def find_misspelled(self, phrase: str) -> _Match | None:
        """The only concept whose name the phrase can be a misspelling of."""
        near = {
            entry.title: entry
            for key, entry in self._by_key.items()
            if is_safe_misspelling(phrase, key)
        }
        if len(near) != 1:
            return None
        return _Match(next(iter(near.values())), phrase, misspelled=True)

    def nearest(self, phrase: str) -> tuple[str, ...]:
        """Titles of the nearest known concepts: those named in the phrase, then by spelling."""
        words = [word for word in phrase.split() if word not in CONNECTORS]
        named = [match.entry.title for word in words if (match := self.find(word))]
        spelled = [
            self._by_title[key].title
            for key in difflib.get_close_matches(phrase, self._by_title, n=NUM_NEAREST, cutoff=0.0)
        ]
        return tuple(dict.fromkeys([*named, *spelled]))[:NUM_NEAREST]

    def shape_of(self, phrase: str) -> str | None:
        """The simple shape that comes first in the plan of a known concept."""
        match = self.find(phrase)
        if match is None:
            return None
        words = " ".join(part.description for part in match.entry.parts).split()
        return next((word for word in words if word in SHAPES), None)


@cache
def shipped_library() -> PlanLibrary:
    """The library in presets/concepts, read once."""
    return PlanLibrary()


class LibraryPlanner:
    """Plans from the library; a schematic plan with an honest note for what it does not hold."""

    name = "library"

    def __init__(self, library: PlanLibrary | None = None) -> None:
        self._library = library or shipped_library()

    def plan(self, concept: str, *, brush: bool = False) -> PlannedDrawing:
        """The plan of a concept; `brush` adds the brush clause to the model's words.

        Raises:
            InvalidRequest: the concept is empty, too long, or not a line of words.
        """
        concept = without_asking(check_concept(concept))
        phrase = normalize(concept)
        match = self._match(phrase)
        planned = self._known(concept, phrase, match) if match else self._unknown(concept, phrase)
        if brush:
            planned = replace(planned, model_plan=with_brush_clause(planned.model_plan))
        return planned

    def _match(self, phrase: str) -> _Match | None:
        library = self._library
        if match := library.find(phrase) or library.find_misspelled(phrase):
            return match
        heads = self._head_phrases(phrase)
        for head in heads:
            if match := library.find(head):
                return match
        for head in heads:
            if match := library.find_misspelled(head):
                return match
        return None

    def _head_phrases(self, phrase: str) -> list[str]:
        """What the phrase may be about, longest first: "red cat on a mat" -> "red cat", "cat".

        English puts what describes a thing before it or behind a connecting word or an -ing form.
        A list of known things ("a cat and a dog") is about none of them alone.
        """
        words = phrase.split()
        end = next((i for i, word in enumerate(words) if i and word in CONNECTORS), len(words))
        others = normalize(" ".join(words[end + 1 :]))
        if words[end : end + 1] in _LISTING and any(map(self._library.find, _endings(others))):
            return []
        doing = next((i for i, word in enumerate(words[:end]) if i and word.endswith("ing")), end)
        return _endings(" ".join(words[:doing]))

    def _known(self, concept: str, phrase: str, match: _Match) -> PlannedDrawing:
        entry, title = match.entry, match.entry.title
        asked = concept
        if match.misspelled and match.words == phrase:
            asked = title
        return PlannedDrawing(
            plan=DrawingPlan(concept=asked, parts=entry.parts),
            model_plan=DrawingPlan(concept=title, parts=entry.parts),
            planner=self.name,
            note=_note(concept, phrase, match),
            nearest=(title,),
            taught=entry.taught,
        )

    def _unknown(self, concept: str, phrase: str) -> PlannedDrawing:
        plan = schematic_plan(concept, self._library.shape_of)
        nearest = self._library.nearest(phrase)
        known = ", ".join(f'"{title}"' for title in nearest)
        return PlannedDrawing(
            plan=plan,
            model_plan=_in_model_words(plan),
            planner="schematic",
            note=f'The library does not know "{concept}": this plan is only a scheme of simple '
            f"shapes; near it knows {known}.",
            nearest=nearest,
        )


def _in_model_words(plan: DrawingPlan) -> DrawingPlan:
    """The same shapes without the words of a script that no model was taught to read."""
    if script_of(plan.concept) in ("LATIN", ""):
        return plan
    parts = (
        part if script_of(part.name) == "LATIN" else replace(part, name=f"Shape {number}")
        for number, part in enumerate(plan.parts, start=1)
    )
    return DrawingPlan(concept="simple shapes", parts=tuple(parts))


def _endings(phrase: str) -> list[str]:
    """The phrase, then always one word fewer at its beginning."""
    words = phrase.split()
    return [" ".join(words[start:]) for start in range(len(words))]


def _note(concept: str, phrase: str, match: _Match) -> str:
    title = match.entry.title
    if match.misspelled and match.words == phrase:
        return f'"{concept}" is read as "{title}".'
    if match.words == phrase:
        by_title = normalize(title) in variants(phrase)
        language = "" if script_of(concept) == "LATIN" else ", in English"
        return "" if by_title else f'The plan is that of "{title}"{language}.'
    return f'The plan is that of "{title}"; nothing else in "{concept}" is part of it.'
