"""From a program to a sketch and its plan: which parts, in which order, where, in which words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from videosketcher_app.core.geometry import place_center
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.data.grammar.curves import mirror
from videosketcher_app.data.grammar.hand import Hand, draw_parts
from videosketcher_app.data.grammar.program import Part, Program
from videosketcher_app.data.strokes import Sketch

MARGIN = 0.045  # share of the canvas height that stays free around an object
WORDINGS = ("phrase", "described", "name", "mixed")
_SIDES = re.compile(r"\b(left|right)\b")


@dataclass(frozen=True, kw_only=True, eq=False)
class Composition:
    """A sketch, its plan and where they come from.

    Attributes:
        source: name of the program, "primitives" or "pseudo".
        labels: grammar name of every part, in drawing order (the plan may word it differently).
    """

    sketch: Sketch
    plan: DrawingPlan
    source: str
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Variety:
    """How often random drawings differ from a concept's usual one; shares in [0, 1].

    Attributes:
        small: small drawings with their place in the title, of concepts that may stand anywhere.
        dropped: drawings of which parts may be left out.
        shuffled: drawings in another sensible order.
    """

    small: float = 0.12
    dropped: float = 0.4
    shuffled: float = 0.7


USUAL_VARIETY = Variety()


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where an object stands.

    Attributes:
        fill: share of the free canvas that the object's larger side takes.
        place: named place of its center; None for near the middle.
        size_word: word for the size in the title, or "".
    """

    fill: float = 0.9
    place: str | None = None
    size_word: str = ""
    mirrored: bool = False
    tilt: float = 0.0
    stretch: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)

    @staticmethod
    def sample(
        rng: np.random.Generator, program: Program, variety: Variety = USUAL_VARIETY
    ) -> Layout:
        """A random layout; small ones name their size and place in the title."""
        fill, place, word = float(rng.uniform(0.78, 1.0)), None, ""
        if program.category not in {"scenes", "landscapes"} and rng.random() < variety.small:
            word, fill = "small", float(rng.uniform(0.42, 0.52))
            place = ("left", "center", "right")[rng.integers(3)]
        return Layout(
            fill=fill,
            place=place,
            size_word=word,
            mirrored=program.mirrors and bool(rng.random() < 0.5),
            tilt=float(rng.uniform(-0.04, 0.04)),
            stretch=float(rng.uniform(0.94, 1.06)),
            shift=(float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1))),
        )


def sensible_order(parts: Sequence[Part], rng: np.random.Generator) -> list[int]:
    """A random order in which every part comes after those that it needs."""
    names = {part.name for part in parts}
    waiting = {i: {n for n in part.after if n in names} for i, part in enumerate(parts)}
    order: list[int] = []
    done: set[str] = set()
    while waiting:
        ready = [i for i, needs in waiting.items() if needs <= done]
        assert ready, f"parts wait for each other: {[parts[i].name for i in waiting]}"
        pick = ready[rng.integers(len(ready))]
        order.append(pick)
        done.add(parts[pick].name)
        del waiting[pick]
    return order


def choose_parts(
    parts: list[Part],
    rng: np.random.Generator,
    *,
    drop: bool,
    shuffle: bool,
    variety: Variety = USUAL_VARIETY,
) -> list[Part]:
    """Some of the parts (never fewer than 3) in the program's order or another sensible one."""
    if drop and rng.random() < variety.dropped and len(parts) > 3:
        keep = rng.choice(len(parts), size=rng.integers(3, len(parts) + 1), replace=False)
        parts = [part for i, part in enumerate(parts) if i in set(keep.tolist())]
    if shuffle and rng.random() < variety.shuffled:
        parts = [parts[i] for i in sensible_order(parts, rng)]
    return parts


