"""Random brushes: every medium in any color, width and hand; and those that no training may see.

Held out are bands of hue, of a chisel's angle, and of the size of grain, hairs and ragged edges. A
brush in any of the bands is rejected by training; the unseen ones lie in the band of hue and,
where their medium has a chisel or a texture, in one of the others as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.brushes.library import load_brushes
from videosketcher_app.data.brushes.model import (
    PEN,
    Brush,
    Edge,
    Flow,
    Grain,
    Hairs,
    Nib,
    Pigment,
)

HELD_OUT_HUES = ((70, 85), (150, 165), (230, 245), (310, 325))  # degrees in CIELAB
HELD_OUT_ANGLES = (0.15, 0.45)  # of a chisel, radians, modulo pi
HELD_OUT_GRAINS_PX = (2.6, 2.95)
HELD_OUT_ROUGHS_PX = (3.6, 4.2)
HELD_OUT_HAIRS = (8.0, 9.5)
HELD_OUT_DROPLETS_PX = (1.7, 1.95)
NUM_UNSEEN = 40
LEAST_CHROMA = 12.0  # less has no hue to speak of
WIDTHS_PX = (1.5, 18.0)
_EVIDENT = 0.05
_NEUTRAL_SHARE = 0.15
_UNSEEN_SEED = 4051
_UNSEEN_TRIES = 60


@cache
def media() -> tuple[Brush, ...]:
    """One brush of every medium of the library, in the file's order."""
    return tuple({entry.medium: entry.brush for entry in load_brushes()[0].values()}.values())


def random_brush(rng: np.random.Generator, *, medium: Brush | None = None) -> Brush:
    """A brush of a random medium, its numbers moved a little and its color anywhere."""
    base = medium or media()[rng.integers(len(media()))]
    varied = replace(
        base,
        color=random_color(rng),
        width_px=float(np.clip(_scaled(rng, base.width_px, 0.35), *WIDTHS_PX)),
    )
    if base.kind == PEN:
        return varied
    return replace(
        varied,
        nib=_nib(rng, base.nib),
        edge=_edge(rng, base.edge),
        grain=_grain(rng, base.grain),
        hairs=_hairs(rng, base.hairs),
        flow=_flow(rng, base.flow),
        pigment=_pigment(rng, base.pigment),
    )


def training_brush(rng: np.random.Generator) -> Brush:
    """A random brush that is not held out."""
    while True:
        brush = random_brush(rng)
        if not is_held_out(brush):
            return brush


def is_held_out(brush: Brush) -> bool:
    """True for brushes that no training may see."""
    return has_held_out_color(brush) or has_held_out_hand(brush)


def has_held_out_color(brush: Brush) -> bool:
    """True if the color's hue lies in a held-out band."""
    _, chroma, hue = lightness_chroma_hue(brush.color)
    return chroma > LEAST_CHROMA and any(low <= hue <= high for low, high in HELD_OUT_HUES)


def has_held_out_hand(brush: Brush) -> bool:
    """True if the nib's angle or a texture's size lies in a held-out band."""
    chisel = brush.nib.shape == "chisel" and _within(brush.nib.angle % math.pi, HELD_OUT_ANGLES)
    textures = (
        (brush.grain.strength, brush.grain.size_px, HELD_OUT_GRAINS_PX),
        (brush.edge.roughness, brush.edge.rough_px, HELD_OUT_ROUGHS_PX),
        (brush.hairs.count, brush.hairs.count, HELD_OUT_HAIRS),
        (brush.hairs.droplets, brush.hairs.droplet_px, HELD_OUT_DROPLETS_PX),
    )
    return chisel or any(
        strength > _EVIDENT and _within(size, band) for strength, size, band in textures
    )


@cache
def unseen_brushes(count: int = NUM_UNSEEN) -> tuple[Brush, ...]:
    """Held-out brushes, medium after medium, always the same."""
    rng = np.random.default_rng(_UNSEEN_SEED)
    return tuple(_unseen_brush(rng, media()[i % len(media())]) for i in range(count))


def random_color(rng: np.random.Generator) -> tuple[float, float, float]:
    """Any hue from dark to light, as colorful as the screen allows or less; now and then a grey."""
    if rng.random() < _NEUTRAL_SHARE:
        lightness, chroma = rng.uniform(2, 55), rng.uniform(0, 5)
    else:
        lightness, chroma = rng.uniform(18, 84), rng.uniform(25, 110)
    return in_gamut(lightness, chroma, rng.uniform(0, 360))


