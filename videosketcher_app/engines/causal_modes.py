"""Modes of speed of causal models: what `exact`, `fast` and `sketch` mean block by block.

`exact` computes every token and looks back on the whole window. `fast` looks back on less, and on
CUDA its passes are recorded as graphs; Studio models then draw with 8-bit linear layers and the tiny decoder,
where these are (models/wan/causal_model.py). `sketch` computes, too, only what is near change
(still_paper.py). How far they are from `exact` is measured with `evaluate codraw --mode`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from videosketcher_app.engines.memory.modes import Mode
from videosketcher_app.engines.still_paper import BUCKET_TOKENS, Region, StillPaper
from videosketcher_app.models.causal_wan import CausalParts, CausalWan, causal_of
from videosketcher_app.models.kv_cache import Window
from videosketcher_app.models.pass_graphs import PassGraphs
from videosketcher_app.models.pocket import PocketModel
from videosketcher_app.models.wan.row_block import row_block

QUICK_WINDOW_BLOCKS = 4  # 12 latent frames, as LongLive and Krea draw with


def parts_in_mode(model: Any, mode: Mode) -> CausalParts:
    """What a drawing in this mode is made with."""
    if isinstance(model, PocketModel):
        parts = CausalParts(causal=causal_of(model), vae=model.vae)
    else:
        parts = model.parts(quick=mode != "exact")
    return replace(parts, causal=in_mode(parts.causal, mode))


def bytes_in_mode(model: Any, mode: Mode) -> int:
    """Bytes that a drawing in this mode takes beside the model and its cache."""
    return 0 if mode == "exact" or isinstance(model, PocketModel) else model.quick_bytes


def in_mode(causal: CausalWan, mode: Mode) -> CausalWan:
    """The pass as the mode makes it, for one drawing.

    On CUDA its passes are recorded, which changes no bit; beside `exact` its blocks are computed by
    rows, equal within rounding.
    """
    if causal.device.type != "cuda":
        return causal
    if causal.weights_stay:
        causal = replace(causal, graphs=PassGraphs())
    return causal if mode == "exact" else replace(causal, run_block=row_block())


def window_in_mode(window: Window, mode: Mode) -> Window:
    """What a block looks back on."""
    if mode == "exact":
        return window
    return replace(window, blocks=min(window.blocks, QUICK_WINDOW_BLOCKS))


def region_in_mode(causal: CausalWan, mode: Mode) -> Region | None:
    """What is computed after a block's first step; None is all of it."""
    if mode != "sketch":
        return None
    compiles = causal.device.type == "cuda"
    return StillPaper(bucket_tokens=BUCKET_TOKENS if compiles else 1)
