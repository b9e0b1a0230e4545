"""An alarm clock with two bells."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    both_sides,
    ellipse,
    polyline,
    rounded_rectangle,
    transform,
)
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("clock", title="a clock", category="household", titles=("an alarm clock",), mirrors=False)
def draw(rng: np.random.Generator) -> list[Part]:
    r = rng.uniform(0.68, 0.76)
    cy = 0.1
    inner = r * rng.uniform(0.82, 0.88)
    hour, minute = rng.uniform(0, 2 * np.pi), rng.uniform(0, 2 * np.pi)
    if abs((hour - minute + np.pi) % (2 * np.pi) - np.pi) < 0.7:
        minute = hour + np.pi * 0.7
    count = 12 if rng.random() < 0.4 else 4
    ticks = [
        polyline(*[(k * np.cos(t), cy + k * np.sin(t)) for k in (inner * 0.8, inner * 0.96)])
        for t in np.arange(count) * 2 * np.pi / count
    ]
    hands = [
        polyline((0, cy), (inner * k * np.cos(t), cy + inner * k * np.sin(t)))
        for k, t in ((0.45, hour), (0.68, minute))
    ]
    bell_r, turn = rng.uniform(0.26, 0.34), rng.uniform(0.6, 0.75)
    bell = np.vstack([ellipse(0, 0, bell_r, bell_r * 0.85, np.pi, np.pi), polyline((-bell_r, 0))])
    bell = transform(
        bell, turn=turn, move=((r + 0.06) * np.sin(turn), cy - (r + 0.06) * np.cos(turn))
    )
    foot = polyline(
        (r * 0.52, cy + r * 0.86), (r * 0.75, 1.0), (r * 0.9, 0.95), (r * 0.68, cy + r * 0.74)
    )
    hammer = [
        polyline((0, cy - r), (0, cy - r - 0.2)),
        rounded_rectangle(-0.12, cy - r - 0.32, 0.12, cy - r - 0.2, 0.04),
    ]
    return [
        part("case", "a round case", "large circle in the middle", [ellipse(0, cy, r)]),
        part(
            "dial",
            "a round dial",
            "slightly smaller circle inside the case",
            [ellipse(0, cy, inner)],
            after="case",
        ),
        part("hour marks", "hour marks", "short lines around the dial", ticks, after="dial"),
        part(
            "hands",
            "two clock hands",
            "a short and a long line from the center",
            hands,
            after="dial",
        ),
        part(
            "bells",
            "two bells",
            "two tilted half circles on top of the case",
            both_sides(bell),
            after="case",
        ),
        part(
            "hammer",
            "a small hammer",
            "small block on a stem between the bells",
            hammer,
            after="case",
        ),
        part(
            "feet",
            "two short feet",
            "two short slanted legs under the case",
            both_sides(foot),
            after="case",
        ),
    ]
