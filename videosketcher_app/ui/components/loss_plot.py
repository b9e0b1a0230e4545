"""LossPlot: the loss of a run over its steps, as a small drawing with words for who cannot see it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from videosketcher_app.ui.components.gallery_grid import safe
from videosketcher_app.ui.texts import t

WIDTH, HEIGHT = 560, 150  # of the drawing's own units
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 10, 24
_FEW = 40  # dots that may be large
_SMOOTHING = 0.9  # share of the line that each step keeps of the steps before

Losses = Sequence[tuple[int, float]]


def plot_html(losses: Losses, num_steps: int) -> str:
    """Every logged loss as a dot, and their smoothed course as a line; a sentence if there is none.

    Args:
        losses: (step, loss) in order; what is not finite is left out.
        num_steps: of the whole run, which the axis spans.
    """
    points = [(step, loss) for step, loss in losses if math.isfinite(loss)]
    if not points:
        return f'<p class="cd-empty">{safe(t("train.plot_empty"))}</p>'
    last = max(num_steps, points[-1][0], 1)
    low, high = _range([loss for _, loss in points])
    x = [_LEFT + (WIDTH - _LEFT - _RIGHT) * step / last for step, _ in points]

    def y(loss: float) -> float:
        return _TOP + (HEIGHT - _TOP - _BOTTOM) * (high - loss) / (high - low)

    radius = 1.6 if len(points) > _FEW else 3
    dots = "".join(
        f'<circle cx="{at:.1f}" cy="{y(loss):.1f}" r="{radius}"/>'
        for at, (_, loss) in zip(x, points, strict=True)
    )
    course = " ".join(
        f"{at:.1f},{y(loss):.1f}"
        for at, loss in zip(x, smoothed([loss for _, loss in points]), strict=True)
    )
    return (
        f'<svg class="tr-loss" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="{safe(plot_words(points))}">{_axes(low, high, last)}'
        f'<g class="tr-dots">{dots}</g><polyline class="tr-course" points="{course}"/></svg>'
    )


def smoothed(losses: Sequence[float]) -> list[float]:
    """Exponential moving average that starts without a bias towards 0."""
    course, mean, weight = [], 0.0, 0.0
    for loss in losses:
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * loss
        weight = _SMOOTHING * weight + (1 - _SMOOTHING)
        course.append(mean / weight)
    return course


def plot_words(points: Losses) -> str:
    """The course in one sentence: first, lowest and last value."""
    course = smoothed([loss for _, loss in points])
    return t(
        "train.plot_words",
        first=figure(course[0]),
        lowest=figure(min(course)),
        last=figure(course[-1]),
        step=points[-1][0],
    )


def figure(loss: float) -> str:
    """A loss with three significant digits."""
    return f"{loss:.3g}"


def _range(losses: Sequence[float]) -> tuple[float, float]:
    """Lowest and highest value of the axis; a flat course lies in its middle."""
    low, high = min(losses), max(losses)
    room = 0.06 * (high - low) or 0.5 * abs(high) or 1.0
    return low - room, high + room


def _axes(low: float, high: float, last: int) -> str:
    floor, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    lines = f'<path class="tr-axes" d="M{_LEFT} {_TOP}V{floor}H{right}"/>'
    texts = (
        (_LEFT - 6, _TOP + 8, "end", figure(high)),
        (_LEFT - 6, floor, "end", figure(low)),
        (_LEFT, HEIGHT - 6, "start", "0"),
        (right, HEIGHT - 6, "end", t("train.plot_steps", steps=last)),
    )
    return lines + "".join(
        f'<text x="{x}" y="{y}" text-anchor="{anchor}">{safe(words)}</text>'
        for x, y, anchor, words in texts
    )
