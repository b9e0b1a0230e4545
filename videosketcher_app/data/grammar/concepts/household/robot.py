"""A friendly robot."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    both_sides,
    ellipse,
    mirror,
    polyline,
    rounded_rectangle,
    spline,
)
from videosketcher_app.data.grammar.motifs import path
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("robot", title="a robot", category="household", titles=("a toy robot", "a friendly robot"))
def draw(rng: np.random.Generator) -> list[Part]:
    hw, hh = rng.uniform(0.38, 0.48), rng.uniform(0.25, 0.3)
    bw, bh = rng.uniform(0.42, 0.54), rng.uniform(0.33, 0.38)
    head_y, body_y = -0.5, 0.24
    chin, shoulder = head_y + hh, body_y - bh
    eye = rng.uniform(0.08, 0.11)
    raised = rng.random() < 0.5
    hand_y = shoulder - 0.12 if raised else shoulder + 0.52
    reach = bw + rng.uniform(0.36, 0.44)
    elbow_y = shoulder + (0.26 if raised else 0.14)
    arm = spline((bw, shoulder + 0.14), (bw + 0.24, elbow_y), (reach, hand_y))
    turn = -0.35 * np.pi if raised else 0.4 * np.pi
    claw = ellipse(
        reach + 0.13 * np.cos(turn),
        hand_y + 0.13 * np.sin(turn),
        0.13,
        0.13,
        turn + 0.6,
        2 * np.pi - 1.2,
    )
    leg_x = bw * 0.5
    leg = [
        polyline((leg_x - 0.09, body_y + bh), (leg_x - 0.09, 0.84)),
        polyline((leg_x + 0.09, body_y + bh), (leg_x + 0.09, 0.84)),
    ]
    foot = path(ellipse(leg_x + 0.03, 1.0, 0.22, 0.16, np.pi, np.pi), polyline((leg_x - 0.19, 1.0)))
    mouth_w = hw * 0.45
    mouth = spline((-mouth_w, head_y + 0.1), (0, head_y + 0.18), (mouth_w, head_y + 0.1))
    antenna = [
        polyline((0, head_y - hh), (0, head_y - hh - 0.16)),
        ellipse(0, head_y - hh - 0.22, 0.065),
    ]
    neck = [polyline((s * 0.1, chin), (s * 0.1, shoulder)) for s in (-1, 1)]
    dial = ellipse(-bw * 0.35, body_y - 0.02, 0.11)
    switches = [polyline((bw * 0.12, y), (bw * 0.6, y)) for y in (body_y - 0.1, body_y + 0.06)]
    return [
        part(
            "head",
            "a boxy head",
            "rounded rectangle at the top",
            [rounded_rectangle(-hw, head_y - hh, hw, head_y + hh, 0.09)],
        ),
        part(
            "eyes",
            "two round eyes",
            "two circles inside the head",
            both_sides(ellipse(-hw * 0.45, head_y - 0.07, eye)),
            after="head",
        ),
        part("mouth", "a smiling mouth", "small curve low inside the head", [mouth], after="head"),
        part(
            "antenna",
            "an antenna with a ball",
            "short line with a small circle above the head",
            antenna,
            after="head",
        ),
        part(
            "body",
            "a boxy body",
            "large rounded rectangle below the head",
            [*neck, rounded_rectangle(-bw, shoulder, bw, body_y + bh, 0.07)],
        ),
        part(
            "control panel",
            "a control panel",
            "small circle and two lines inside the body",
            [dial, *switches],
            after="body",
        ),
        part(
            "arms",
            "two arms with claws",
            "curved lines with open rings beside the body",
            [*both_sides(arm), *both_sides(claw)],
            after="body",
        ),
        part(
            "legs",
            "two legs",
            "two short upright bars below the body",
            [*leg, *[mirror(c) for c in leg]],
            after="body",
        ),
        part(
            "feet",
            "two round feet",
            "two half circles at the bottom",
            both_sides(foot),
            after="legs",
        ),
    ]
