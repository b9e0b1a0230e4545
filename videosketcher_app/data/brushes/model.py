"""Brush: what a brush is, in numbers; and its look, the same numbers for one canvas.

Lengths named `_px` are pixels of a canvas 240 px high (the sketch canvas); on a larger canvas they
grow with its height. Lengths named `_widths` are multiples of the brush's width.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np

REFERENCE_HEIGHT_PX = 240
PEN = "pen"
KINDS = (
    PEN, "calligraphy", "gouache", "marker", "ink", "pencil", "charcoal",
    "crayon", "dry_brush", "fineliner", "highlighter", "spray",
)  # fmt: skip
NIB_SHAPES = ("round", "chisel", "flat", "fan", "spray")
MAX_WIDTH_PX = 60.0


@dataclass(frozen=True, kw_only=True)
class Nib:
    """The footprint of a brush.

    Attributes:
        shape: "round", "chisel" (keeps its angle), "flat" and "fan" (turn with the stroke), or
            "spray" (a round cloud of droplets).
        angle: direction of the long edge of a chisel, in radians, y down.
        thickness: short edge of the footprint as a share of its width; 1 for round and spray.
        corner: 0 for square corners, 1 for round ones.
        tilt: 0 upright; 1 laid on its side, so that one half of the footprint hardly touches.
        pressure: how much the width follows the pressure, in [0, 1].
        taper_widths: length of the pointed ends of a stroke, 0 for blunt ends.
    """

    shape: str = "round"
    angle: float = 0.7
    thickness: float = 1.0
    corner: float = 1.0
    tilt: float = 0.0
    pressure: float = 1.0
    taper_widths: float = 0.0

    def __post_init__(self) -> None:
        assert self.shape in NIB_SHAPES, self.shape


@dataclass(frozen=True, kw_only=True)
class Edge:
    """The border of a stroke.

    Attributes:
        softness: share of the half width over which ink fades out.
        roughness: share of the half width by which the border wanders.
        rough_px: size of that wandering.
        wet: darkening of the border, as where a puddle dries.
        wet_px: width of that border.
    """

    softness: float = 0.0
    roughness: float = 0.0
    rough_px: float = 3.0
    wet: float = 0.0
    wet_px: float = 1.2


@dataclass(frozen=True, kw_only=True)
class Grain:
    """The paper's tooth seen through the ink.

    Attributes:
        strength: 0 for ink that fills every valley, 1 for bare paper in them.
        size_px: distance of two hills of the paper.
        cover: share of the paper that is touched at full pressure.
        fade: how much less is touched towards the border.
    """

    strength: float = 0.0
    size_px: float = 2.2
    cover: float = 0.8
    fade: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Hairs:
    """Separate bristles, or droplets of a spray.

    Attributes:
        count: bristles across the width; 0 for a closed tip.
        dryness: share of bristles that leave no paint at the start of a stroke.
        drying: how much that share has grown when the paint has run out.
        length_px: length over which a bristle keeps its load.
        droplets: 1 for droplets instead of a closed line.
        droplet_px: size of a droplet.
    """

    count: float = 0.0
    dryness: float = 0.3
    drying: float = 0.0
    length_px: float = 14.0
    droplets: float = 0.0
    droplet_px: float = 1.1


@dataclass(frozen=True, kw_only=True)
class Flow:
    """How much ink a stroke leaves.

    Attributes:
        opacity: coverage of one pass in (0, 1].
        start, end: density at the start of a stroke, and after `run_widths`.
        run_widths: length over which density and dryness change.
        pressure: how much the density follows the pressure, in [0, 1].
        build_up: 1 if a stroke that crosses itself gets denser there, 0 if not.
        see_through: 1 for ink that darkens what it covers (marker), 0 for ink that hides it.
    """

    opacity: float = 1.0
    start: float = 1.0
    end: float = 1.0
    run_widths: float = 20.0
    pressure: float = 0.0
    build_up: float = 0.0
    see_through: float = 0.0

    def __post_init__(self) -> None:
        assert 0 < self.opacity <= 1, self.opacity


@dataclass(frozen=True, kw_only=True)
class Pigment:
    """Unevenness of color.

    Attributes:
        mottle: light and dark clouds, as a share of full lightness.
        cloud_px: size of the clouds.
        streaks: light and dark lines along the stroke.
        jitter: change of color from stroke to stroke.
    """

    mottle: float = 0.0
    cloud_px: float = 9.0
    streaks: float = 0.0
    jitter: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Brush:
    """Everything the engine needs to paint; the default is the renderer's own pen.

    Attributes:
        kind: family of the medium, one of KINDS; "pen" is painted by `data.renderer` itself.
        color: RGB in [0, 1].
        width_px: full width at pressure 1 on a canvas 240 px high.
    """

    kind: str = PEN
    color: tuple[float, float, float] = (0.0, 0.0, 0.0)
    width_px: float = 2.2
    nib: Nib = field(default_factory=Nib)
    edge: Edge = field(default_factory=Edge)
    grain: Grain = field(default_factory=Grain)
    hairs: Hairs = field(default_factory=Hairs)
    flow: Flow = field(default_factory=Flow)
    pigment: Pigment = field(default_factory=Pigment)

    def __post_init__(self) -> None:
        assert self.kind in KINDS, self.kind
        assert 0 < self.width_px <= MAX_WIDTH_PX, self.width_px
        assert all(0 <= channel <= 1 for channel in self.color), self.color


@dataclass(frozen=True, kw_only=True)
class Look:
    """A brush on one canvas: lengths in pixels of that canvas.

    Every field is a number for one brush, or a tensor with a number for each pixel when a batch of
    brushes is shaded at once. The meanings are those of the brush's own groups.
    """

    softness: float
    roughness: float
    rough_px: float
    wet: float
    wet_px: float
    grain: float
    grain_px: float
    cover: float
    fade: float
    hair_count: float
    dryness: float
    drying: float
    hair_px: float
    droplets: float
    droplet_px: float
    opacity: float
    start: float
    end: float
    run_px: float
    flow_pressure: float
    tilt: float
    mottle: float
    cloud_px: float
    streaks: float


LOOK_FIELDS: tuple[str, ...] = tuple(f.name for f in fields(Look))


def look_of(brush: Brush, scale: float) -> Look:
    """The look of a brush on a canvas `scale` times as high as the reference."""
    edge, grain, hairs, flow, pigment = (
        brush.edge, brush.grain, brush.hairs, brush.flow, brush.pigment,
    )  # fmt: skip
    return Look(
        softness=edge.softness,
        roughness=edge.roughness,
        rough_px=edge.rough_px * scale,
        wet=edge.wet,
        wet_px=edge.wet_px * scale,
        grain=grain.strength,
        grain_px=grain.size_px * scale,
        cover=grain.cover,
        fade=grain.fade,
        hair_count=hairs.count,
        dryness=hairs.dryness,
        drying=hairs.drying,
        hair_px=hairs.length_px * scale,
        droplets=hairs.droplets,
        droplet_px=hairs.droplet_px * scale,
        opacity=flow.opacity,
        start=flow.start,
        end=flow.end,
        run_px=flow.run_widths * brush.width_px * scale,
        flow_pressure=flow.pressure,
        tilt=brush.nib.tilt,
        mottle=pigment.mottle,
        cloud_px=pigment.cloud_px * scale,
        streaks=pigment.streaks,
    )


def stroke_color(brush: Brush, rng: np.random.Generator) -> tuple[float, float, float]:
    """The brush's color with one stroke's share of jitter."""
    shift = brush.pigment.jitter * (rng.normal(size=3) * 0.5 + rng.normal())
    red, green, blue = np.clip(np.array(brush.color) + shift, 0, 1)
    return float(red), float(green), float(blue)
