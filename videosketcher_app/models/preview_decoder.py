"""A tiny decoder for Wan 2.1, for previews and quick modes: a twenty-fifth of the VAE's work.

The layout is that of the published TAEHV weights for Wan 2.1 (facts: performance 2.6): 2-D
convolutions, frames as the batch, and nine blocks that see a frame beside the one before it. Two of
three stages double the frames, so each latent frame becomes four; the first three of a clip have no
past and are dropped.

Legend: B clips, F latent frames, T frames, N = B * T, C channels, h/w latent cells, H/W pixels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videosketcher_app.core.geometry import frames_of
from videosketcher_app.models.vae import StreamState

WIDTHS = (256, 128, 64, 64)
GROWTH = (1, 2, 2)  # of the frames, by stage
LATENT_CHANNELS = 16
BLOCKS_PER_STAGE = 3


class Squash(nn.Module):
    """Keeps far-off latents within what the decoder was trained on."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> same shape, within -3 to 3."""
        return 3 * torch.tanh(x / 3)


class MemoryBlock(nn.Module):
    """A residual block over a frame and the one before it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            _conv(2 * width, width), nn.ReLU(), _conv(width, width), nn.ReLU(), _conv(width, width)
        )

    def forward(self, x_NCHW: Tensor, last_B1CHW: Tensor | None, num_clips: int) -> Tensor:
        """Frames of several clips, one clip after another -> same shape.

        Args:
            last_B1CHW: the frame before them, of each clip; None at the beginning.
        """
        x_BTCHW = x_NCHW.unflatten(0, (num_clips, -1))
        if last_B1CHW is None:
            last_B1CHW = torch.zeros_like(x_BTCHW[:, :1])
        before = torch.cat([last_B1CHW, x_BTCHW[:, :-1]], dim=1).flatten(0, 1)
        return F.relu(self.conv(torch.cat([x_NCHW, before], dim=1)) + x_NCHW)


class Grow(nn.Module):
    """Every frame becomes `growth` frames."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.growth = growth
        self.conv = nn.Conv2d(width, growth * width, 1, bias=False)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) -> (growth * N, C, H, W)."""
        return self.conv(x_NCHW).unflatten(1, (self.growth, -1)).flatten(0, 1)


class PreviewDecoder(nn.Module):
    """Normalized latents of Wan 2.1 -> frames; names of its weights are the published file's."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [Squash(), _conv(LATENT_CHANNELS, WIDTHS[0]), nn.ReLU()]
        for width, after, growth in zip(WIDTHS, WIDTHS[1:], GROWTH, strict=False):
            layers += [MemoryBlock(width) for _ in range(BLOCKS_PER_STAGE)]
            layers += [nn.Upsample(scale_factor=2), Grow(width, growth)]
            layers.append(nn.Conv2d(width, after, 3, padding=1, bias=False))
        self.decoder = nn.Sequential(*layers, nn.ReLU(), _conv(WIDTHS[-1], 3))

    def forward(self, latents_BCFhw: Tensor) -> Tensor:
        """(B, 16, F, h, w) -> (B, 3, T, 8h, 8w) in [-1, 1], float32; T is 4F - 3."""
        return self.decode_stream(latents_BCFhw, None)[0]

    @torch.no_grad()
    def decode_stream(
        self, latents_BCFhw: Tensor, state: StreamState | None
    ) -> tuple[Tensor, StreamState]:
        """Decodes the next latent frames of clips; piece by piece it is what `forward` gives.

        Args:
            state: what the call before returned, which stays as it is; None starts a clip.

        Returns:
            frames as `forward`'s, four a latent frame but for the first of a clip, and the state
            for the next call: the last frame that every block has seen.
        """
        num_clips, _, latent_frames = latents_BCFhw.shape[:3]
        weight = next(self.parameters())
        x_NCHW = latents_BCFhw.transpose(1, 2).flatten(0, 1).to(weight.device, weight.dtype)
        after: StreamState = []
        for layer in self.decoder:
            if isinstance(layer, MemoryBlock):
                last = None if state is None else state[len(after)]
                after.append(x_NCHW.unflatten(0, (num_clips, -1))[:, -1:].clone())
                x_NCHW = layer(x_NCHW, last, num_clips)
            else:
                x_NCHW = layer(x_NCHW)
        clip_BCTHW = x_NCHW.unflatten(0, (num_clips, -1)).transpose(1, 2)
        if state is None:
            clip_BCTHW = clip_BCTHW[:, :, -frames_of(latent_frames) :]
        return clip_BCTHW.float().clamp(0, 1) * 2 - 1, after


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)
