"""A hand with a style of its own: redraws any sketch of the grammar, for measuring style training.

No model was trained on it. It differs from the grammar's careful thin pen in everything that a
style is made of:

    line         bold and wavy, and every line is drawn twice, side by side
    proportions  everything spreads towards the ground, as if it sagged
    order        within a part, strokes from right to left, each from its right end and back again;
                 parts keep their order and their share of the time

Legend: N points of a stroke. Lengths are pixels, whatever the canvas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from videosketcher_app.data.grammar.compose import Composition, Layout, compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.strokes import FloatArray, Sketch, Stroke, resample

SPACING_PX = 0.8
# The seven drawings that the style is taught with: from every category but the scenes.
TAUGHT = ("cat", "house", "fish", "tree", "car", "cup", "stick_figure")
_BOOK_SEED = 40_001


@dataclass(frozen=True, kw_only=True)
class StyleHand:
    """How the hand draws.

    Attributes:
        width_px: of a line.
        gap_px: between the two lines, middle to middle.
        wave_px, wave_length_px: height and length of their waves.
        sag: how much wider than its top a drawing's bottom becomes.
    """

    width_px: float = 3.4
    gap_px: float = 6.4
    wave_px: float = 1.3
    wave_length_px: float = 17.0
    sag: float = 0.45


HAND = StyleHand()


def restyled(sketch: Sketch, rng: np.random.Generator, hand: StyleHand = HAND) -> Sketch:
    """The same drawing by this hand; parts, their order and their times stay."""
    low, high = _box(sketch)
    strokes: list[Stroke] = []
    for part in dict.fromkeys(stroke.part for stroke in sketch.strokes):
        own = [stroke for stroke in sketch.strokes if stroke.part == part]
        lines = [_sagged(stroke.points_N2, low, high, hand.sag) for stroke in own]
        lines = [line if line[0, 0] >= line[-1, 0] else line[::-1] for line in lines]
        order = np.argsort([-line[:, 0].max() for line in lines], kind="stable")
        doubled = [pass_ for at in order for pass_ in _doubled(lines[at], hand, rng)]
        span = sketch.part_span(part)
        assert span is not None, "the part has strokes"
        strokes += _timed(doubled, span, own[0], hand)
    return replace(sketch, strokes=_on_canvas(strokes, sketch, hand))


def taught_drawings(width_px: int, height_px: int, num_frames: int = 81) -> list[Composition]:
    """The seven drawings to learn from, with the plans of the concepts as captions."""
    return [
        restyled_drawing(name, _BOOK_SEED + number, width_px, height_px, num_frames)
        for number, name in enumerate(TAUGHT)
    ]


def restyled_drawing(
    name: str, seed: int, width_px: int, height_px: int, num_frames: int = 81
) -> Composition:
    """A random drawing of a concept by this hand."""
    rng = np.random.default_rng(seed)
    drawing = plain_drawing(name, seed, width_px, height_px, num_frames)
    return replace(drawing, sketch=restyled(drawing.sketch, rng))


def plain_drawing(
    name: str, seed: int, width_px: int, height_px: int, num_frames: int = 81
) -> Composition:
    """The same drawing by the grammar's own hand; it fills the paper."""
    rng = np.random.default_rng(seed)
    program = programs()[name]
    mirrored = program.mirrors and bool(rng.random() < 0.5)
    return compose(
        program,
        rng,
        layout=Layout(fill=float(rng.uniform(0.8, 1.0)), mirrored=mirrored),
        width_px=width_px,
        height_px=height_px,
        num_frames=num_frames,
    )


def _box(sketch: Sketch) -> tuple[FloatArray, FloatArray]:
    points = np.concatenate([stroke.points_N2 for stroke in sketch.strokes])
    return points.min(0), points.max(0)


def _sagged(points_N2: FloatArray, low: FloatArray, high: FloatArray, sag: float) -> FloatArray:
    """Narrower at the top of the drawing, wider at its bottom."""
    middle, height = (low[0] + high[0]) / 2, max(float(high[1] - low[1]), 1.0)
    depth_N = (points_N2[:, 1] - low[1]) / height
    x = middle + (points_N2[:, 0] - middle) * (1 - sag / 2 + sag * depth_N)
    return np.stack([x, points_N2[:, 1]], axis=1).astype(np.float32)


def _doubled(
    points_N2: FloatArray, hand: StyleHand, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """The line there, and beside it back again."""
    even = resample(points_N2, SPACING_PX)
    tangent = np.gradient(even, axis=0)
    tangent /= np.maximum(np.hypot(*tangent.T)[:, None], 1e-6)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    arc = np.arange(len(even)) * SPACING_PX
    # Short marks have no room for waves.
    calm = min(1.0, arc[-1] / (2 * hand.wave_length_px))
    passes = []
    for side in (-0.5, 0.5):
        phase = rng.uniform(0, 2 * np.pi)
        wave = calm * hand.wave_px * np.sin(2 * np.pi * arc / hand.wave_length_px + phase)
        passes.append((even + normal * (side * hand.gap_px + wave)[:, None]).astype(np.float32))
    return passes[0], passes[1][::-1]


def _timed(
    lines: Sequence[FloatArray], span: tuple[float, float], like: Stroke, hand: StyleHand
) -> list[Stroke]:
    """The lines one after another within a part's time, at an even pace."""
    ends = np.cumsum([len(line) for line in lines])
    times = np.linspace(*span, int(ends[-1])).astype(np.float32)
    pen = replace(like.pen, width_px=hand.width_px)
    return [
        Stroke(
            points_N2=line,
            times_N=times[end - len(line) : end],
            pressure_N=np.ones(len(line), np.float32),
            part=like.part,
            pen=pen,
        )
        for line, end in zip(lines, ends, strict=True)
    ]


def _on_canvas(strokes: Sequence[Stroke], sketch: Sketch, hand: StyleHand) -> tuple[Stroke, ...]:
    """The drawing shrunk and moved until all of it is on the paper; lines keep their width."""
    margin = hand.width_px
    points = np.concatenate([stroke.points_N2 for stroke in strokes])
    low, high = points.min(0), points.max(0)
    size = np.array([sketch.width_px, sketch.height_px], np.float32)
    scale = float(min(1.0, ((size - 2 * margin) / np.maximum(high - low, 1.0)).min()))
    shift = np.clip((low + high) / 2, *_reach(high - low, scale, size, margin))
    return tuple(
        replace(
            stroke,
            points_N2=((stroke.points_N2 - (low + high) / 2) * scale + shift).astype(np.float32),
        )
        for stroke in strokes
    )


def _reach(
    extent: FloatArray, scale: float, size: FloatArray, margin: float
) -> tuple[FloatArray, FloatArray]:
    """Where the middle of a drawing may lie."""
    half = extent * scale / 2 + margin
    return np.minimum(half, size / 2), np.maximum(size - half, size / 2)
