"""What a language model replied, made into a plan or refused; pure functions on text.

The reply asked for is one JSON object (see `prompt`). Code fences, talk around the object, lists
of sentences instead of objects, numbered lists and the one-line form itself are repaired; anything
else is a BadReply. Every text goes through `clean_line`, so that no markup survives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.plan import JOINT, DrawingPlan, PlanPart, parse_plan
from videosketcher_app.services.planner.cleaning import clean_line, has_words, script_of
from videosketcher_app.services.planner.vocabulary import speaks_of_shapes

MAX_REPLY_PARTS = 12
MIN_REPLY_PARTS = 2
MAX_REPLY_PLAN_CHARACTERS = 1200
MAX_REPLY_CHARACTERS = 20_000
MAX_CONCEPT_CHARACTERS = 120
MAX_NAME_CHARACTERS = 48
MAX_DESCRIPTION_CHARACTERS = 120
_MAX_ENTRIES_READ = 100
_FENCE = re.compile(r"```[a-zA-Z]{0,10}\s*(.*?)(?:```|\Z)", re.S)
_ITEM = re.compile(r"(?:^|\s)(?:\*\*)?\(?(\d{1,2})[.)]\s")
_BULLET = re.compile(r"^\s{0,8}[-*•–]\s+(.+)$", re.M)
_JOINT_OF_PART = re.compile(r"\s+[–—-]+\s+|\s?[—:：]\s*")


class BadReply(Exception):
    """A reply that holds no plan; the text says why and quotes nothing of it."""


@dataclass(frozen=True, kw_only=True)
class ReadReply:
    """A plan in the person's words and the same plan in the model's.

    Attributes:
        plan: parts in the language of the concept, unless `in_english`.
        model_plan: the same parts, in English.
        in_english: the parts had to be taken in English for a concept in another script.
    """

    plan: DrawingPlan
    model_plan: DrawingPlan
    in_english: bool = False


@dataclass(frozen=True)
class _Part:
    shown: PlanPart
    english: PlanPart


def read_reply(reply: str, concept: str) -> ReadReply:
    """The plan in a reply to `concept`, at most 12 parts and 1,200 characters on one line.

    Raises:
        BadReply: there is none in it.
    """
    if len(reply) > MAX_REPLY_CHARACTERS:
        raise BadReply("the reply is too long")
    value = _json_value(reply)
    entries = _entries(value) if value is not None else _sentences(reply)
    parts = _distinct([part for entry in entries if (part := _part(entry))])[:MAX_REPLY_PARTS]
    if len(parts) < MIN_REPLY_PARTS:
        raise BadReply("there is no list of parts in it")
    english = _english_concept(value, concept)
    in_english = _is_in_another_script([part.shown for part in parts], concept)
    shown = [part.english if in_english else part.shown for part in parts]
    return _fitted(concept, shown, english, [part.english for part in parts], in_english)


def _fitted(
    concept: str,
    shown: list[PlanPart],
    english: str,
    model_parts: list[PlanPart],
    in_english: bool,
) -> ReadReply:
    """Both plans with as many parts as fit into both; the last parts matter least."""
    for count in range(len(shown), MIN_REPLY_PARTS - 1, -1):
        plan = _checked(concept, shown[:count])
        model_plan = _checked(english, model_parts[:count])
        if max(len(str(plan)), len(str(model_plan))) <= MAX_REPLY_PLAN_CHARACTERS:
            if not speaks_of_shapes(model_plan):
                raise BadReply("it does not speak of shapes and places in English")
            return ReadReply(plan=plan, model_plan=model_plan, in_english=in_english)
    raise BadReply("its parts are too long")


def _checked(concept: str, parts: Sequence[PlanPart]) -> DrawingPlan:
    try:
        plan = DrawingPlan(concept=concept, parts=tuple(parts))
        if parse_plan(str(plan)) == plan:
            return plan
    except InvalidRequest:
        pass
    raise BadReply("it does not fit into the form of a plan")


def _json_value(reply: str) -> Any:
    """The first JSON object or list of the reply; None if there is none."""
    decoder = json.JSONDecoder(strict=False, parse_constant=_refuse_constant)
    fenced = _FENCE.search(reply)
    for text in ([fenced[1]] if fenced else []) + [reply]:
        starts = [at for at in (text.find("{"), text.find("[")) if at >= 0]
        for start in sorted(starts):
            try:
                return decoder.raw_decode(text, start)[0]
            except (ValueError, RecursionError):
                continue
    return None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _entries(value: Any) -> list[Any]:
    """The list of parts in a JSON reply, whatever its key is called."""
    if isinstance(value, list):
        return value[:_MAX_ENTRIES_READ]
    if isinstance(value, dict):
        for key in ("parts", "steps", "plan"):
            inner = value.get(key)
            if isinstance(inner, list):
                return inner[:_MAX_ENTRIES_READ]
            if isinstance(inner, str):
                return _sentences(inner)
            if isinstance(inner, dict) and key == "plan":
                return _entries({k: v for k, v in inner.items() if k != "plan"})
    return []


def _sentences(text: str) -> list[Any]:
    """The items of a numbered list, on one line or several, else those with bullets."""
    text = text.split(JOINT, 1)[-1]
    marks = list(_ITEM.finditer(text))[:_MAX_ENTRIES_READ]
    if len(marks) >= MIN_REPLY_PARTS and int(marks[0][1]) == 1:
        ends = [mark.start() for mark in marks[1:]] + [len(text)]
        items = [text[mark.end() : end] for mark, end in zip(marks, ends, strict=True)]
        # What follows the last item in a paragraph of its own is talk.
        return [item.strip().split("\n\n")[0] for item in items]
    return _BULLET.findall(text)[:_MAX_ENTRIES_READ]


def _part(entry: Any) -> _Part | None:
    """One part from an object with names, or from a sentence "Name – shape and place"."""
    if isinstance(entry, str):
        name, description = _split(entry)
        shown = _plan_part(name, description)
        return _Part(shown, shown) if shown else None
    if not isinstance(entry, dict):
        return None
    shown = _plan_part(entry.get("name"), entry.get("description"))
    english = _plan_part(entry.get("english_name"), entry.get("english_description"))
    if shown is None:
        return None
    return _Part(shown, english or shown)


def _split(sentence: str) -> tuple[str, str]:
    pieces = _JOINT_OF_PART.split(sentence.strip(), maxsplit=1)
    return (pieces[0], pieces[1]) if len(pieces) == 2 else (sentence, "")


def _plan_part(name: Any, description: Any) -> PlanPart | None:
    """A part of cleaned words; None without a name or a description."""
    if not isinstance(name, str) or not isinstance(description, str):
        return None
    name = clean_line(name, max_characters=MAX_NAME_CHARACTERS)
    name = clean_line(re.sub(r"\s+[–—-]+\s+", " ", name), max_characters=MAX_NAME_CHARACTERS)
    description = clean_line(description, max_characters=MAX_DESCRIPTION_CHARACTERS)
    if not has_words(name) or not has_words(description):
        return None
    try:
        return PlanPart(name=name[:1].upper() + name[1:], description=description)
    except InvalidRequest:
        return None


def _distinct(parts: list[_Part]) -> list[_Part]:
    return list({part.shown.text.casefold(): part for part in reversed(parts)}.values())[::-1]


def _english_concept(value: Any, concept: str) -> str:
    """The concept for the model: the reply's English words, else the person's if in Latin."""
    given = value.get("english_concept") if isinstance(value, dict) else None
    words = (
        clean_line(given, max_characters=MAX_CONCEPT_CHARACTERS)
        if given and isinstance(given, str)
        else ""
    )
    if has_words(words) and script_of(words) == "LATIN":
        return words
    if script_of(concept) in ("LATIN", ""):
        return concept
    raise BadReply("it has no English words for the concept")


def _is_in_another_script(parts: list[PlanPart], concept: str) -> bool:
    wanted = script_of(concept)
    return bool(wanted) and script_of(" ".join(part.text for part in parts)) != wanted
