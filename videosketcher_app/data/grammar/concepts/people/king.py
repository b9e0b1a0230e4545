"""A bearded king in a wide robe, seen from the front."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import both_sides, ellipse, polyline, spline, wave
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("king", title="a king", category="people", titles=("a bearded king", "an old king"))
def draw(rng: np.random.Generator) -> list[Part]:
    r = rng.uniform(0.27, 0.32)
    cap = rng.uniform(0.26, 0.36)
    beard = rng.uniform(0.34, 0.5)
    hem = rng.uniform(0.66, 0.82)
    staff = hem + rng.uniform(0.08, 0.2)
    y = -0.5
    brow = y - r * 0.42
    cheek = spline((-r, brow), (-r * 1.02, y), (-r * 0.94, y + 0.1))
    band = brow - 0.13
    half = [(-r - 0.02, band), (-r - 0.1, band - cap), (-r * 0.5, band - cap * 0.4)]
    hat = polyline(*half, (0, band - cap * 1.15), *[(-a, b) for a, b in reversed(half)])
    ring = polyline(
        (-r - 0.02, band), (-r - 0.02, brow), (r + 0.02, brow), (r + 0.02, band), (-r - 0.02, band)
    )
    chin = y + r * 0.4 + beard
    hairs = spline(
        (-r * 0.94, y + 0.1),
        (-r * 0.9, y + beard * 0.6),
        (-r * 0.5, chin - 0.08),
        (0, chin),
        (r * 0.5, chin - 0.08),
        (r * 0.9, y + beard * 0.6),
        (r * 0.94, y + 0.1),
    )
    side = [(-r * 0.94, y + 0.1), (-r * 0.4, y + 0.1)]
    moustache = spline(*side, (0, y + 0.14), *[(-a, b) for a, b in reversed(side)])
    eyes = ellipse(-r * 0.4, y - 0.02, 0.035, 0.05, count=18)
    nose = spline(
        (-0.05, y + 0.02), (-0.07, y + 0.09), (0, y + 0.12), (0.07, y + 0.09), (0.05, y + 0.02)
    )
    robe = spline((-r * 0.86, y + 0.3), (-0.46, -0.08), (-0.52, 0.3), (-hem, 0.98))
    trim = [polyline((x, chin + 0.02), (x * 1.4, 0.98)) for x in (-0.12, 0.12)]
    floor = wave((-hem, 0.98), (hem, 0.98), 0.02, 2)
    sleeve = spline(
        (-0.47, -0.06), (-0.66, 0.14), (-staff + 0.06, 0.3), (-staff + 0.1, 0.42), (-0.54, 0.36)
    )
    knob = ellipse(-staff, -0.4, 0.1, count=26)
    pole = [knob, polyline((-staff, -0.3), (-staff, 0.98))]
    return [
        part(
            "head", "a face with cheeks", "two short curves below the royal hat", both_sides(cheek)
        ),
        part(
            "royal hat",
            "a pointed royal hat",
            "flat band with three points at the top",
            [ring, hat],
        ),
        part(
            "eyes", "two small eyes", "two tiny ovals in the face", both_sides(eyes), after="head"
        ),
        part("nose", "a round nose", "small curve in the middle of the face", [nose], after="head"),
        part(
            "beard",
            "a long beard",
            "long rounded shape below the face",
            [hairs, moustache],
            after="head",
        ),
        part("robe", "a wide robe", "large bell shape below the beard", [*both_sides(robe), floor]),
        part(
            "trim",
            "a trim on the robe",
            "two straight lines down the middle",
            trim,
            after=("robe", "beard"),
        ),
        part(
            "sleeves",
            "two wide sleeves",
            "pointed curves on both sides of the robe",
            both_sides(sleeve),
            after="robe",
        ),
        part("staff", "a royal staff", "tall line with a ball on the left", pole),
    ]
