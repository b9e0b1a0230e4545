"""Pocket's causal video VAE: 8 x 8 x 4 compression, 16 channels, decodes as a stream.

The 4 frames of a latent frame are folded into channels, so every convolution is two-dimensional
and cheap on a CPU; causality in time comes from memory blocks, which also see the features of the
latent frame before. The first frame fills its own latent frame (Wan's convention, T = 4k + 1).

Hue has a path of its own: brightness carries nearly all of a line drawing's error, and a latent
that says nothing of hue with a decoder that asks for none is a saddle which training hardly leaves
(measured: one axis of hue after 6,800 steps). The path starts with a signal and costs nothing.

Legend: B batch, T frames, F latent frames, C channels, H/W pixels, h/w latent cells.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FOLD = 4  # frames folded into one latent frame
CELL = 8  # pixels along a side of a latent cell
HUE_GAIN = 3.0  # how loudly hue is written into the latents at the start
HUE_TRUST = 0.3  # how much of it the decoder believes at the start
FAINTEST_INK = 0.02  # mean darkness below which a cell has hardly any hue

StreamState = list[Tensor | None]


@dataclass(frozen=True, kw_only=True)
class VaeConfig:
    """Widths of the VAE; the defaults are Pocket's."""

    latent_channels: int = 16
    encoder_widths: tuple[int, int] = (64, 112)
    decoder_widths: tuple[int, int, int] = (128, 80, 48)
    encoder_memory: int = 2
    decoder_memory: int = 3


class ResidualBlock(nn.Module):
    """Two convolutions around a skip connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, h, w) -> same shape."""
        return F.silu(x + self.second(F.silu(self.first(x))))


class MemoryBlock(nn.Module):
    """A residual block that also sees the features of the latent frame before."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(2 * width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor, frames: int, before: Tensor | None) -> tuple[Tensor, Tensor]:
        """(B*F, width, h, w) -> same shape, and the features to remember (B, 1, width, h, w)."""
        clip = x.unflatten(0, (-1, frames))
        first = torch.zeros_like(clip[:, :1]) if before is None else before
        past = torch.cat([first, clip[:, :-1]], dim=1).flatten(0, 1)
        mixed = self.second(F.silu(self.first(torch.cat([x, past], dim=1))))
        return F.silu(x + mixed), clip[:, -1:]


class HuePath(nn.Module):
    """The mean hue of each latent cell's ink, added to the latents and read back from them."""

    def __init__(self, latent_channels: int) -> None:
        super().__init__()
        self.write = nn.Conv2d(3, 2 * latent_channels, 1)
        self.read = nn.Conv2d(latent_channels, 3, 3, padding=1)
        generator = torch.Generator().manual_seed(0)
        axes = torch.linalg.qr(torch.randn(latent_channels, 3, generator=generator))[0]
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.zero_()
            self.write.weight[:latent_channels, :, 0, 0] = HUE_GAIN * axes
            self.read.weight[:, :, 1, 1] = HUE_TRUST / HUE_GAIN * axes.T

    def encode(self, folded_NCHW: Tensor) -> Tensor:
        """What hue adds to mean and log variance (N, 2 latents, h, w) of folded frames in [-1, 1]."""
        rgb = folded_NCHW.float().unflatten(1, (FOLD, 3))
        brightness = rgb.mean(2, keepdim=True)
        darkness = F.avg_pool2d((1 - brightness).mean(1), CELL)
        hue = F.avg_pool2d((rgb - brightness).mean(1), CELL)
        return self.write((hue / (darkness + FAINTEST_INK)).to(self.write.weight.dtype))

    def decode(self, latents_NChw: Tensor, frames_NTCHW: Tensor) -> Tensor:
        """The frames, their ink tinted; blank paper takes no hue."""
        hue = self.read(latents_NChw)
        hue = hue - hue.mean(1, keepdim=True)
        hue = F.interpolate(hue, scale_factor=float(CELL), mode="bilinear")
        darkness = (1 - frames_NTCHW.mean(2, keepdim=True)).clamp(0, 2)
        return frames_NTCHW + darkness * hue[:, None]


