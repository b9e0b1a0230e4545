"""A castle with two round towers and a gate."""

from __future__ import annotations

import math

import numpy as np

from videosketcher_app.data.grammar.curves import (
    Curve,
    Point,
    both_sides,
    ellipse,
    polygon,
    polyline,
)
from videosketcher_app.data.grammar.program import Part, concept, part

GROUND = 1.0


@concept(
    "castle",
    title="a castle",
    category="buildings",
    titles=("a medieval castle", "a fairy-tale castle"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    tower_x, tower_w = rng.uniform(0.90, 1.02), rng.uniform(0.24, 0.29)
    tower_top = rng.uniform(-0.36, -0.24)
    wall_top = rng.uniform(0.2, 0.3)
    keep_w, keep_top = rng.uniform(0.34, 0.40), rng.uniform(-0.48, -0.38)
    gate_w, gate_top = rng.uniform(0.2, 0.25), rng.uniform(0.62, 0.68)
    inner = tower_x - tower_w
    top = _battlement(-inner, inner, wall_top, 6)
    wall = [top, *both_sides(polyline((-inner, GROUND), (-gate_w, GROUND)))]
    meet = float(np.interp(keep_w, top[:, 0], top[:, 1]))
    keep = np.vstack(
        [[(-keep_w, meet)], _battlement(-keep_w, keep_w, keep_top, 3), [(keep_w, meet)]]
    )
    towers = {s: [_tower(s * tower_x, tower_w, tower_top)] for s in (-1, 1)}
    roof_h = rng.uniform(0.5, 0.62)
    cap_w = tower_w * 1.32
    roofs = [
        polygon((x - cap_w, tower_top), (x, tower_top - roof_h), (x + cap_w, tower_top))
        for x in (-tower_x, tower_x)
    ]
    flags = [_flag(x, tower_top - roof_h) for x in (-tower_x, tower_x)]
    gate = [_arch(0, gate_w, gate_top, GROUND), polyline((0, gate_top - gate_w), (0, GROUND))]
    slits = [
        _slit(x, y)
        for x, y in (
            (-tower_x, tower_top + 0.35),
            (0, (keep_top + wall_top) / 2 - 0.06),
            (tower_x, tower_top + 0.35),
        )
    ]
    return [
        part("left tower", "a tall tower on the left", "tall rectangle on the left", towers[-1]),
        part("right tower", "a tall tower on the right", "tall rectangle on the right", towers[1]),
        part(
            "roofs",
            "two pointed roofs",
            "triangles on top of the two towers",
            roofs,
            ("left tower", "right tower"),
        ),
        part("wall", "a wall with battlements", "notched line between the towers", wall),
        part("keep", "a square keep", "notched rectangle above the wall", [keep], "wall"),
        part("gate", "an arched gate", "tall arch in the middle of the wall", gate, "wall"),
        part(
            "windows",
            "narrow windows",
            "small arches in the towers and keep",
            slits,
            ("left tower", "right tower", "keep"),
        ),
        part("flags", "two waving flags", "small triangles on top of the roofs", flags, "roofs"),
    ]


def _battlement(x0: float, x1: float, top: float, teeth: int) -> Curve:
    """A notched line whose first and last tooth stand at its ends; teeth rise above `top`."""
    xs = np.linspace(x0, x1, 2 * teeth)
    points: list[Point] = []
    for k in range(2 * teeth - 1):
        y = top - 0.13 if k % 2 == 0 else top
        points += [(float(xs[k]), y), (float(xs[k + 1]), y)]
    return polyline(*points)


def _tower(x: float, width: float, top: float) -> Curve:
    return polyline((x - width, top), (x - width, GROUND), (x + width, GROUND), (x + width, top))


def _arch(x: float, half: float, spring: float, bottom: float) -> Curve:
    """A round-topped opening from its bottom left to its bottom right."""
    return np.vstack(
        [
            [(x - half, bottom)],
            ellipse(x, spring, half, half, math.pi, math.pi, count=24),
            [(x + half, bottom)],
        ]
    )


def _slit(x: float, y: float) -> Curve:
    arch = _arch(x, 0.07, y - 0.06, y + 0.12)
    return np.vstack([arch, arch[:1]])


def _flag(x: float, y: float) -> Curve:
    return polyline((x, y), (x, y - 0.34), (x + 0.24, y - 0.25), (x, y - 0.16))
