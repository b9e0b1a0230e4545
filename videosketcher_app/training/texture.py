"""Trains the classifier of brush kinds: python -m videosketcher_app.training.texture --seconds 90 --out DIR.

It learns from finished drawings that the engine paints with random brushes, half of them passed
through Pocket's VAE, and is calibrated on other drawings and brushes, both ways.

Legend: B drawings, H/W pixels, N patches, S side of a patch.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from videosketcher_app.data.brushes.batch import painted_clips
from videosketcher_app.data.brushes.model import KINDS
from videosketcher_app.data.brushes.stamp_batch import StampBatch, collate, sketch_stamps
from videosketcher_app.data.brushes.variety import training_brush, unseen_brushes
from videosketcher_app.data.datasets import SketchMix, SketchSource, held_out
from videosketcher_app.evaluation.texture import TextureJudge, TextureNet, ink_patches
from videosketcher_app.models.pocket import load_pocket
from videosketcher_app.models.vae import PocketVAE

logger = logging.getLogger(__name__)
TRAIN_SEED, CHECK_SEED = 31, 32
WIDTH, HEIGHT, NUM_FRAMES = 432, 240, 81
STATIC_FRAMES = 5  # two latent frames; the last one has a past, as in a clip
CHECK_BATCHES = 12


@dataclass(frozen=True, kw_only=True)
class TextureConfig:
    """The recipe.

    Attributes:
        seconds: training time, data included.
        decoded_share: share of drawings that pass through the VAE.
    """

    seconds: float = 90.0
    batch_size: int = 64
    learning_rate: float = 2e-3
    decoded_share: float = 0.5
    num_workers: int = 14
    device: str = "cuda"


class KindDataset(Dataset):
    """Sample index -> the stamps of a drawing, and the number of its brush's kind.

    Args:
        unseen: brushes that no training sees.
    """

    def __init__(self, seed: int, *, unseen: bool = False, length: int = 100_000_000) -> None:
        self.source = SketchSource(SketchMix(), seed, held_out)
        self.unseen, self.length = unseen, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[StampBatch, int]:
        rng = np.random.default_rng([self.source.seed, 8, index])
        pool = unseen_brushes()
        brush = pool[index % len(pool)] if self.unseen else training_brush(rng)
        sketch, seed = self.source(index).sketch, int(rng.integers(1 << 31))
        return sketch_stamps(sketch, brush, WIDTH, HEIGHT, seed=seed), KINDS.index(brush.kind)


def train_texture(config: TextureConfig, vae: PocketVAE) -> TextureJudge:
    """Trains and calibrates; progress goes to the log."""
    torch.manual_seed(TRAIN_SEED)
    device = torch.device(config.device)
    net = TextureNet().to(device)
    optimizer = torch.optim.AdamW(net.parameters(), config.learning_rate, weight_decay=0.02)
    generator = torch.Generator(device=device).manual_seed(TRAIN_SEED)
    begun, steps = time.monotonic(), 0
    for stamps, kinds_B in batches(KindDataset(TRAIN_SEED), config):
        progress = (time.monotonic() - begun) / config.seconds
        if progress >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * min(1.0, 2 * (1 - progress))
        pictures = finished_pictures(stamps.to(device))
        decoded = torch.rand(len(pictures), generator=generator, device=device)
        chosen = decoded < config.decoded_share
        if bool(chosen.any()):
            pictures[chosen] = through_vae(vae, pictures[chosen])
        patches = ink_patches(pictures, generator)
        target = kinds_B.to(device).repeat_interleave(patches.shape[1])
        loss = functional.cross_entropy(net(patches.flatten(0, 1)), target, label_smoothing=0.05)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        steps += 1
        if steps % 50 == 0:
            logger.info("step %d loss %.3f", steps, float(loss))
    judge = TextureJudge(net)
    judge.calibration = calibration(judge, vae, config)
    logger.info("%d steps, %s", steps, judge.calibration)
    return judge


def batches(dataset: Dataset, config: TextureConfig) -> Iterator[tuple[StampBatch, Tensor]]:
    """Batches of stamps and kinds, in order."""

    def joined(samples: list[tuple[StampBatch, int]]) -> tuple[StampBatch, Tensor]:
        return collate([stamps for stamps, _ in samples]), torch.tensor([k for _, k in samples])

    yield from DataLoader(
        dataset,
        batch_size=config.batch_size,
        num_workers=config.num_workers,
        collate_fn=joined,
        prefetch_factor=4 if config.num_workers else None,
    )


@torch.no_grad()
def finished_pictures(stamps: StampBatch) -> Tensor:
    """Finished drawings (B, 3, H, W) in [0, 1]."""
    clips = painted_clips(stamps, WIDTH, HEIGHT, 1, first_frame=NUM_FRAMES)
    return ((clips[:, 0] + 1) / 2).contiguous()


@torch.no_grad()
def through_vae(vae: PocketVAE, pictures_B3HW: Tensor) -> Tensor:
    """The pictures as the VAE gives them back."""
    dtype = next(vae.parameters()).dtype
    still = (2 * pictures_B3HW - 1)[:, :, None].expand(-1, -1, STATIC_FRAMES, -1, -1)
    decoded = vae.decode(vae.encode(still.to(dtype)))[:, :, -1]
    return ((decoded.float() + 1) / 2).clamp(0, 1)


def calibration(judge: TextureJudge, vae: PocketVAE, config: TextureConfig) -> dict:
    """Accuracy on other renders, clean and decoded, with brushes like those of training and unseen ones."""
    figures: dict[str, float] = {}
    for name, unseen in (("training_brushes", False), ("unseen_brushes", True)):
        dataset = KindDataset(CHECK_SEED, unseen=unseen, length=CHECK_BATCHES * config.batch_size)
        right = {"clean": 0, "decoded": 0}
        for stamps, kinds_B in batches(dataset, config):
            clean = finished_pictures(stamps.to(config.device))
            looks = {"clean": clean, "decoded": through_vae(vae, clean)}
            for look, pictures in looks.items():
                pixels = (255 * pictures).round().byte().permute(0, 2, 3, 1).cpu().numpy()
                named = judge.kinds(list(pixels))
                right[look] += sum(n == KINDS[int(k)] for n, k in zip(named, kinds_B, strict=True))
        for look, count in right.items():
            figures[f"{name}_{look}"] = round(count / len(dataset), 4)
    return {"drawings": CHECK_BATCHES * config.batch_size, **figures}


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=90.0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--base", type=Path, default=Path("checkpoints/pocket"))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--num-workers", type=int, default=14)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    vae = load_pocket(given.base, given.device).vae
    config = TextureConfig(
        seconds=given.seconds,
        device=given.device,
        batch_size=given.batch_size,
        num_workers=given.num_workers,
    )
    train_texture(config, vae).save(given.out)


if __name__ == "__main__":
    main()
