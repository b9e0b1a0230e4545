"""docs/hardware.md: what each size of card draws, how fast, and for what in return.

Written by scripts/write_hardware.py from the very formula that plans are chosen by, so the page
cannot say anything else than the app does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from videosketcher_app.models.memory_plan import MemoryPlan
from videosketcher_app.services.model_manager.cards import CARDS, Card
from videosketcher_app.services.model_manager.footprint import CONTEXT_BYTES, STREAMED_BLOCKS
from videosketcher_app.services.model_manager.planning import Placed, Room, best_plan, leanest
from videosketcher_app.services.model_manager.plans import clip_of
from videosketcher_app.services.model_manager.sizes import (
    CAUSAL_1_3B,
    NETWORKS,
    Clip,
    ModelSizes,
)
from videosketcher_app.services.model_manager.speed import (
    CONVOLUTION_SHARE,
    DISK_BYTES_S,
    TRAFFIC_BYTES,
    drawing_seconds,
)
from videosketcher_app.services.model_manager.views import GIB, duration, gigabytes
from videosketcher_app.services.presets import PRESETS, load_presets

# What a screen and the driver leave of a card, and usual memory beside cards of a size.
USABLE = 0.94
_RAM_GB = {6: 32, 8: 32, 12: 32, 16: 64, 24: 64, 48: 128, 80: 256, 141: 256}
FREE_RAM = 0.85
PATIENCE_S = 900.0  # a drawing that takes longer is not suggested
# (what is drawn, network, preset); best first, so that the first quick one is suggested.
_ENTRIES = (
    ("text, 14B", "wan-t2v-14b", "as_published"),
    ("text, 14B, few steps", "wan-t2v-14b", "four_steps"),
    ("brush, 14B", "wan-i2v-14b", "as_published_brush"),
    ("text, 1.3B", "wan-t2v-1.3b", "vector_style"),
    ("text, 1.3B, few steps", "wan-t2v-1.3b", "three_steps"),
)
_TIERS = {"resident": "on the card", "stream_ram": "streamed", "stream_disk": "from disk"}


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One line of a card's table."""

    what: str
    preset: str
    placed: Placed | None
    least: Placed
    seconds: float

    @property
    def chosen(self) -> Placed:
        """What fits, or what takes least."""
        return self.placed or self.least


def page(measured: Sequence[Mapping[str, Any]] = ()) -> str:
    """The whole page.

    Args:
        measured: lines of the benchmark about memory, see `_proof`.
    """
    parts = [_HEAD, _glance(), *(_section(card) for card in CARDS), _formula(), _proof(measured)]
    return "\n".join(part.strip("\n") + "\n" for part in parts if part)


def _glance() -> str:
    lines = []
    for card in CARDS:
        rows = list(_rows(card, room_on(card)))
        whole, suggested = rows[0], _suggested(rows)
        quick = f"`{suggested.preset}`, {duration(suggested.seconds)}" if suggested else "Pocket"
        lines.append(
            f"| {card.memory_gb} GB | {card.name} | {quick} | {duration(whole.seconds)}"
            f"{'' if whole.placed else ', does not fit'} | {how(whole.chosen.plan)} |"
        )
    head = (
        "## At a glance\n\n"
        "| card | for instance | suggested | the 14B as published | how |\n|---|---|---|---|---|\n"
    )
    return head + "\n".join(lines)


def _section(card: Card) -> str:
    room = room_on(card)
    rows = list(_rows(card, room))
    suggested = _suggested(rows)
    said = (
        f"Suggested: `{suggested.preset}`, about {duration(suggested.seconds)}."
        if suggested
        else "Nothing is quick here: let Pocket draw, and this model over night."
    )
    head = (
        f"## {card.memory_gb} GB, for instance {card.name}\n\n"
        f"{card.tflops:.4g} TFLOP/s, {card.memory_gb_s:g} GB/s, {_RAM_GB[card.memory_gb]} GB of "
        f"memory beside it. {said}\n\n"
        "| what | preset | weights | card | memory | a drawing |\n"
        "|---|---|---|---|---|---|\n"
    )
    return head + "\n".join(_line(row) for row in rows)


def room_on(card: Card) -> Room:
    """What a card of this size leaves to a model, with usual memory beside it."""
    return Room(
        device_bytes=int(card.memory_gb * GIB * USABLE),
        ram_bytes=int(_RAM_GB[card.memory_gb] * GIB * FREE_RAM),
    )


def _rows(card: Card, room: Room) -> Iterator[_Row]:
    presets = {preset.name: preset for preset in load_presets(PRESETS)[0]}
    for what, network, preset in _ENTRIES:
        sizes = NETWORKS[network]
        yield _row(
            what, preset, sizes, clip_of(sizes, presets[preset].request), card=card, room=room
        )
    yield _row("together, 1.3B", "", CAUSAL_1_3B, CAUSAL_1_3B.clip, card=card, room=room)


def _row(what: str, preset: str, sizes: ModelSizes, clip: Clip, *, card: Card, room: Room) -> _Row:
    placed, least = best_plan(sizes, clip, room), leanest(sizes, clip, room)
    plan = (placed or least).plan
    return _Row(
        what=what,
        preset=preset,
        placed=placed,
        least=least,
        seconds=drawing_seconds(sizes, clip, plan, card.rates),
    )


