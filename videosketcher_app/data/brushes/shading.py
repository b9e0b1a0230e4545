"""Shading: how much ink a pixel of a stroke gets, and how light it is.

One formula for numpy and torch: `xp` is the module (`numpy` or `torch`) and every value is a
number or an array of n pixels, so that the batch engine cannot drift from the plain one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from videosketcher_app.data.brushes import stamps as st
from videosketcher_app.data.brushes.model import Look
from videosketcher_app.data.brushes.noise import Tiles, sample


@dataclass(frozen=True, kw_only=True)
class Spot:
    """Pixels of one pass of a stroke, as arrays (n,).

    Attributes:
        x, y: position on the canvas in pixels.
        depth: distance from the border in pixels, positive inside.
        across: position across the stroke, -1 and 1 at its borders.
        tip: position along the nib's long edge, -1 to 1.
        along: length of the path so far, in pixels.
        half: half of the line's width there, in pixels.
        pressure: of the hand.
        paper: offset of the paper's tile, the same for the whole sketch.
        seed: offset of the stroke's own tiles.
    """

    x: Any
    y: Any
    depth: Any
    across: Any
    tip: Any
    along: Any
    half: Any
    pressure: Any
    paper: Any
    seed: Any


def spot_of(xp: Any, stamp_nC: Any, x: Any, y: Any, depth: Any, paper: Any, seed: Any) -> Spot:
    """The pixels of a pass, each with the row (n, C) of its deepest stamp.

    A thin nib sweeps a wide line although no stamp of it is deep: inside, the depth is that below
    the border of the whole line.
    """
    columns = [stamp_nC[:, index] for index in range(len(st.COLUMNS))]
    dx, dy = x - columns[st.X], y - columns[st.Y]
    forward = dx * columns[st.TX] + dy * columns[st.TY]
    sideways = dy * columns[st.TX] - dx * columns[st.TY]
    half, cap = columns[st.HALF], columns[st.CAP]
    along = columns[st.ALONG] + forward
    ends = xp.minimum(along, columns[st.REST] - forward) + cap
    swept = xp.minimum(half - abs(sideways), ends)
    tip = (dx * columns[st.COS] + dy * columns[st.SIN]) / columns[st.LONG]
    return Spot(
        x=x,
        y=y,
        depth=xp.where(depth > 0, xp.maximum(depth, swept), depth),
        across=xp.clip(sideways / half, -1, 1),
        tip=xp.clip(tip, -1, 1),
        along=xp.clip(along, 0, 1e6),
        half=half,
        pressure=columns[st.PRESSURE],
        paper=paper,
        seed=seed,
    )


def laid_over(xp: Any, alpha: Any, had: Any, build_up: Any) -> Any:
    """Coverage to lay over ink that covers `had`: up to the denser of the two, or in full."""
    fill = xp.clip((alpha - had) / xp.clip(1 - had, 1e-6, 1), 0, 1)
    return fill + build_up * (alpha - fill)


def shade(xp: Any, spot: Spot, look: Look, tiles: Tiles) -> tuple[Any, Any]:
    """Coverage in [0, 1] and lightness shift in [-1, 1] of the pixels."""
    run = xp.clip(spot.along / look.run_px, 0, 1)
    density = look.start + (look.end - look.start) * run
    density = density * (1 - look.flow_pressure * (1 - xp.clip(spot.pressure, 0, 1)))
    if _used(look.tilt):
        density = density * (1 - look.tilt * (0.5 + 0.5 * spot.tip))
    body = _border(xp, spot, look, tiles)
    if _used(look.hair_count):
        body = body * _bristles(xp, spot, look, tiles, run)
    if _used(look.droplets):
        body = body * _droplets(xp, spot, look, tiles, density)
    if _used(look.grain):
        body = body * _tooth(xp, spot, look, tiles, density)
    alpha = look.opacity * density * body
    if _used(look.wet):
        rim = xp.exp(-((xp.clip(spot.depth, 0, 1e6) / look.wet_px) ** 2))
        alpha = alpha * (1 - 0.35 * look.wet + look.wet * rim)
    return xp.clip(alpha, 0, 1), _lightness(spot, look, tiles)


def _used(strength: Any) -> bool:
    """False only for a plain zero: a batch of brushes always computes every term."""
    return not isinstance(strength, float | int) or strength != 0


def _border(xp: Any, spot: Spot, look: Look, tiles: Tiles) -> Any:
    depth = spot.depth
    if _used(look.roughness):
        bumps = sample(
            tiles.clouds, spot.x / look.rough_px + spot.seed, spot.y / look.rough_px + spot.seed
        )
        depth = depth - look.roughness * spot.half * bumps
    return xp.clip((depth + 0.5) / (1 + look.softness * spot.half), 0, 1)


def _bristles(xp: Any, spot: Spot, look: Look, tiles: Tiles, run: Any) -> Any:
    """Bristles that hold paint leave lines; fewer do as the paint runs out and at the sides."""
    lane = 0.5 * spot.across * look.hair_count + spot.seed
    load = sample(tiles.streaks, spot.along / look.hair_px + spot.seed, lane)
    fine = sample(tiles.tooth, spot.x / (0.25 * look.hair_px) + spot.paper,
                  spot.y / (0.25 * look.hair_px))  # fmt: skip
    dry = look.dryness + look.drying * run + 0.25 * spot.across**4
    lines = xp.clip((0.88 * load + 0.12 * fine - dry) * 5 + 0.5, 0, 1)
    present = xp.clip(look.hair_count + 0 * lines, 0, 1)
    return 1 - present * (1 - lines)


def _droplets(xp: Any, spot: Spot, look: Look, tiles: Tiles, density: Any) -> Any:
    """A cloud of droplets, dense at the center of the jet."""
    away = xp.clip(1 - spot.depth / spot.half, 0, 1)
    chance = density * (0.02 + 0.93 * xp.exp(-3.4 * away**2))
    drop = sample(
        tiles.drops, spot.x / look.droplet_px + spot.seed, spot.y / look.droplet_px + spot.seed
    )
    return 1 - look.droplets * (1 - xp.clip((chance - drop) * 6 + 0.5, 0, 1))


def _tooth(xp: Any, spot: Spot, look: Look, tiles: Tiles, density: Any) -> Any:
    """Hills of the paper take ink, valleys do not; less is touched towards the border."""
    hills = sample(tiles.tooth, spot.x / look.grain_px + spot.paper, spot.y / look.grain_px)
    away = xp.clip(1 - spot.depth / spot.half, 0, 1)
    cover = look.cover * (0.5 + 0.5 * density) * (1 - look.fade * away**2)
    return 1 - look.grain * (1 - xp.clip((hills - 1 + cover) * 4 + 0.5, 0, 1))


def _lightness(spot: Spot, look: Look, tiles: Tiles) -> Any:
    shift = 0.0 * spot.x
    if _used(look.mottle):
        cloud = sample(tiles.clouds, spot.x / look.cloud_px + spot.seed, spot.y / look.cloud_px)
        shift = shift + look.mottle * (2 * cloud - 1)
    if _used(look.streaks):
        lane = 0.5 * spot.across * 7 + spot.seed
        line = sample(tiles.streaks, spot.along / look.hair_px, lane)
        shift = shift + look.streaks * (2 * line - 1)
    return shift
