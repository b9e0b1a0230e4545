"""A garden with flowers, a watering can and a fence."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    both_sides,
    ellipse,
    polyline,
    spline,
    transform,
    wave,
)
from videosketcher_app.data.grammar.motifs import flower
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "garden",
    title="a garden",
    category="scenes",
    titles=("a flower garden", "a garden with flowers"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    base = 0.75
    petals = int(rng.integers(5, 8))
    blooms = [
        c
        for x, h, r in ((-1.5, 0.85, 0.2), (-1.08, 0.62, 0.18), (-0.66, 0.78, 0.2))
        for c in flower(x, base, h * rng.uniform(0.92, 1.1), r, petals)
    ]
    leaves = [
        spline(
            (x, base - 0.06),
            (x + s * 0.1, base - 0.22),
            (x + s * 0.2, base - 0.2),
            (x + s * 0.12, base - 0.08),
            (x, base - 0.06),
        )
        for x, s in ((-1.5, 1), (-1.08, -1), (-0.66, 1))
    ]
    x, w = rng.uniform(0.3, 0.36), rng.uniform(0.24, 0.28)
    can = [
        polyline((x - w, 0.2), (x - w * 1.1, base), (x + w * 1.1, base), (x + w, 0.2)),
        ellipse(x, 0.2, w, 0.07),
    ]
    spout = [
        polyline((x - w * 1.08, 0.62), (x - w - 0.3, 0.16)),
        polyline((x - w * 1.02, 0.42), (x - w - 0.22, 0.12)),
        polyline((x - w - 0.37, 0.22), (x - w - 0.15, 0.05)),
    ]
    grip = [
        spline((x + w, 0.26), (x + w + 0.22, 0.24), (x + w + 0.2, 0.52), (x + w * 1.06, 0.62)),
        spline(
            (x - w * 0.7, 0.16), (x - w * 0.3, -0.12), (x + w * 0.5, -0.12), (x + w * 0.8, 0.17)
        ),
    ]
    posts = [
        polyline((a - 0.1, base), (a - 0.1, 0.02), (a, -0.1), (a + 0.1, 0.02), (a + 0.1, base))
        for a in (0.98, 1.28, 1.58)
    ]
    rails = [polyline((a, y), (a + 0.1, y)) for y in (0.2, 0.52) for a in (1.08, 1.38)]
    bx, by = rng.uniform(-0.25, 0.1), rng.uniform(-0.62, -0.5)
    wing = spline(
        (0.02, 0),
        (0.12, -0.2),
        (0.3, -0.18),
        (0.26, 0.0),
        (0.12, 0.03),
        (0.22, 0.14),
        (0.12, 0.22),
        (0.02, 0.06),
    )
    butterfly = [
        transform(c, move=(bx, by))
        for c in (
            *both_sides(wing),
            ellipse(0, 0.02, 0.025, 0.13),
            *both_sides(spline((0, -0.1), (0.04, -0.2), (0.1, -0.25))),
        )
    ]
    return [
        part("flowers", "three tall flowers", "three round blossoms on stems on the left", blooms),
        part(
            "leaves",
            "pointed leaves",
            "small leaf shapes at the foot of the stems",
            leaves,
            after="flowers",
        ),
        part("watering can", "a watering can", "bucket shape with an oval rim in the middle", can),
        part(
            "spout",
            "a long spout",
            "slanted pipe on the left of the bucket shape",
            spout,
            after="watering can",
        ),
        part(
            "handles",
            "two handles",
            "curved lines above and right of the bucket shape",
            grip,
            after="watering can",
        ),
        part("fence", "a picket fence", "three pointed boards on the right", [*posts, *rails]),
        part("butterfly", "a butterfly", "four winged shape at the top", butterfly),
        part(
            "ground",
            "a grassy ground",
            "long wavy line along the bottom",
            [wave((-1.75, base + 0.05), (1.75, base + 0.05), 0.025, 5)],
        ),
    ]