def _suggested(rows: Iterable[_Row]) -> _Row | None:
    """The best that is done within the patience of a person."""
    quick = (row for row in rows if row.preset and row.placed and row.seconds <= PATIENCE_S)
    return next(quick, None)


def _line(row: _Row) -> str:
    preset = f"`{row.preset}`" if row.preset else "a session"
    needs = row.chosen.footprint
    if row.placed is None:
        return f"| {row.what} | {preset} | do not fit | {gigabytes(needs.device_bytes)} | | |"
    return (
        f"| {row.what} | {preset} | {how(row.chosen.plan)} | {gigabytes(needs.device_bytes)} | "
        f"{gigabytes(needs.ram_bytes)} | {duration(row.seconds)} |"
    )


def how(plan: MemoryPlan) -> str:
    """How a plan makes weights and pictures fit, in the words of the page."""
    said = [_TIERS[plan.tier]]
    if plan.weights_dtype == "fp8":
        said.append("8 bits")
    if plan.vae_tiled:
        said.append("tiles")
    return ", ".join(said)


def _formula() -> str:
    return f"""
## How the figures come about

Every time above is **computed**, for the whole drawing once the model is loaded (words, denoising,
frames), from the data sheet of the card; only the rates behind the H200's are measured. Press
*Calibrate* in the Models tab, or run `videosketcher doctor --calibrate`, and the app uses the rates of
your machine instead.

```
a pass     = max(linear / matrix rate + attention / attention rate + traffic / bandwidth,
                 streamed weights / rate of the link or of the disk)
linear     = 2 x tokens x layers x (6 width^2 + 2 width x ffn)
attention  = 4 x tokens x width x layers x (tokens + 512)
traffic    = {TRAFFIC_BYTES} bytes x tokens x layers x width
a drawing  = words + passes + frames, frames at {CONVOLUTION_SHARE:.2f} of the matrix rate
```

An H200 reaches 785 of its 989 TFLOP/s in matrix products and 565 in attention (torch 2.11); other
cards are taken to reach the same share of theirs, which for attention is careful: small cards reach
more. As a check, the formula gives 3.24 s for a pass of the 14B and 0.61 s for the 1.3B, as
measured; for the 1.3B on a GeForce RTX 4090 it gives more than the four minutes that its authors
publish. Disks are taken to read {DISK_BYTES_S / 1e9:g} GB/s.

Memory is that of the fullest of three moments (words, denoising, frames): weights by their type,
{STREAMED_BLOCKS} blocks of them if they are streamed, activations, the decoder's widest tensors, and
{CONTEXT_BYTES / 1e9:g} GB for CUDA itself. Every constant stands with its source in
`services/model_manager/footprint.py`. {USABLE:.0%} of a card and {FREE_RAM:.0%} of the memory beside it
count as free. GB are binary.

A plan is chosen in this order: all weights on the card; streamed from memory; in 8 bits on the card;
in 8 bits from memory; from the disk. Within each, whole frames are decoded rather than tiles. When
memory runs out all the same, the app gives up one thing after the other in the same direction, says
so, and repeats the drawing. Drawing together stays on the card while others stream.
"""


def _proof(measured: Sequence[Mapping[str, Any]]) -> str:
    """Lines of `python -m benchmarks.studio memory` and `pipeline`, the latest of each name."""
    latest = {str(line["what"]): line for line in measured if "limit_gb" in line}
    if not latest:
        return (
            "\n## Proof\n\n`python -m benchmarks.studio memory` and `pipeline` run the 14B at full size "
            "under a limit that the allocator enforces; their lines appear here once they are in "
            "`benchmarks/results/`.\n"
        )
    rows = [
        f"| {name} | {line['limit_gb']:g} GB | {_seconds(line)} | {_machine(line)} |"
        for name, line in latest.items()
    ]
    head = (
        "\n## Proof\n\nFull size, random weights, 832x480 and 81 frames where nothing else is said, the 14B where no "
        "model is named, under a limit that the allocator enforces (`python -m benchmarks.studio memory`, "
        "`pipeline`, `cards`, `training-limits`). Measured.\n\n"
        "| what | limit | result | on |\n|---|---|---|---|\n"
    )
    return head + "\n".join(rows) + "\n"


def _seconds(line: Mapping[str, Any]) -> str:
    if line.get("fits") is False:
        since = line.get("since")  # what was mended after it was measured
        return f"does not fit ({since})" if since else "does not fit"
    seconds = line.get("seconds")
    return f"fits, {seconds:g} s" if isinstance(seconds, int | float) else "fits"


def _machine(line: Mapping[str, Any]) -> str:
    machine = line.get("machine", {})
    return str(machine.get("gpu") or machine.get("processor", ""))


_HEAD = """
# Hardware

What Studio models need, by size of card. Pocket, which is part of the app, draws on anything, a laptop
without a card included. This page is written by `python scripts/write_hardware.py`.

Presets are those of the app; *a drawing* is 81 frames of 832x480. *Card* and *memory* are what the
plan takes of the graphics card and of the computer's own memory. *Weights* says how it fits, and what
is given in return:

| weights | given in return |
|---|---|
| on the card | nothing |
| streamed | memory: the weights wait there, and come block by block while the one before computes |
| 8 bits | likeness: weights are rounded, which changes the drawing a little |
| tiles | seams, faint ones: frames are decoded in pieces, as the published scripts do |
| from disk | time: the weights are read again at every step |
"""
