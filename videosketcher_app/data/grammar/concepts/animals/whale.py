"""A whale blowing water, seen from the side."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import both_sides, ellipse, spline, wave
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("whale", title="a whale", category="animals", titles=("a big whale", "a blue whale"))
def draw(rng: np.random.Generator) -> list[Part]:
    h = rng.uniform(0.52, 0.66)
    stern = rng.uniform(1.0, 1.18)
    rise = rng.uniform(-0.55, -0.35)
    spout = rng.uniform(0.4, 0.55)
    fan = rng.uniform(0.22, 0.34)
    back = [
        (-1.3, 0.12),
        (-1.18, -h * 0.62),
        (-0.65, -h),
        (0.0, -h * 0.78),
        (0.6, -0.1),
        (stern - 0.08, rise),
    ]
    belly = [
        (-1.3, 0.12),
        (-1.12, 0.42),
        (-0.55, 0.56),
        (0.2, 0.5),
        (0.85, 0.14),
        (stern + 0.12, rise + 0.02),
    ]
    fluke = [
        (stern - 0.08, rise),
        (stern - 0.34, rise - 0.12),
        (stern - 0.46, rise - 0.38),
        (stern - 0.1, rise - 0.34),
    ]
    fluke += [(stern + 0.06, rise - 0.16)]
    other = [
        (stern + 0.06, rise - 0.16),
        (stern + 0.26, rise - 0.38),
        (stern + 0.6, rise - 0.32),
        (stern + 0.42, rise - 0.08),
    ]
    other += [(stern + 0.12, rise + 0.02)]
    mouth = spline((-1.28, 0.1), (-0.98, 0.14), (-0.76, 0.08), (-0.64, -0.06))
    grooves = [
        spline((-1.0, 0.3), (-0.72, 0.34), (-0.46, 0.28)),
        spline((-0.84, 0.44), (-0.64, 0.46), (-0.42, 0.42)),
    ]
    fin = [(-0.32, 0.22), (-0.28, 0.5), (-0.02, 0.78), (0.1, 0.66), (0.02, 0.22)]
    x, top = -0.72, -h - 0.04
    jet = spline(
        (x - 0.03, top),
        (x - 0.04, top - spout * 0.7),
        (x - fan * 0.6, top - spout),
        (x - fan, top - spout * 0.6),
    )
    sea = [wave((-1.6, 0.84), (-0.2, 0.84), 0.05, 2.5), wave((0.3, 0.84), (1.6, 0.84), 0.05, 2.3)]
    return [
        part(
            "body",
            "a huge rounded body",
            "large drop narrowing upwards to the right",
            [spline(*back), spline(*belly)],
        ),
        part(
            "tail",
            "a forked tail",
            "two leaf shapes at the top right",
            [spline(*fluke), spline(*other)],
            after="body",
        ),
        part(
            "eye",
            "a small eye",
            "small circle inside the body",
            [ellipse(-0.74, -0.14, 0.05, count=20)],
            after="body",
        ),
        part(
            "mouth",
            "a smiling mouth",
            "curved line at the left end of the body",
            [mouth],
            after="body",
        ),
        part(
            "grooves",
            "grooves on the belly",
            "two curved lines below the mouth",
            grooves,
            after="mouth",
        ),
        part(
            "fin",
            "a side fin",
            "pointed leaf under the middle of the body",
            [spline(*fin)],
            after="body",
        ),
        part(
            "spout",
            "a spout of water",
            "two curves falling apart above the back",
            both_sides(jet, x),
            after="body",
        ),
        part("sea", "waves of the sea", "wavy lines along the bottom", sea),
    ]
