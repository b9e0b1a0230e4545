"""A bicycle seen from the side, facing right."""

from __future__ import annotations

import math

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, Point, ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part

AXLE = 0.36


@concept("bicycle", title="a bicycle", category="vehicles", titles=("a bike", "a city bicycle"))
def draw(rng: np.random.Generator) -> list[Part]:
    wheel = rng.uniform(0.48, 0.54)
    rear, front = (-0.82, AXLE), (rng.uniform(0.80, 0.9), AXLE)
    crank = (-0.14, AXLE + 0.04)
    saddle_y, bar_y = rng.uniform(-0.52, -0.44), rng.uniform(-0.66, -0.56)
    seat = (crank[0] - 0.26, saddle_y + 0.26)
    head = (front[0] - 0.28, bar_y + 0.3)
    frame = _frame(crank, seat, head, rear)
    post = _beyond(crank, seat, 0.26 / (crank[1] - seat[1]))
    saddle = _saddle(post, rng.uniform(0.2, 0.24))
    stem = _beyond(front, head, 0.24 / (front[1] - head[1]))
    bar = _bar(stem)
    turn = rng.uniform(0.6, 1.2)
    foot = (0.19 * math.cos(turn), 0.19 * math.sin(turn))
    pedals = _pedals(crank, foot)
    hubs = [ellipse(x, AXLE, 0.06, count=20) for x in (rear[0], front[0])]
    return [
        part("rear wheel", "a big rear wheel", "large circle on the left", [ellipse(*rear, wheel)]),
        part(
            "front wheel",
            "a big front wheel",
            "large circle on the right",
            [ellipse(*front, wheel)],
        ),
        part(
            "hubs",
            "two hubs",
            "tiny circles in the middle of the wheels",
            hubs,
            ("rear wheel", "front wheel"),
        ),
        part("frame", "a diamond frame", "two joined triangles between the wheels", frame),
        part(
            "fork", "a front fork", "slanted line down to the front wheel", [polyline(stem, front)]
        ),
        part("handlebar", "a curved handlebar", "small hook at the top right", [bar], "fork"),
        part(
            "saddle",
            "a saddle on a post",
            "small pointed shape at the top left",
            [polyline(seat, post), saddle],
            "frame",
        ),
        part("pedals", "two pedals", "slanted line with short ends at the bottom", pedals, "frame"),
    ]


def _beyond(start: Point, end: Point, share: float) -> Point:
    """The point that lies past `end` by a share of the way from start to end."""
    return end[0] + share * (end[0] - start[0]), end[1] + share * (end[1] - start[1])


def _saddle(post: Point, half: float) -> Curve:
    x, y = post
    return spline(
        (x - half, y - 0.04), (x - half * 0.7, y - 0.1), (x, y - 0.06), (x + half * 1.2, y - 0.05),
        (x + half * 0.5, y + 0.01), (x - half * 0.6, y + 0.05), closed=True, count=6,
    )  # fmt: skip


def _frame(crank: Point, seat: Point, head: Point, rear: Point) -> list[Curve]:
    """The main triangle and the stays of the rear wheel."""
    return [
        polyline(crank, seat, head, crank),
        polyline(seat, rear, crank),
    ]


def _bar(stem: Point) -> Curve:
    """A drop handlebar."""
    return spline(
        stem,
        (stem[0] + 0.16, stem[1] - 0.05),
        (stem[0] + 0.27, stem[1] + 0.06),
        (stem[0] + 0.17, stem[1] + 0.18),
    )


def _pedals(crank: Point, foot: Point) -> list[Curve]:
    """The crank arm, `foot` to either side of its axle, and a pedal at each end."""
    (x, y), (dx, dy) = crank, foot
    arm = polyline((x - dx, y - dy), (x + dx, y + dy))
    ends = [(x - dx, y - dy), (x + dx, y + dy)]
    return [arm, *[polyline((ex - 0.09, ey), (ex + 0.09, ey)) for ex, ey in ends]]
