"""Recipe: Pocket's VAE, on sketches with pens of every colour, width, opacity and grain.

Legend: B batch, T frames, H/W pixels, P stamps, K layers of ink.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import Dataset

from videosketcher_app.data.datasets import SketchMix, SketchSource
from videosketcher_app.data.raster import NEVER, ink_maps, sketch_stamps
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.training.batches import endless_batches
from videosketcher_app.training.state import StepRandom

NARROW_REACH, WIDE_REACH = 3, 11  # largest stamp radius of thin and of wide lines, in pixels


@dataclass(frozen=True, kw_only=True)
class PocketVaeConfig:
    """Hyper-parameters of the recipe.

    Attributes:
        size: side of the square crops, in pixels.
        num_frames: length of the crops in time.
        layers: differently penned sketches laid over each other.
        widths_px: smallest and largest line width.
        ink_weight: how much more an error near ink counts.
        chroma_weight: how much more an error of hue counts; without it grey is learned first and
            colour hardly at all.
        kl_weight: pull of the latents towards a standard normal.
    """

    size: int = 192
    num_frames: int = 33
    clip_frames: int = 81
    batch_size: int = 32
    num_workers: int = 14
    layers: int = 2
    max_stamps: int = 3072
    widths_px: tuple[float, float] = (1.0, 20.0)
    rate: float = 1.5e-3
    ink_weight: float = 8.0
    chroma_weight: float = 6.0
    kl_weight: float = 2e-4
    data_seed: int = 2


class PennedDataset(Dataset):
    """Sample index -> stamps (K, P, 4) in crop pixels and pen values (K, 6).

    Pen values: red, green, blue, opacity, grain, index of the crop's first frame.
    """

    def __init__(self, config: PocketVaeConfig) -> None:
        self.config = config
        self.source = SketchSource(SketchMix(concepts=0.5, primitives=0.2), config.data_seed)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng([self.config.data_seed, 7, index])
        colored = rng.random() < 0.6
        start = rng.integers(0, self.config.clip_frames - self.config.num_frames + 1)
        start = int(start) if rng.random() < 0.75 else 0
        layers = [
            self._layer(rng, 2 * index + k, colored, start, shown=k == 0 or colored)
            for k in range(self.config.layers)
        ]
        stamps, pens = zip(*layers, strict=True)
        return np.stack(stamps), np.stack(pens)

    def _layer(
        self, rng: np.random.Generator, index: int, colored: bool, start: int, *, shown: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        config = self.config
        zoom = rng.uniform(0.55, 1.1)
        width, height = int(432 * zoom), int(240 * zoom)
        stamps = sketch_stamps(self.source(index).sketch, width, height, config.max_stamps)
        inked = stamps[:, 3] > 0
        corner = rng.uniform(0, 1, 2) * np.maximum(0, np.array([width, height]) - config.size)
        stamps[inked, :2] -= corner + np.minimum(0, np.array([width, height]) - config.size) / 2
        stamps[inked, 2] -= start
        low, high = config.widths_px
        if colored and rng.random() < 0.6:
            wide = np.exp(rng.uniform(np.log(low), np.log(high)))
            stamps[inked, 3] *= wide / max(2 * float(np.median(stamps[inked, 3])), 0.1)
            stamps[inked, 3] = np.clip(stamps[inked, 3], low / 2, high / 2)
        else:
            stamps[inked, 3] *= rng.uniform(0.8, 1.4)
        color = _color(rng) if colored else np.zeros(3)
        opacity = rng.uniform(0.25, 1.0) if colored and rng.random() < 0.5 else 1.0
        grain = rng.uniform(0.2, 1.0) if colored and rng.random() < 0.4 else 0.0
        if not shown:
            stamps[:, 3] = 0.0
        return stamps, np.array([*color, opacity, grain, start], np.float32)


def _color(rng: np.random.Generator) -> np.ndarray:
    """RGB; half of them pure, since an even mix of random channels is mostly grey."""
    if rng.random() < 0.5:
        return rng.uniform(0, 0.9, 3)
    saturation, value = rng.uniform(0.7, 1.0), rng.uniform(0.45, 1.0)
    return np.array(colorsys.hsv_to_rgb(rng.random(), saturation, value))


def layered_clip(
    stamps_BKP4: Tensor, pens_BK6: Tensor, size: int, num_frames: int, random: StepRandom
) -> Tensor:
    """Clips (B, T, 3, H, W) in [-1, 1] of layers of penned ink on white paper."""
    batch, layers = stamps_BKP4.shape[:2]
    paper = torch.ones(batch, num_frames, 3, size, size, device=stamps_BKP4.device)
    index = torch.arange(num_frames, device=paper.device).view(1, -1, 1, 1)
    for k in range(layers):
        coverage, inked = _maps(stamps_BKP4[:, k], size)
        grain = pens_BK6[:, k, 4].view(-1, 1, 1)
        noise = random.uniform(batch, size, size)
        coarse = F.interpolate(
            random.uniform(batch, 1, size // 4, size // 4), size=(size, size), mode="bilinear"
        )[:, 0]
        texture = 1 - grain * (0.5 * noise + coarse - 0.35).clamp(0, 1)
        alpha = (coverage * texture * pens_BK6[:, k, 3].view(-1, 1, 1))[:, None]
        shown = (alpha * (inked[:, None] <= index))[:, :, None]
        color = pens_BK6[:, k, :3].view(batch, 1, 3, 1, 1)
        paper = paper + shown * (color - paper)
    return 2 * paper - 1


def _maps(stamps_BP4: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Ink maps of thin and wide lines; wide stamps are large, so every fourth is enough."""
    wide = stamps_BP4[..., 3].amax(1) > NARROW_REACH - 0.5
    coverage = torch.zeros(len(stamps_BP4), size, size, device=stamps_BP4.device)
    inked = torch.full_like(coverage, NEVER)
    for chosen, stamps, reach in (
        (~wide, stamps_BP4[~wide], NARROW_REACH),
        (wide, stamps_BP4[wide][:, ::4], WIDE_REACH),
    ):
        if len(stamps):
            coverage[chosen], inked[chosen] = ink_maps(stamps, size, size, reach=reach)
    return coverage, inked