class PocketVAE(nn.Module):
    """Encoder and decoder; latents are normalised by the stored mean and deviation."""

    def __init__(self, config: VaeConfig | None = None) -> None:
        super().__init__()
        self.config = config or VaeConfig()
        c = self.config
        e0, e1 = c.encoder_widths
        d0, d1, d2 = c.decoder_widths
        self.encoder_in = nn.Conv2d(16 * FOLD * 3, e0, 3, padding=1)
        self.encoder_residual = ResidualBlock(e0)
        self.encoder_down = nn.Conv2d(e0, e1, 4, 2, 1)
        self.encoder_memory = nn.ModuleList(MemoryBlock(e1) for _ in range(c.encoder_memory))
        self.encoder_out = nn.Conv2d(e1, 2 * c.latent_channels, 3, padding=1)
        self.decoder_in = nn.Conv2d(c.latent_channels, d0, 3, padding=1)
        self.decoder_memory = nn.ModuleList(MemoryBlock(d0) for _ in range(c.decoder_memory))
        self.decoder_up1 = nn.Conv2d(d0, 4 * d1, 1)
        self.decoder_memory1 = MemoryBlock(d1)
        self.decoder_residual1 = ResidualBlock(d1)
        self.decoder_up2 = nn.Conv2d(d1, 4 * d2, 1)
        self.decoder_residual2 = nn.ModuleList(ResidualBlock(d2) for _ in range(2))
        self.decoder_out = nn.Conv2d(d2, 4 * FOLD * 3, 3, padding=1)
        self.hue = HuePath(c.latent_channels)
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.zeros(c.latent_channels))
        self.register_buffer("deviation", torch.ones(c.latent_channels))

    def config_dict(self) -> dict:
        """The configuration as plain values."""
        return asdict(self.config)

    def posterior(self, frames_BTCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance (B, F, C, h, w) of the latents of clips in [-1, 1], T = 4k + 1."""
        lead = frames_BTCHW[:, :1].expand(-1, FOLD - 1, -1, -1, -1)
        clip = torch.cat([lead, frames_BTCHW], dim=1)
        latent_frames = clip.shape[1] // FOLD
        folded = clip.reshape(-1, FOLD * clip.shape[2], *clip.shape[3:])
        x = self.encoder_in(F.pixel_unshuffle(folded, 4))
        return self._posterior(x, self.hue.encode(folded), latent_frames)

    def posterior_grey(self, frames_BTHW: Tensor) -> tuple[Tensor, Tensor]:
        """`posterior` of clips without color, at a third of the work: the fast twin for training."""
        clip = torch.cat([frames_BTHW[:, :1].expand(-1, FOLD - 1, -1, -1), frames_BTHW], dim=1)
        latent_frames = clip.shape[1] // FOLD
        folded = clip.reshape(-1, FOLD, *clip.shape[2:])
        weight = self.encoder_in.weight.unflatten(1, (FOLD, 3, 16)).sum(2).flatten(1, 2)
        x = F.conv2d(F.pixel_unshuffle(folded, 4), weight, self.encoder_in.bias, padding=1)
        assert self.hue.write.bias is not None
        return self._posterior(x, self.hue.write.bias.view(1, -1, 1, 1), latent_frames)

    def _posterior(self, x: Tensor, hue: Tensor, latent_frames: int) -> tuple[Tensor, Tensor]:
        return self._posterior_stream(x, hue, latent_frames, None)[:2]

    def _posterior_stream(
        self, x: Tensor, hue: Tensor, latent_frames: int, state: StreamState | None
    ) -> tuple[Tensor, Tensor, StreamState]:
        before = iter(state or [None] * len(self.encoder_memory))
        after: StreamState = []
        x = F.silu(self.encoder_down(self.encoder_residual(F.silu(x))))
        for block in self.encoder_memory:
            x, memory = block(x, latent_frames, next(before))
            after.append(memory)
        x = self.encoder_out(x) + hue
        mean, log_variance = x.unflatten(0, (-1, latent_frames)).chunk(2, dim=2)
        return mean, log_variance, after

    def encode(self, frames_BCTHW: Tensor) -> Tensor:
        """Normalised latents (B, C, F, h, w) of clips (B, 3, T, H, W) in [-1, 1]."""
        return self._normalized(self.posterior(frames_BCTHW.transpose(1, 2))[0])

    def encode_stream(
        self, frames_BCTHW: Tensor, state: StreamState | None
    ) -> tuple[Tensor, StreamState]:
        """Encodes the next frames of a clip; chunked equals whole.

        Args:
            frames_BCTHW: in [-1, 1]; 4k + 1 frames to start a clip, then 4k.
            state: what the call before returned; None starts a clip.

        Returns:
            normalised latents (B, C, F, h, w), and the state for the next call.
        """
        clip = frames_BCTHW.transpose(1, 2)
        if state is None:
            clip = torch.cat([clip[:, :1].expand(-1, FOLD - 1, -1, -1, -1), clip], dim=1)
        latent_frames, rest = divmod(clip.shape[1], FOLD)
        assert rest == 0, f"{frames_BCTHW.shape[2]} frames do not end with a latent frame"
        folded = clip.reshape(-1, FOLD * clip.shape[2], *clip.shape[3:])
        x = self.encoder_in(F.pixel_unshuffle(folded, 4))
        mean, _, after = self._posterior_stream(x, self.hue.encode(folded), latent_frames, state)
        return self._normalized(mean), after

    def encode_grey(self, frames_BTHW: Tensor) -> Tensor:
        """Normalised latents (B, C, F, h, w) of clips (B, T, H, W) in [-1, 1] without color."""
        return self._normalized(self.posterior_grey(frames_BTHW)[0])

    def _normalized(self, mean_BFChw: Tensor) -> Tensor:
        shape = (1, -1, 1, 1, 1)
        return (mean_BFChw.transpose(1, 2) - self.mean.view(shape)) / self.deviation.view(shape)

    def decode(self, latents_BCFhw: Tensor) -> Tensor:
        """Clips (B, 3, T, H, W) in [-1, 1] of normalised latents."""
        return self.decode_stream(latents_BCFhw, None)[0]

    def decode_stream(
        self, latents_BCFhw: Tensor, state: StreamState | None
    ) -> tuple[Tensor, StreamState]:
        """Decodes the next latent frames of a clip; chunked equals whole.

        Args:
            state: what the call before returned; None starts a clip.

        Returns:
            frames (B, 3, T, H, W) in [-1, 1], where the first latent frame of a clip gives one
            frame and every other four, and the state for the next call.
        """
        shape = (1, -1, 1, 1, 1)
        z = latents_BCFhw * self.deviation.view(shape) + self.mean.view(shape)
        frames, after = self.decode_raw(z.transpose(1, 2), state)
        if state is None:
            frames = frames[:, FOLD - 1 :]
        return frames.transpose(1, 2).clamp(-1, 1), after

    def decode_raw(
        self, latents_BFChw: Tensor, state: StreamState | None
    ) -> tuple[Tensor, StreamState]:
        """Frames (B, 4F, 3, H, W) of unnormalised latents, not clamped, and the state."""
        before = iter(state or [None] * (len(self.decoder_memory) + 1))
        after: StreamState = []
        count = latents_BFChw.shape[1]
        cells = latents_BFChw.flatten(0, 1)
        x = F.silu(self.decoder_in(cells))
        for block in self.decoder_memory:
            x, memory = block(x, count, next(before))
            after.append(memory)
        x = F.pixel_shuffle(self.decoder_up1(x), 2)
        x, memory = self.decoder_memory1(x, count, next(before))
        after.append(memory)
        x = F.pixel_shuffle(self.decoder_up2(self.decoder_residual1(x)), 2)
        for block in self.decoder_residual2:
            x = block(x)
        frames = F.pixel_shuffle(self.decoder_out(x), 2).unflatten(1, (FOLD, 3))
        frames = self.hue.decode(cells, frames)
        return frames.reshape(-1, count * FOLD, *frames.shape[2:]), after
