"""Sparse VideoGen's attention alone: is it right, does it know its heads, and is it fast?

    python -m benchmarks.sparse [ROW ...] [--shape NAME] [--small] [--tune] [--out FILE]

cosine    the kernel against full attention under the same mask, head by head
planted   400 heads whose kind is known, judged with 64 sampled queries
speed     dense attention, the kernel, and a whole sparse layer, in turns, for densities 0.28 and 0.34

Shapes are those of the models that it was published for (models/sparse_attention/presets.py), in
bfloat16; `--small` shrinks them for a CPU. `kernel` takes heads that are in their order already;
`layer` judges them, reorders them and puts them back. Ratios are to the fastest dense attention that
torch has here. `--tune` times the kernel under FlexAttention's other options. A line is valid if its cosine is.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmarks.harness import MAX_DRIFT, WARM_UP_PASSES, timed
from benchmarks.lines import RESULTS, Lines
from benchmarks.planted_heads import mixed_kinds, planted_heads
from videosketcher_app.core.sparse_request import SparseSpec
from videosketcher_app.models.sparse_attention.attention import SparseAttention
from videosketcher_app.models.sparse_attention.kernels import (
    FLEX,
    band_attention,
    dense_band_attention,
    flex_band_attention,
    kernel_for,
)
from videosketcher_app.models.sparse_attention.layout import gather_order
from videosketcher_app.models.sparse_attention.pieces import in_pieces
from videosketcher_app.models.sparse_attention.presets import PUBLISHED, PublishedModel
from videosketcher_app.models.sparse_attention.profiling import find_temporal_heads, sample_rows
from videosketcher_app.models.wan.forward import dense_attention

WANTED_COSINE, WANTED_SPEEDUP, PLANTED_HEADS = 0.9995, 2.0, 400
# In turn the README's share and the one whose density is 0.34.
KEPT_FRACTIONS = (0.25, 0.30)
SMALL_TOKENS, SMALL_HEADS = 96, 8
TILES: list[dict[str, Any]] = [
    {},
    {"PRESCALE_QK": True},
    {"USE_TMA": True},
    {"USE_TMA": True, "PRESCALE_QK": True},
    *(
        {"BLOCK_M": m, "BLOCK_N": n, "num_warps": warps, "num_stages": stages}
        for m, n, warps in ((128, 128, 8), (128, 64, 8), (128, 64, 4), (64, 128, 4), (64, 64, 4))
        for stages in (2, 3, 4)
    ),
]
Heads = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is measured, and where."""

    shape: str
    model: PublishedModel
    device: torch.device
    dtype: torch.dtype
    rounds: int

    def heads(self, kinds_N: Tensor, seed: int = 0) -> Heads:
        """Planted heads of this shape."""
        return planted_heads(
            self.model.layout,
            kinds_N,
            seed=seed,
            device=self.device,
            dtype=self.dtype,
            head_width=self.model.head_width,
        )

    def synchronize(self) -> None:
        """Waits for the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def setting_of(shape: str, *, is_small: bool, rounds: int) -> Setting:
    """A published shape on this machine; small ones have the same frames."""
    model = PUBLISHED[shape]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if is_small:
        words = model.layout.text_tokens * SMALL_TOKENS // model.layout.tokens_per_frame
        layout = replace(model.layout, tokens_per_frame=SMALL_TOKENS, text_tokens=words)
        model = replace(model, layout=layout, num_heads=SMALL_HEADS)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    return Setting(shape=shape, model=model, device=device, dtype=dtype, rounds=rounds)


def cosine_row(setting: Setting, lines: Lines) -> None:
    """The kernel against its dense twin; the worst head counts."""
    heads = setting.heads(mixed_kinds(setting.model.num_heads, 1))
    for kept in KEPT_FRACTIONS:
        band = setting.model.rule.band(setting.model.layout, kept)
        kernel = kernel_for(setting.device)
        ours = band_attention(kernel, *heads, band)
        worst = worst_cosine(ours, dense_band_attention(*heads, band))
        lines.write(
            "cosine under the same mask",
            shape=setting.shape,
            kernel=kernel,
            kept_fraction=kept,
            density=round(band.density, 4),
            cosine=worst,
            wanted=WANTED_COSINE,
            valid=worst >= WANTED_COSINE,
        )


def planted_row(setting: Setting, lines: Lines) -> None:
    """How many planted heads are recognized."""
    layout = setting.model.layout
    band = setting.model.rule.profile_band(layout)
    heads, right, judged, temporal = setting.model.num_heads, 0, 0, 0
    while judged < PLANTED_HEADS:
        kinds_N = mixed_kinds(min(heads, PLANTED_HEADS - judged), seed=judged)
        rows = sample_rows(layout, 64, torch.Generator("cpu").manual_seed(judged))
        found = find_temporal_heads(
            *setting.heads(kinds_N, seed=judged), rows.to(setting.device), layout, band
        )
        right += int((found[0].cpu() == kinds_N).sum())
        temporal += int(kinds_N.sum())
        judged += len(kinds_N)
    lines.write(
        "planted heads",
        shape=setting.shape,
        heads=judged,
        temporal=temporal,
        recognized=right,
        valid=right == judged,
    )


def speed_row(setting: Setting, lines: Lines) -> None:
    """Dense and sparse in turns, for every kept fraction."""
    model = setting.model
    kinds_N = mixed_kinds(model.num_heads, 1)
    heads = setting.heads(kinds_N)
    for kept in KEPT_FRACTIONS:
        spec = SparseSpec(kept_fraction=kept, first_steps_fraction=0.0, first_layers_fraction=0.0)
        steps = {"num_steps": 1, "num_layers": 1}
        sparse = SparseAttention(spec, model.layout, **steps, rule=model.rule, has_room=True)
        kinds_BN = kinds_N[None].to(setting.device)
        q, k, v = (gather_order(x, kinds_BN, model.layout) for x in heads)
        ways: dict[str, Callable[[], Tensor]] = {
            **dense_ways(heads, setting.device),
            "kernel": partial(band_attention, kernel_for(setting.device), q, k, v, sparse.band),
            "layer": partial(sparse.attend, *heads, layer=0),
        }
        kernels = ["kernel"]
        if setting.device.type == "cuda":  # elsewhere it has no kernel to gain by
            ways["pieces"] = partial(in_pieces, q, k, v, sparse.band)
            kernels.append("pieces")
        expected = dense_band_attention(q, k, v, sparse.band)
        cosine = min(worst_cosine(ways[name](), expected) for name in kernels)
        cold = {name: timed(way, setting.synchronize) for name, way in ways.items()}
        lines.write(
            "attention of one layer",
            shape=setting.shape,
            **sparse.facts(),
            **speeds(ways, setting),
            cold_start_s={name: round(seconds, 2) for name, seconds in cold.items()},
            cosine=cosine,
            valid=cosine >= WANTED_COSINE,
        )


def dense_ways(heads: Heads, device: torch.device) -> dict[str, Callable[[], Tensor]]:
    """torch's own choice of attention, and on CUDA cuDNN's too."""
    ways: dict[str, Callable[[], Tensor]] = {"dense": partial(dense_attention, *heads)}
    if device.type == "cuda":
        ways["dense_cudnn"] = partial(_with_cudnn, *heads)
    return ways


def _with_cudnn(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
        return F.scaled_dot_product_attention(q, k, v)


def speeds(ways: dict[str, Callable[[], Tensor]], setting: Setting) -> dict[str, Any]:
    """Median seconds of every way, all taken in turns, and how much faster than the best dense one."""
    for _ in range(WARM_UP_PASSES):
        for way in ways.values():
            way()
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(setting.rounds):
        for name, way in ways.items():
            times[name].append(timed(way, setting.synchronize))
    medians = {name: statistics.median(values) for name, values in times.items()}
    best = min((name for name in ways if name.startswith("dense")), key=medians.__getitem__)
    drift = abs(times[best][-1] / times[best][0] - 1)
    return {
        "seconds": {name: round(seconds, 6) for name, seconds in medians.items()},
        "best_dense": best,
        "speedup_of_kernel": round(medians[best] / medians["kernel"], 3),
        **{
            f"speedup_of_{name}": round(medians[best] / medians[name], 3)
            for name in ("layer", "pieces")
            if name in medians
        },
        "wanted_speedup": WANTED_SPEEDUP,
        "rounds": setting.rounds,
        "drift": round(drift, 4),
        "steady": drift <= MAX_DRIFT,
        "peak_bytes": {name: _peak(way, setting) for name, way in ways.items()},
    }


def _peak(way: Callable[[], Tensor], setting: Setting) -> int | None:
    """Bytes that a call allocates at most, beside its inputs; None without a GPU."""
    if setting.device.type != "cuda":
        return None
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    way()
    setting.synchronize()
    return torch.cuda.max_memory_allocated() - before


def tune_row(setting: Setting, lines: Lines) -> None:
    """Seconds of the kernel for every tile size; sizes that do not fit the GPU are named."""
    assert kernel_for(setting.device) == FLEX, "tiles are FlexAttention's"
    heads = setting.heads(mixed_kinds(setting.model.num_heads, 1))
    band = setting.model.rule.band(setting.model.layout, KEPT_FRACTIONS[-1])
    for tile in TILES:
        way = partial(flex_band_attention, *heads, band, kernel_options=tile)
        try:
            for _ in range(WARM_UP_PASSES):
                way()
        except Exception as error:  # what a GPU cannot do is a figure too
            lines.write("tile", shape=setting.shape, tile=tile, fails=type(error).__name__)
            continue
        seconds = [timed(way, setting.synchronize) for _ in range(setting.rounds)]
        lines.write(
            "tile", shape=setting.shape, tile=tile, seconds=round(statistics.median(seconds), 6)
        )


def worst_cosine(ours_BNLE: Tensor, theirs_BNLE: Tensor) -> float:
    """The smallest cosine of a head with its twin, in double precision."""
    cosines = [
        torch.cosine_similarity(ours.double().flatten(), theirs.double().flatten(), dim=0)
        for ours, theirs in zip(ours_BNLE[0], theirs_BNLE[0], strict=True)
    ]
    return round(float(torch.stack(cosines).min()), 7)


ROWS = {"cosine": cosine_row, "planted": planted_row, "speed": speed_row}


@torch.inference_mode()
def main() -> None:
    """Parses the command line and runs the rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", choices=[[], *ROWS], metavar="ROW")
    parser.add_argument("--shape", choices=PUBLISHED, action="append")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, help="Added to.")
    args = parser.parse_args()
    out = args.out or (None if args.small else RESULTS / "sparse.jsonl")
    lines = Lines("sparse small" if args.small else "sparse", out)
    for shape in args.shape or ("wan2.1-14b-480p", "wan2.1-14b-720p"):
        setting = setting_of(shape, is_small=args.small, rounds=args.rounds)
        for row in args.rows or ROWS:
            ROWS[row](setting, lines)
        if args.tune:
            tune_row(setting, lines)


if __name__ == "__main__":
    main()