class PocketVaeRecipe:
    """Reconstruction with a weight on ink and a small pull towards a normal posterior."""

    def __init__(self, config: PocketVaeConfig, vae: PocketVAE, device: torch.device) -> None:
        self.config, self.device = config, device
        self.module = VaeTraining(vae)
        self.optimizers = [
            torch.optim.AdamW(vae.parameters(), config.rate, betas=(0.9, 0.99), weight_decay=1e-3)
        ]

    def batches(self, first_step: int, rank: int, world: int) -> Iterator:
        """Stamps and pens of random layered sketches."""
        return endless_batches(
            PennedDataset(self.config),
            batch_size=self.config.batch_size,
            first_step=first_step,
            rank=rank,
            world=world,
            num_workers=self.config.num_workers,
        )

    def clips(self, batch: tuple, random: StepRandom) -> Tensor:
        """The batch rendered: (B, T, 3, H, W)."""
        stamps, pens = (x.to(self.device, non_blocking=True) for x in batch)
        return layered_clip(stamps, pens, self.config.size, self.config.num_frames, random)

    def loss(self, model: nn.Module, batch: tuple, random: StepRandom) -> dict[str, Tensor]:
        """Weighted L1 + L2, the pull, and the plain error for the log."""
        clip = self.clips(batch, random)
        noise = random.normal(*self._latent_shape(clip))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            mean, log_variance, drawn = model(clip, noise)
        mean, log_variance = mean.float(), log_variance.float()
        error = (drawn - clip).float()
        ink = (clip.amin(2) < 0.7).float()
        near = F.max_pool2d(ink, 3, 1, 1)[:, :, None]
        weight = 1 + self.config.ink_weight * near
        pull = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        hue_error = error - error.mean(2, keepdim=True)
        terms = (weight * error.abs()).mean() + (weight * error.square()).mean()
        terms = terms + self.config.chroma_weight * (weight * hue_error.abs()).mean()
        return {
            "loss": terms + self.config.kl_weight * pull,
            "squared_error": error.square().mean(),
            "ink_squared_error": (near * error.square()).sum() / (3 * near.sum()).clamp(min=1),
            "hue_error": (near * hue_error.abs()).sum() / (3 * near.sum()).clamp(min=1),
            "pull": pull,
        }

    @staticmethod
    def _latent_shape(clip_BTCHW: Tensor) -> tuple[int, ...]:
        batch, frames, _, height, width = clip_BTCHW.shape
        return (batch, (frames - 1) // 4 + 1, 16, height // 8, width // 8)


class VaeTraining(nn.Module):
    """Encode, sample, decode: the pass that training differentiates."""

    def __init__(self, vae: PocketVAE) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, clip_BTCHW: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mean, log variance (clamped) and the reconstruction (B, T, 3, H, W)."""
        mean, log_variance = self.vae.posterior(clip_BTCHW)
        log_variance = log_variance.clamp(-12, 8)
        latents = mean + noise * (0.5 * log_variance).exp()
        drawn, _ = self.vae.decode_raw(latents, None)
        return mean, log_variance, drawn[:, 3:]


@torch.no_grad()
def normalize(vae: PocketVAE, clips: list[Tensor]) -> None:
    """Sets the stored mean and deviation of the latents from sample clips (B, T, 3, H, W)."""
    means = torch.cat([vae.posterior(clip)[0].float() for clip in clips])
    vae.mean.copy_(means.mean((0, 1, 3, 4)))
    vae.deviation.copy_(means.std((0, 1, 3, 4)).clamp(min=0.05))


def psnr(squared_error: float) -> float:
    """Peak signal-to-noise ratio in dB of a mean squared error in [-1, 1] pixels."""
    return float(10 * np.log10(4 / max(squared_error, 1e-12)))