def in_gamut(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    """The sRGB color of a CIELAB one, with less chroma where the screen has no such color."""
    angle, color = math.radians(hue), _lab_to_rgb(lightness, 0, 0)
    for share in np.linspace(1, 0, 26):
        a, b = (share * chroma * wave for wave in (math.cos(angle), math.sin(angle)))
        color = _lab_to_rgb(lightness, a, b)
        _, _, back = lightness_chroma_hue(tuple(color))
        true_hue = share * chroma < 1 or abs((back - hue + 180) % 360 - 180) < 1.5
        if true_hue and float(color.min()) > 0 and float(color.max()) < 1:
            break
    red, green, blue = (float(np.clip(channel, 0, 1)) for channel in color)
    return red, green, blue


def lightness_chroma_hue(color: Sequence[float]) -> tuple[float, float, float]:
    """CIELAB lightness (0 to 100), chroma, and hue in degrees of an sRGB color in [0, 1]."""
    pixel = np.array(color, np.float32).reshape(1, 1, 3)
    lightness, a, b = cv2.cvtColor(pixel, cv2.COLOR_RGB2Lab)[0, 0]
    return float(lightness), float(np.hypot(a, b)), float(np.degrees(np.arctan2(b, a)) % 360)


def _lab_to_rgb(lightness: float, a: float, b: float) -> NDArray:
    pixel = np.array([lightness, a, b], np.float32).reshape(1, 1, 3)
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_Lab2RGB)[0, 0])


def _unseen_brush(rng: np.random.Generator, medium: Brush) -> Brush:
    """In a held-out hue, and in a held-out hand if the medium's numbers reach one."""
    brush = random_brush(rng, medium=medium)
    for _ in range(_UNSEEN_TRIES):
        if has_held_out_hand(brush):
            break
        brush = random_brush(rng, medium=medium)
    while not has_held_out_color(brush):
        low, high = HELD_OUT_HUES[rng.integers(len(HELD_OUT_HUES))]
        color = in_gamut(rng.uniform(25, 80), rng.uniform(30, 100), rng.uniform(low, high))
        brush = replace(brush, color=color)
    return brush


def _scaled(rng: np.random.Generator, value: float, spread: float) -> float:
    return float(value * np.exp(spread * rng.normal()))


def _share(rng: np.random.Generator, value: float, spread: float, low: float = 0.0) -> float:
    """A share moved in proportion; what is 0 stays 0."""
    return float(np.clip(_scaled(rng, value, spread), low, 1)) if value else value


def _within(value: float, band: tuple[float, float]) -> bool:
    return band[0] <= value <= band[1]


def _nib(rng: np.random.Generator, nib: Nib) -> Nib:
    angle = rng.uniform(-math.pi / 2, math.pi / 2) if rng.random() < 0.6 else nib.angle
    thin = nib.thickness if nib.thickness == 1 else _share(rng, nib.thickness, 0.25, 0.08)
    return replace(
        nib,
        angle=float(angle),
        thickness=thin,
        pressure=float(np.clip(nib.pressure + 0.15 * rng.normal(), 0, 1)),
    )


def _edge(rng: np.random.Generator, edge: Edge) -> Edge:
    return replace(
        edge,
        softness=_share(rng, edge.softness, 0.3),
        roughness=_share(rng, edge.roughness, 0.3),
        rough_px=_scaled(rng, edge.rough_px, 0.25),
        wet=_share(rng, edge.wet, 0.3),
    )


def _grain(rng: np.random.Generator, grain: Grain) -> Grain:
    return replace(
        grain,
        strength=_share(rng, grain.strength, 0.15),
        size_px=_scaled(rng, grain.size_px, 0.2),
        cover=_share(rng, grain.cover, 0.06, 0.5),
    )


def _hairs(rng: np.random.Generator, hairs: Hairs) -> Hairs:
    return replace(
        hairs,
        count=_scaled(rng, hairs.count, 0.2),
        dryness=_share(rng, hairs.dryness, 0.25),
        droplet_px=_scaled(rng, hairs.droplet_px, 0.2),
    )


def _flow(rng: np.random.Generator, flow: Flow) -> Flow:
    return replace(flow, opacity=_share(rng, flow.opacity, 0.1, 0.45))


def _pigment(rng: np.random.Generator, pigment: Pigment) -> Pigment:
    return replace(
        pigment,
        mottle=_share(rng, pigment.mottle, 0.3),
        streaks=_share(rng, pigment.streaks, 0.3),
        cloud_px=_scaled(rng, pigment.cloud_px, 0.2),
    )
