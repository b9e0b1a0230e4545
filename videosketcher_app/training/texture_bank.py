"""A bank of ink patches for the classifier of brush kinds, painted once and learned from many times.

Drawings that the engine paints with random brushes leave patches of their ink, clean and as the VAE
gives them back. The bank grows shard by shard: what was painted in one run serves the next.

Legend: B drawings, N patches, H/W pixels, S side of a patch.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from videosketcher_app.data.brushes.batch import painted_clips
from videosketcher_app.data.brushes.model import KINDS
from videosketcher_app.data.brushes.stamp_batch import StampBatch, collate, sketch_stamps
from videosketcher_app.data.brushes.variety import training_brush, unseen_brushes
from videosketcher_app.data.datasets import SketchMix, SketchSource, held_out
from videosketcher_app.evaluation.texture import MOST_DENSITY, SIDE_PX, ink_patches
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.storage.tensors import read_safetensors, write_safetensors

logger = logging.getLogger(__name__)
WIDTH, HEIGHT, NUM_FRAMES = 432, 240, 81
STATIC_FRAMES = 5  # two latent frames; the last one has a past, as in a clip
ROOM_PX = 8  # more than a patch on each axis, so that learning can move it
PATCHES_PER_PICTURE = 16
SHARD_DRAWINGS = 32
_BRUSH_STREAM = 8
_ENDLESS = 100_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class PatchBank:
    """Patches to learn from.

    Attributes:
        patches_NSS: uint8, 255 for MOST_DENSITY; larger than the net's patches by ROOM_PX.
        kinds_N: number of the brush's kind.
    """

    patches_NSS: Tensor
    kinds_N: Tensor


class KindDataset(Dataset):
    """Sample index -> the stamps of a drawing, and the number of its brush's kind.

    Args:
        first: index of the first sample.
        unseen: brushes that no training sees.
    """

    def __init__(self, seed: int, length: int, *, first: int = 0, unseen: bool = False) -> None:
        self.source = SketchSource(SketchMix(), seed, held_out)
        self.first, self.unseen, self.length = first, unseen, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[StampBatch, int]:
        number = self.first + index
        rng = np.random.default_rng([self.source.seed, _BRUSH_STREAM, number])
        pool = unseen_brushes()
        brush = pool[number % len(pool)] if self.unseen else training_brush(rng)
        sketch, seed = self.source(number).sketch, int(rng.integers(1 << 31))
        return sketch_stamps(sketch, brush, WIDTH, HEIGHT, seed=seed), KINDS.index(brush.kind)


def painted_pictures(
    dataset: Dataset, device: str, *, num_workers: int = 0
) -> Iterator[tuple[Tensor, Tensor]]:
    """Finished drawings (B, 3, H, W) in [0, 1] and the kinds (B,) of their brushes, in order."""
    loader = DataLoader(
        dataset, batch_size=SHARD_DRAWINGS, num_workers=num_workers, collate_fn=_joined,
        prefetch_factor=2 if num_workers else None,
    )  # fmt: skip
    for stamps, kinds_B in loader:
        clips = painted_clips(stamps.to(device), WIDTH, HEIGHT, 1, first_frame=NUM_FRAMES)
        yield ((clips[:, 0] + 1) / 2).contiguous(), kinds_B.to(device)


@torch.no_grad()
def through_vae(vae: PocketVAE, pictures_B3HW: Tensor) -> Tensor:
    """The pictures as the VAE gives them back."""
    dtype = next(vae.parameters()).dtype
    still = (2 * pictures_B3HW - 1)[:, :, None].expand(-1, -1, STATIC_FRAMES, -1, -1)
    decoded = vae.decode(vae.encode(still.to(dtype)))[:, :, -1]
    return ((decoded.float() + 1) / 2).clamp(0, 1)


def grow_bank(
    folder: Path, vae: PocketVAE, seed: int, *, seconds: float, device: str, num_workers: int = 0
) -> int:
    """Paints shards behind those that are there until the time is over; how many there are now."""
    begun, shard = time.monotonic(), len(_shards(folder))
    dataset = KindDataset(seed, _ENDLESS, first=shard * SHARD_DRAWINGS)
    for pictures, kinds_B in painted_pictures(dataset, device, num_workers=num_workers):
        generator = torch.Generator(device=device).manual_seed(seed + shard)
        bank = _patches_of(pictures, kinds_B, vae, generator)
        write_safetensors(
            folder / f"{shard:05}.safetensors",
            {"patches": bank.patches_NSS.cpu(), "kinds": bank.kinds_N.cpu()},
        )
        shard += 1
        if time.monotonic() - begun >= seconds:
            break
    logger.info("%d shards of %d drawings", shard, SHARD_DRAWINGS)
    return shard


def read_bank(folder: Path) -> PatchBank:
    """All shards of a folder; there is at least one."""
    stored = [read_safetensors(path) for path in _shards(folder)]
    return PatchBank(
        patches_NSS=torch.cat([shard["patches"] for shard in stored]),
        kinds_N=torch.cat([shard["kinds"] for shard in stored]).long(),
    )


def _shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def _patches_of(
    pictures_B3HW: Tensor, kinds_B: Tensor, vae: PocketVAE, generator: torch.Generator
) -> PatchBank:
    """Patches of every drawing clean, and of every second one as the VAE gives it back."""
    looks = [(pictures_B3HW, kinds_B), (through_vae(vae, pictures_B3HW[::2]), kinds_B[::2])]
    patches = [
        ink_patches(pictures, generator, PATCHES_PER_PICTURE, SIDE_PX + ROOM_PX).flatten(0, 2)
        for pictures, _ in looks
    ]
    kinds = torch.cat([kinds.repeat_interleave(PATCHES_PER_PICTURE) for _, kinds in looks])
    levels = (torch.cat(patches) * (255 / MOST_DENSITY)).round().to(torch.uint8)
    return PatchBank(patches_NSS=levels, kinds_N=kinds.to(torch.uint8))


def _joined(samples: list[tuple[StampBatch, int]]) -> tuple[StampBatch, Tensor]:
    return collate([stamps for stamps, _ in samples]), torch.tensor([k for _, k in samples])