def compose(
    program: Program,
    rng: np.random.Generator,
    *,
    drop: bool = True,
    shuffle: bool = True,
    wording: str | None = None,
    layout: Layout | None = None,
    hand: Hand | None = None,
    variety: Variety = USUAL_VARIETY,
    width_px: int = 432,
    height_px: int = 240,
    num_frames: int = 81,
) -> Composition:
    """One random drawing of a program with its plan.

    A random layout is mirrored only if the words of the parts tell the sides apart: one plan that
    stands for two opposite pictures is drawn as a mixture of both by a small model.

    Args:
        drop: leave out parts now and then.
        shuffle: draw in other sensible orders, else always in the program's.
        wording: one of WORDINGS; None for a random one.
        layout, hand: None for random ones.
        variety: of what is random.
    """
    usual = choose_parts(program.draw(rng), rng, drop=drop, shuffle=shuffle, variety=variety)
    placed = layout or Layout.sample(rng, program, variety)
    parts = [_mirrored_words(part) for part in usual] if placed.mirrored else usual
    sketch = draw_parts(
        _placed(parts, placed, width_px, height_px),
        [part.name for part in parts],
        hand or Hand.sample(rng, num_frames),
        rng,
        width_px=width_px,
        height_px=height_px,
        num_frames=num_frames,
    )
    title = _title(program, placed, rng, varied=wording is None)
    words = tuple(word_parts(parts, rng, wording))
    if layout is None and placed.mirrored and not _tells_sides(words):
        parts, sketch = usual, _turned(sketch, [part.name for part in usual])
    return Composition(
        sketch=sketch,
        plan=DrawingPlan(concept=title, parts=words),
        source=program.name,
        labels=tuple(part.name for part in parts),
    )


def _tells_sides(words: Sequence[PlanPart]) -> bool:
    """True if the words would differ in the mirrored drawing."""
    return any(_SIDES.search(part.text.lower()) for part in words)


def _turned(sketch: Sketch, names: Sequence[str]) -> Sketch:
    """The sketch mirrored where it stands, its parts under other names."""
    x = np.concatenate([stroke.points_N2[:, 0] for stroke in sketch.strokes])
    both = np.array([x.min() + x.max(), 0], np.float32)
    turn = np.array([-1, 1], np.float32)
    strokes = tuple(replace(s, points_N2=both + turn * s.points_N2) for s in sketch.strokes)
    return replace(sketch, strokes=strokes, part_names=tuple(names))


def word_parts(
    parts: Sequence[Part], rng: np.random.Generator, wording: str | None = None
) -> list[PlanPart]:
    """The parts in words; one wording for the whole plan unless it is "mixed"."""
    wording = wording or str(rng.choice(WORDINGS, p=[0.25, 0.5, 0.1, 0.15]))
    return [_word(part, rng, wording) for part in parts]


def _word(part: Part, rng: np.random.Generator, wording: str) -> PlanPart:
    if wording == "mixed":
        wording = WORDINGS[rng.integers(3)]
    if wording == "described":
        return PlanPart(name=_capital(part.name), description=part.description)
    if wording == "phrase":
        return PlanPart(name=_capital(part.phrase))
    return PlanPart(name=f"The {part.name}" if rng.random() < 0.5 else _capital(part.name))


def _title(program: Program, layout: Layout, rng: np.random.Generator, *, varied: bool) -> str:
    title = program.title
    if varied and program.titles and rng.random() < 0.3:
        title = program.titles[rng.integers(len(program.titles))]
    if layout.size_word:
        article, _, noun = title.partition(" ")
        if article in {"a", "an"}:
            title = f"a {layout.size_word} {noun}"
    if layout.place:
        title += " in the center" if layout.place == "center" else f" on the {layout.place}"
    return title


def _placed(
    parts: Sequence[Part], layout: Layout, width_px: int, height_px: int
) -> list[list[np.ndarray]]:
    """The parts' curves in canvas pixels."""
    c, s = np.cos(layout.tilt), np.sin(layout.tilt)
    turn = np.array([[c, s], [-s, c]]) * np.array([layout.stretch, 1 / layout.stretch])
    curves = [
        [(mirror(curve) if layout.mirrored else curve) @ turn for curve in part.curves]
        for part in parts
    ]
    points = np.vstack([curve for group in curves for curve in group])
    low, high = points.min(0), points.max(0)
    extent = np.maximum(high - low, 1e-3)
    margin = MARGIN * height_px
    room = np.array([width_px, height_px]) - 2 * margin
    scale = layout.fill * float((room / extent).min())
    free = (room - scale * extent) / 2
    center = np.array([width_px, height_px]) / 2
    wanted = place_center(layout.place, width_px, height_px) if layout.place else center
    limit = np.minimum(free, 0.10 * height_px)
    center = center + np.clip(np.asarray(wanted) - center, -free, free)
    center = center + np.asarray(layout.shift) * (limit if not layout.place else 0.3 * limit)
    middle = (low + high) / 2
    return [[(curve - middle) * scale + center for curve in group] for group in curves]


def _mirrored_words(part: Part) -> Part:
    def swap(text: str) -> str:
        return _SIDES.sub(lambda m: "right" if m.group() == "left" else "left", text)

    return Part(
        name=swap(part.name),
        phrase=swap(part.phrase),
        description=swap(part.description),
        curves=part.curves,
        after=tuple(swap(name) for name in part.after),
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
