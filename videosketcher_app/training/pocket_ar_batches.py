"""Batches for the causal recipes: half-drawn sketches, and the latents of the window they show.

Legend: B batch, P stamps, L tokens, C channels, F latent frames, h/w latent cells, H/W pixels,
K coordinate channels, O blocks of the window.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from videosketcher_app.data.continuation_source import ContinuationSource, Setting
from videosketcher_app.data.continuations import (
    BLOCK_LATENT_FRAMES,
    WINDOW_BLOCKS,
    first_frame_of,
)
from videosketcher_app.data.raster import clip_of_maps, ink_maps, sketch_stamps
from videosketcher_app.models.coordinates import coordinate_channels
from videosketcher_app.models.text import PocketTokenizer
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.training.batches import Canvas, endless_batches

WIDEST_NIB = 4  # whole pixels of the largest radius of another hand's pen
WINDOW_FRAMES = first_frame_of(WINDOW_BLOCKS)
WINDOW_LATENT_FRAMES = WINDOW_BLOCKS * BLOCK_LATENT_FRAMES


class ContinuationDataset(Dataset):
    """Sample number -> stamps (P, 4), token ids (L,), setting (2,) and whose the blocks are (O,).

    Args:
        step_samples: samples of one step on all processes, which share a setting.
    """

    def __init__(
        self,
        source: ContinuationSource,
        tokenizer: PocketTokenizer,
        canvas: Canvas,
        step_samples: int,
    ) -> None:
        self.source, self.tokenizer, self.canvas = source, tokenizer, canvas
        self.step_samples = step_samples

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        setting = self.source.setting(index // self.step_samples)
        drawn = self.source(index, setting)
        c = self.canvas
        stamps = sketch_stamps(drawn.sketch, c.width, c.height, c.max_stamps)
        ids = np.zeros(c.max_tokens, np.int64)
        tokens = self.tokenizer.encode(str(drawn.plan))[: c.max_tokens]
        ids[: len(tokens)] = tokens
        others = np.array([drawn.others[block] for block in window_blocks(setting)])
        return stamps, ids, np.array([setting.first_block, setting.given_blocks]), others


@dataclass(frozen=True, kw_only=True, eq=False)
class ArBatch:
    """One step's drawings, encoded.

    Attributes:
        clean_BCFhw: latents of the window, float32.
        setting: what the drawings share.
        own_BF: latent frames of blocks that the model's own hand drew.
        given_F: latent frames that are there before the model draws.
        coordinates_KFhw: of the window's latent frames.
    """

    clean_BCFhw: Tensor
    ids_BL: Tensor
    setting: Setting
    own_BF: Tensor
    given_F: Tensor
    coordinates_KFhw: Tensor

    @property
    def drawn_BF(self) -> Tensor:
        """Latent frames that the model is to draw."""
        return (~self.given_F).expand(len(self.clean_BCFhw), -1)


def window_blocks(setting: Setting) -> list[int]:
    """Numbers of the blocks that a window shows."""
    return [0, *range(setting.first_block, setting.first_block + WINDOW_BLOCKS - 1)]


class WindowEncoder:
    """Encodes batches; one compiled piece if wanted, as frames are big.

    Args:
        vae: frozen, on the device.
    """

    def __init__(self, vae: PocketVAE, canvas: Canvas, *, compiled: bool) -> None:
        self.vae, self.canvas = vae, canvas
        self.device = next(vae.parameters()).device
        self._latents = torch.compile(_latents, dynamic=False) if compiled else _latents
        self._coordinates: dict[int, Tensor] = {}

    @torch.no_grad()
    def __call__(self, batch: tuple[Tensor, ...]) -> ArBatch:
        """The batch of `ContinuationDataset` samples on the device."""
        stamps_BP4, ids_BL, settings_B2, others_BO = batch
        assert bool((settings_B2 == settings_B2[:1]).all()), "samples of a step share a setting"
        first_block, given_blocks = settings_B2[0].tolist()
        setting = Setting(first_block=first_block, given_blocks=given_blocks)
        own_BO = ~others_BO.to(self.device)
        frame_F = torch.arange(WINDOW_LATENT_FRAMES, device=self.device)
        return ArBatch(
            clean_BCFhw=self.latents(stamps_BP4.to(self.device, non_blocking=True), setting),
            ids_BL=ids_BL.to(self.device, non_blocking=True),
            setting=setting,
            own_BF=own_BO.repeat_interleave(BLOCK_LATENT_FRAMES, dim=1),
            given_F=frame_F < given_blocks * BLOCK_LATENT_FRAMES,
            coordinates_KFhw=self.coordinates(first_block),
        )

    def latents(self, stamps_BP4: Tensor, setting: Setting) -> Tensor:
        """Latents (B, C, F, h, w) of the window, as a stream over the whole drawing gives them.

        The encoder remembers less than one block, so it starts one block before the window.
        """
        canvas = self.canvas
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            coverage, inked = ink_maps(stamps_BP4, canvas.width, canvas.height, WIDEST_NIB)
            before = first_frame_of(setting.first_block) - first_frame_of(1)
            latents = self._latents(self.vae, coverage, inked - before, WINDOW_FRAMES).float()
            if setting.first_block > 1:
                first = self._latents(self.vae, coverage, inked, first_frame_of(1)).float()
                latents = torch.cat([first, latents[:, :, BLOCK_LATENT_FRAMES:]], dim=2)
        return latents

    def coordinates(self, first_block: int) -> Tensor:
        """Coordinate channels (K, F, h, w) of a window."""
        if first_block not in self._coordinates:
            self._coordinates[first_block] = window_coordinates(
                first_block, self.canvas.height // 8, self.canvas.width // 8
            ).to(self.device)
        return self._coordinates[first_block]


def window_coordinates(first_block: int, height: int, width: int) -> Tensor:
    """Coordinates of the first block and of the six from `first_block` on."""
    rest = WINDOW_LATENT_FRAMES - BLOCK_LATENT_FRAMES
    first_frame = first_block * BLOCK_LATENT_FRAMES
    return torch.cat(
        [
            coordinate_channels(BLOCK_LATENT_FRAMES, height, width),
            coordinate_channels(rest, height, width, first_frame),
        ],
        dim=1,
    )


def continuation_batches(
    source: ContinuationSource,
    tokenizer: PocketTokenizer,
    canvas: Canvas,
    *,
    batch_size: int,
    first_step: int,
    rank: int,
    world: int,
    num_workers: int,
) -> Iterator[tuple[Tensor, ...]]:
    """Endless batches; batch k depends on k, rank and world only."""
    return endless_batches(
        ContinuationDataset(source, tokenizer, canvas, batch_size * world),
        batch_size=batch_size,
        first_step=first_step,
        rank=rank,
        world=world,
        num_workers=num_workers,
    )


def _latents(vae: PocketVAE, coverage_BHW: Tensor, inked_BHW: Tensor, num_frames: int) -> Tensor:
    clip_BTHW = clip_of_maps(coverage_BHW, inked_BHW, num_frames)
    return vae.encode_grey(clip_BTHW.to(next(vae.parameters()).dtype))
