"""Which parts a training drawing has, when each is drawn, and what it might be mistaken for.

A pixel's part follows from the time at which it was inked, because nobody draws two strokes at once.

Legend: B drawings, Q parts, N labels that are not drawn, S slots of time, H/W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from videosketcher_app.data.strokes import Sketch
from videosketcher_app.evaluation.renders import distance_to_place
from videosketcher_app.evaluation.samples import OUTSIDE
from videosketcher_app.evaluation.vocabulary import (
    PLACE_NAMES,
    Vocabulary,
    full_label,
    related,
)

MOST_PARTS = 16
NUM_ABSENT = 8
NO_LABEL = -1
SLOTS_A_FRAME = 128  # of time; a pasted drawing takes half a frame, all its parts


@dataclass(frozen=True, kw_only=True, eq=False)
class PartTimes:
    """The parts of B drawings.

    Attributes:
        labels_BQ: numbers of the parts' labels in the plan's order; NO_LABEL where there is no part,
            or where two parts have one label.
        part_at_BS: the part that is drawn in every slot of time, -1 for none of the plan's.
        absent_BN: labels of which nothing is drawn.
    """

    labels_BQ: Tensor
    part_at_BS: Tensor
    absent_BN: Tensor

    @staticmethod
    def of(fields: Sequence[Tensor], device: torch.device | str) -> PartTimes:
        """From the stacked fields of `part_fields`."""
        labels, part_at, absent = (x.to(device, non_blocking=True) for x in fields)
        return PartTimes(labels_BQ=labels, part_at_BS=part_at, absent_BN=absent)

    def owners(self, inked_BHW: Tensor) -> Tensor:
        """The part (B, H, W) that inked every pixel first, -1 for none."""
        slots = self.part_at_BS.shape[1]
        slot_BN = (inked_BHW.flatten(1) * SLOTS_A_FRAME).long().clamp(0, slots - 1)
        owner_BN = self.part_at_BS.long().gather(1, slot_BN)
        return torch.where(inked_BHW.flatten(1) * SLOTS_A_FRAME < slots, owner_BN, -1).view(
            inked_BHW.shape
        )


def part_fields(
    sketch: Sketch,
    source: str,
    labels: Sequence[str],
    vocabulary: Vocabulary,
    rng: np.random.Generator,
    *,
    num_frames: int,
) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.int64]]:
    """The fields of `PartTimes` for one drawing.

    Args:
        source: program of the composition, "primitives" or "pseudo".
        labels: of the plan's parts, as compositions carry them.
        num_frames: of the clip, whatever of the sketch comes later.
    """
    names = [full_label(source, label) for label in labels]
    numbers = np.full(MOST_PARTS, NO_LABEL, np.int64)
    for part, name in enumerate(names[:MOST_PARTS]):
        if names.count(name) == 1 and name in vocabulary:
            numbers[part] = vocabulary.query(name)
    return numbers, _part_at(sketch, num_frames), _absent(sketch, names, vocabulary, rng)


def _part_at(sketch: Sketch, num_frames: int) -> NDArray[np.int8]:
    """The part of every slot; the pause after a stroke belongs to it."""
    slots = np.full(num_frames * SLOTS_A_FRAME, -1, np.int8)
    for stroke in sorted(sketch.strokes, key=lambda s: s.start):
        begin = int(stroke.start * SLOTS_A_FRAME)
        slots[max(begin, 0) :] = stroke.part if 0 <= stroke.part < MOST_PARTS else -1
    return slots


def _absent(
    sketch: Sketch, names: Sequence[str], vocabulary: Vocabulary, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Labels that the drawing does not show: the hard ones of its own concept first."""
    drawn, found = set(names), []
    concepts = {name.split("/")[0] for name in names if "/" in name}
    for concept in concepts:
        own = [label for label in vocabulary.by_concept.get(concept, ()) if label not in drawn]
        found += [own[i] for i in rng.permutation(len(own))][: NUM_ABSENT - 2]
    if any("@" in name for name in names):
        found = _absent_shapes(sketch, names, vocabulary, rng)
    others = vocabulary.object_labels
    while len(found) < NUM_ABSENT:
        label = others[int(rng.integers(len(others)))]
        if label.split("/")[0] not in concepts:
            found.append(label)
    numbers = np.full(NUM_ABSENT, NO_LABEL, np.int64)
    numbers[: len(found[:NUM_ABSENT])] = [vocabulary.query(x) for x in found[:NUM_ABSENT]]
    return numbers


def _absent_shapes(
    sketch: Sketch, names: Sequence[str], vocabulary: Vocabulary, rng: np.random.Generator
) -> list[str]:
    """Shapes at places: another shape where one stands, or one of the drawing's elsewhere."""
    size = np.array([sketch.width_px, sketch.height_px], np.float32)
    centers: list[tuple[str, NDArray]] = []  # two parts may have one name
    for part, name in enumerate(names):
        points = [s.points_N2 for s in sketch.strokes if s.part == part]
        if points:
            whole = np.vstack(points)
            centers.append((name, (whole.min(0) + whole.max(0)) / 2 / size))
    shapes = [name.split("@")[0] for name in names]
    found: list[str] = []
    for _ in range(8 * NUM_ABSENT):
        if len(found) >= NUM_ABSENT - 2:
            break
        shape, place = str(rng.choice(vocabulary.shapes)), str(rng.choice(PLACE_NAMES))
        if rng.random() < 0.5:
            shape = shapes[int(rng.integers(len(shapes)))]
        elif rng.random() < 0.7:
            place = names[int(rng.integers(len(names)))].split("@")[1]
        near = any(
            related(shape, name.split("@")[0]) and distance_to_place(center, place) < OUTSIDE + 0.04
            for name, center in centers
        )
        if not near and shape in vocabulary.shapes:
            found.append(f"{shape}@{place}")
    return found
