"""Wan's VAE decoder with its 3-D convolutions folded into 2-D ones, frame after frame.

A causal 3 x 3 x 3 convolution is a 3 x 3 convolution over three frames side by side in the
channels, and GPUs run 2-D convolutions in channels-last layout far nearer their peak. Norm,
activation and the laying side by side are one compiled kernel on CUDA. The result equals diffsynth's
decoder but for rounding, and any number of latent frames may be decoded at a time.

Legend: T frames (they are the batch), C channels, H/W rows and columns, O output channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from diffsynth.models.wan_video_vae import (
    AttentionBlock,
    CausalConv3d,
    Resample,
    ResidualBlock,
    WanVideoVAE,
)
from torch import Tensor, nn

from videosketcher_app.models.compiling import compiled

History = list[Tensor | None]
REACH = 2  # frames of the past that a convolution sees
MANY_LATENTS = 4  # decoded at a time where memory is no question


class FoldedConv(nn.Module):
    """A causal convolution over three frames as a 2-D convolution over three times the channels."""

    def __init__(self, conv: Any) -> None:
        super().__init__()
        weight_O3CHW = conv.weight.detach().transpose(1, 2).flatten(1, 2)
        self.weight = nn.Parameter(
            weight_O3CHW.contiguous(memory_format=torch.channels_last), requires_grad=False
        )
        self.bias = nn.Parameter(conv.bias.detach().clone(), requires_grad=False)
        self.padding = (conv.weight.shape[-2] // 2, conv.weight.shape[-1] // 2)

    def forward(self, side_by_side: Tensor) -> Tensor:
        """(T, 3C, H, W) -> (T, O, H, W)."""
        return F.conv2d(side_by_side, self.weight, self.bias, padding=self.padding)


def fold(x_TCHW: Tensor, past_RCHW: Tensor) -> tuple[Tensor, Tensor]:
    """Every frame beside the two before it (T, 3C, H, W), and the past of the next call."""
    longer = torch.cat([past_RCHW, x_TCHW])
    frames = len(x_TCHW)
    side_by_side = torch.cat([longer[:frames], longer[1 : frames + 1], longer[2:]], dim=1)
    return side_by_side, longer[-REACH:].clone()  # a view would keep all of it


def activate_and_fold(
    x_TCHW: Tensor, gamma_C11: Tensor, past_RCHW: Tensor
) -> tuple[Tensor, Tensor]:
    """`fold` of the root mean square norm followed by SiLU."""
    wide = x_TCHW.float()
    length = wide.square().sum(dim=1, keepdim=True).sqrt().clamp_min(1e-12)
    normed = wide / length * x_TCHW.shape[1] ** 0.5 * gamma_C11.float()
    return fold(F.silu(normed).to(x_TCHW.dtype), past_RCHW)


class FoldedDecoder:
    """Decodes latents of Wan's VAE.

    Args:
        vae: of diffsynth; its own decoder is left as it is.
        latents_at_a_time: more are faster, one takes the least memory.
        compiles: None compiles on CUDA.
    """

    def __init__(
        self,
        vae: WanVideoVAE,
        *,
        latents_at_a_time: int = MANY_LATENTS,
        compiles: bool | None = None,
    ) -> None:
        self._vae, self._at_a_time = vae, latents_at_a_time
        decoder = vae.model.decoder
        is_cuda = decoder.conv1.weight.device.type == "cuda"
        self._compiles = is_cuda if compiles is None else compiles
        plain = activate_and_fold
        self._activate = compiled(plain, dynamic=True) if self._compiles else plain
        folding: list[Any] = [m for m in decoder.modules() if _looks_back(m)]
        self._folded = {conv: FoldedConv(conv) for conv in folding}
        self._number = {conv: number for number, conv in enumerate(folding)}

    @torch.inference_mode()
    def decode(self, latents_1CFhw: Tensor) -> Tensor:
        """Frames (1, 3, T, H, W) in [-1, 1] of one clip's latents, in their dtype."""
        return torch.cat(list(self.stream(latents_1CFhw)), dim=2)

    @torch.inference_mode()
    def stream(self, latents_1CFhw: Tensor) -> Iterator[Tensor]:
        """The same, some latent frames at a time; the first frame of a clip comes alone."""
        yield from self._pieces(latents_1CFhw, self._no_past())

    @torch.inference_mode()
    def decode_stream(self, latents_1CFhw: Tensor, past: History | None) -> tuple[Tensor, History]:
        """Decodes the next latent frames of a clip: the first gives one frame, others four.

        Args:
            past: what the call before returned, which stays as it is; None starts a clip.
        """
        past = self._no_past() if past is None else list(past)
        return torch.cat(list(self._pieces(latents_1CFhw, past)), dim=2), past

    def _no_past(self) -> History:
        return [None] * len(self._number)

    def _pieces(self, latents_1CFhw: Tensor, past: History) -> Iterator[Tensor]:
        """Frames of some latent frames at a time; `past` is brought up to date."""
        assert len(latents_1CFhw) == 1, "one clip at a time"
        x_FCHW = self._unscaled(latents_1CFhw)[0].transpose(0, 1)
        x_FCHW = x_FCHW.contiguous(memory_format=torch.channels_last)
        alone = 1 if past[0] is None else self._at_a_time
        cuts = range(alone, len(x_FCHW), self._at_a_time)
        for piece in torch.tensor_split(x_FCHW, list(cuts)):
            with torch.backends.cudnn.flags(enabled=True, benchmark=True):
                frames_TCHW = self._decode(piece, past, is_first=past[0] is None)
            yield frames_TCHW.transpose(0, 1)[None].clamp(-1, 1)

    def _unscaled(self, latents_1CFhw: Tensor) -> Tensor:
        mean, inverse = (s.to(latents_1CFhw).view(1, -1, 1, 1, 1) for s in self._vae.scale)
        return self._vae.model.conv2(latents_1CFhw / inverse + mean)

    def _decode(self, x_TCHW: Tensor, past: History, *, is_first: bool) -> Tensor:
        decoder = self._vae.model.decoder
        side_by_side, now = fold(x_TCHW, self._past(decoder.conv1, past, x_TCHW))
        self._keep(decoder.conv1, past, now)
        x_TCHW = self._folded[decoder.conv1](side_by_side)
        for layer in (*decoder.middle, *decoder.upsamples):
            if isinstance(layer, ResidualBlock):
                x_TCHW = self._residual(layer, x_TCHW, past)
            elif isinstance(layer, Resample):
                x_TCHW = self._upsampled(layer, x_TCHW, past, is_first=is_first)
            else:
                assert isinstance(layer, AttentionBlock), type(layer)
                x_TCHW = _attended(layer, x_TCHW)
        norm, _, conv = (*decoder.head,)
        return self._convolved(norm, conv, x_TCHW, past)

    def _residual(self, block: Any, x_TCHW: Tensor, past: History) -> Tensor:
        norm1, _, conv1, norm2, _, _, conv2 = block.residual
        shortcut = x_TCHW
        if isinstance(block.shortcut, CausalConv3d):
            shortcut = F.conv2d(x_TCHW, block.shortcut.weight[:, :, 0], block.shortcut.bias)
        x_TCHW = self._convolved(norm1, conv1, x_TCHW, past)
        return self._convolved(norm2, conv2, x_TCHW, past) + shortcut

    def _convolved(self, norm: Any, conv: Any, x_TCHW: Tensor, past: History) -> Tensor:
        before = self._past(conv, past, x_TCHW)
        if self._compiles:  # one kernel for every number of channels, none for every size
            for tensor in (x_TCHW, before):
                torch._dynamo.mark_static(tensor, 1)
        side_by_side, now = self._activate(x_TCHW, norm.gamma[..., 0], before)
        self._keep(conv, past, now)
        return self._folded[conv](side_by_side)

    def _upsampled(self, layer: Any, x_TCHW: Tensor, past: History, *, is_first: bool) -> Tensor:
        """Twice the rows and columns, and after a clip's first latent frame twice the frames."""
        if layer.mode == "upsample3d" and not is_first:
            side_by_side, now = fold(x_TCHW, self._past(layer.time_conv, past, x_TCHW))
            self._keep(layer.time_conv, past, now)
            doubled = self._folded[layer.time_conv](side_by_side)
            x_TCHW = doubled.unflatten(1, (2, -1)).flatten(0, 1)
        wide = F.interpolate(x_TCHW, scale_factor=2.0, mode="nearest-exact")
        return layer.resample[1](wide.contiguous(memory_format=torch.channels_last))

    def _past(self, conv: CausalConv3d, past: History, like_TCHW: Tensor) -> Tensor:
        kept = past[self._number[conv]]
        return like_TCHW.new_zeros(REACH, *like_TCHW.shape[1:]) if kept is None else kept

    def _keep(self, conv: CausalConv3d, past: History, now_RCHW: Tensor) -> None:
        past[self._number[conv]] = now_RCHW


def _looks_back(module: nn.Module) -> bool:
    return isinstance(module, CausalConv3d) and module.weight.shape[2] == REACH + 1


def _attended(block: AttentionBlock, x_TCHW: Tensor) -> Tensor:
    """The block's attention within every frame."""
    out = block(x_TCHW.transpose(0, 1)[None])[0].transpose(0, 1)
    return out.contiguous(memory_format=torch.channels_last)
