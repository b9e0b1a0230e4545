"""Scores any sketch video against its plan: order, presence, permanence of ink, paper.

Every part is looked for in the best way that its words allow, and the result says which one it was:
"object" (a part of a concept that the detector knows), "shape" (a shape word and a place word in
the description), or "time" (only whether ink came in the part's equal share of the drawing time,
which says nothing about order).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.geometry import SIZES
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.ink import InkFigures
from videosketcher_app.data.renderer import NEVER
from videosketcher_app.evaluation.clip import ClipReading, read_clip
from videosketcher_app.evaluation.detector import Detector
from videosketcher_app.evaluation.reading import PartReading, ordered_pairs, read_drawings
from videosketcher_app.evaluation.renders import INK_PIXEL
from videosketcher_app.evaluation.vocabulary import PLACE_NAMES, Vocabulary

SLICE_INK = 0.25  # of an equal share of the ink: less in a part's slice of time is no part
_WHERE = re.compile(r" (?:on|in|at) the (?:" + "|".join(PLACE_NAMES) + r")$")
_ARTICLE = re.compile(r"^(?:an?|the) ")
_SIZE = re.compile(r"^(?:" + "|".join(SIZES) + r") ")


@dataclass(frozen=True, kw_only=True)
class PartScore:
    """One part of the plan in a video.

    Attributes:
        part: as the plan names it.
        how: "object", "shape" or "time", see above.
        label: what the detector was asked for; None for "time".
        frame: when it was drawn; None for "time" and for parts that are missing.
    """

    part: str
    how: str
    label: str | None
    present: bool
    in_place: bool | None
    right_shape: bool | None
    frame: float | None


@dataclass(frozen=True, kw_only=True)
class VideoScore:
    """A video against its plan.

    Attributes:
        order: share of pairs of detected parts in the plan's order; None without such a pair.
        present: share of the plan's parts that are there.
        extra_ink: share of ink that no part claims; None unless every part was detected.
        raw, composited: permanence and whiteness as the video is, and after the clean-up.
    """

    parts: tuple[PartScore, ...]
    order: float | None
    present: float
    extra_ink: float | None
    raw: InkFigures
    composited: InkFigures

    def row(self) -> dict[str, object]:
        """The figures of the whole video, flat."""
        hows = [part.how for part in self.parts]
        return {
            "order": self.order,
            "present": self.present,
            "extra_ink": self.extra_ink,
            "parts": len(self.parts),
            **{f"parts_by_{how}": hows.count(how) for how in ("object", "shape", "time")},
            **asdict(self.raw),
            "composited_persistence": self.composited.persistence,
        }

    def part_rows(self) -> list[dict[str, object]]:
        """One flat row a part, the video's figures repeated in each."""
        return [
            {"index": index, **asdict(part), **{f"video_{k}": v for k, v in self.row().items()}}
            for index, part in enumerate(self.parts, start=1)
        ]


def score_video(
    frames_THW3: NDArray[np.uint8], plan: DrawingPlan, detector: Detector
) -> VideoScore:
    """Scores a clip (T, H, W, 3) uint8 of any size against its plan."""
    clip = read_clip(frames_THW3)
    labels = labels_of(plan, detector.vocabulary)
    asked = [label for label in labels if label is not None]
    extra, found = None, {}
    if asked:
        (reading,) = read_drawings(detector, [clip.ink_HW], [asked], [clip.times_HW])
        found = {part.label: part for part in reading.parts}
        extra = reading.extra_ink if len(asked) == len(labels) else None
    slices = present_by_time(clip, len(labels))
    parts = [
        _part_score(part, label, found.get(label or ""), there)
        for part, label, there in zip(plan.parts, labels, slices, strict=True)
    ]
    right, pairs = ordered_pairs([part.frame for part in parts])
    return VideoScore(
        parts=tuple(parts),
        order=right / pairs if pairs else None,
        present=sum(part.present for part in parts) / len(parts),
        extra_ink=extra,
        raw=clip.raw,
        composited=clip.composited,
    )


def _part_score(
    part: PlanPart, label: str | None, reading: PartReading | None, there: bool
) -> PartScore:
    score = PartScore(
        part=part.text,
        how="time" if label is None else "shape" if "@" in label else "object",
        label=label,
        present=there,
        in_place=None,
        right_shape=None,
        frame=None,
    )
    if reading is None:
        return score
    return replace(
        score,
        present=reading.present,
        in_place=reading.in_place,
        right_shape=reading.right_shape,
        frame=reading.frame,
    )


def labels_of(plan: DrawingPlan, vocabulary: Vocabulary) -> list[str | None]:
    """The detector's label of every part; None where its words name nothing that it knows."""
    concept = concept_of(plan.concept)
    known = vocabulary.by_concept.get(concept, ()) if concept else ()
    labels: list[str | None] = []
    for part in plan.parts:
        label = _object_label(part, known) or _shape_label(part, vocabulary)
        labels.append(None if label in labels else label)
    return labels


def concept_of(title: str) -> str | None:
    """The program that draws a title ("a small cat on the left" -> "cat"); None if none does."""
    bare = _bare(title)
    for name, program in programs().items():
        if bare in {_bare(known) for known in (program.title, *program.titles)}:
            return name
    return None


def _bare(title: str) -> str:
    text = _WHERE.sub("", title.strip().lower())
    return _SIZE.sub("", _ARTICLE.sub("", text))


def _object_label(part: PlanPart, known: Sequence[str]) -> str | None:
    """The known label whose part name is the longest one among the part's words."""
    words = f" {part.name.lower()} "
    names = [label for label in known if f" {label.split('/', 1)[1]} " in words]
    return max(names, key=len, default=None)


def _shape_label(part: PlanPart, vocabulary: Vocabulary) -> str | None:
    words = " " + re.sub(r"[^a-z ]", " ", part.text.lower()) + " "
    shape = _longest(vocabulary.shapes, words)
    place = _longest(PLACE_NAMES, words)
    return f"{shape}@{place}" if shape and place else None


def _longest(names: Sequence[str], words: str) -> str | None:
    return max((name for name in names if f" {name} " in words), key=len, default=None)


def present_by_time(clip: ClipReading, num_parts: int) -> list[bool]:
    """Whether each part's equal slice of the drawing time brought a fair share of ink."""
    times_N = clip.times_HW[(clip.times_HW < NEVER) & (clip.ink_HW > INK_PIXEL)]
    if not len(times_N):
        return [False] * num_parts
    edges = np.linspace(times_N.min(), times_N.max() + 1e-3, num_parts + 1)
    counts, _ = np.histogram(times_N, edges)
    return [bool(count >= SLICE_INK * len(times_N) / num_parts) for count in counts]
