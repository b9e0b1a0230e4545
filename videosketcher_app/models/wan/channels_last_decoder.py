"""Wan's VAE decoder with frames whose channels lie last in memory, from the first layer to the last.

Why channels last: a GPU convolves fastest in that layout, and a norm along the channels then reads
neighbours. Frames are contiguous tensors (T, H, W, C), which 2-D and 3-D convolutions take through a
view; only the two frames that a causal convolution remembers are ever copied.
Why the bias apart: added by itself it would be one more pass over the memory, so convolutions within a
residual block leave it to the norm or the sum that follows. On CUDA each of these is one kernel,
compiled once for a number of channels, not for every canvas.
The result equals diffsynth's decoder but for rounding, and any number of latent frames may be decoded
at a time.

Legend: T frames, H/W rows and columns, C channels, D channels of two frames side by side,
t frames side by side, R frames of the past, N = T H W places, M = R H W places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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

from videosketcher_app.models.compiling import can_compile, compiled

History = list[Tensor | None]
REACH = 2  # frames of the past that a convolution sees
MANY_LATENTS = 4  # decoded at a time where memory is no question


def activated(x_NC: Tensor, bias_C: Tensor | None, gamma_C: Tensor, past_MC: Tensor) -> Tensor:
    """The past and then SiLU of the root mean square norm of x + bias (M + N, C)."""
    x_NC = x_NC if bias_C is None else x_NC + bias_C
    wide = x_NC.float()
    length = wide.square().sum(dim=1, keepdim=True).sqrt().clamp_min(1e-12)
    normed = wide / length * x_NC.shape[1] ** 0.5 * gamma_C.float()
    return torch.cat([past_MC, F.silu(normed).to(x_NC.dtype)])


def added(y_NC: Tensor, bias_C: Tensor, shortcut_NC: Tensor) -> Tensor:
    """The end of a residual block (N, C)."""
    return y_NC + bias_C + shortcut_NC


def enlarged(x_THWC: Tensor) -> Tensor:
    """Every place four times (T, 2H, 2W, C)."""
    return _fourfold(x_THWC[:, None])


def parted_and_enlarged(x_THWD: Tensor) -> Tensor:
    """The same of the frames that lie side by side in the channels (2T, 2H, 2W, D / 2)."""
    return _fourfold(x_THWD.unflatten(3, (2, -1)).permute(0, 3, 1, 2, 4))


def _fourfold(x_TtHWC: Tensor) -> Tensor:
    """All frames in order, every place four times (T t, 2H, 2W, C), by one copy."""
    frames, parts, rows, columns, channels = x_TtHWC.shape
    wide = x_TtHWC[:, :, :, None, :, None].expand(-1, -1, -1, 2, -1, 2, -1)
    return wide.reshape(frames * parts, 2 * rows, 2 * columns, channels)


class Convolution:
    """A convolution of the VAE: causal over frames, or within each of them.

    Attributes:
        bias_C: of what comes out; a plain call leaves it to the caller.
    """

    def __init__(self, conv: Any) -> None:
        self.bias_C: Tensor = conv.bias.detach()
        self._is_causal = isinstance(conv, CausalConv3d)
        layout = torch.channels_last_3d if self._is_causal else torch.channels_last
        self._weight = conv.weight.detach().contiguous(memory_format=layout)
        rows, columns = conv.weight.shape[-2:]
        self._padding = (rows // 2, columns // 2)

    def __call__(self, x_THWC: Tensor, *, bias_C: Tensor | None = None) -> Tensor:
        """Frames, with a bias if one is given; a causal one takes REACH more than it gives."""
        if self._is_causal:
            view = x_THWC[None].permute(0, 4, 1, 2, 3)
            y = F.conv3d(view, self._weight, bias_C, padding=(0, *self._padding))
            return y.permute(0, 2, 3, 4, 1)[0].contiguous()
        view = x_THWC.permute(0, 3, 1, 2)
        y = F.conv2d(view, self._weight, bias_C, padding=self._padding)
        return y.permute(0, 2, 3, 1).contiguous()

    def biased(self, x_THWC: Tensor) -> Tensor:
        """With its bias, where nothing follows that would add it on the way."""
        return self(x_THWC, bias_C=self.bias_C)


class ChannelsLastDecoder:
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
        self._compiles = is_cuda and can_compile("cuda") if compiles is None else compiles
        modules: list[Any] = list(decoder.modules())
        causal = [m for m in modules if _looks_back(m)]
        within = [m.get_submodule("resample.1") for m in modules if isinstance(m, Resample)]
        self._conv = {conv: Convolution(conv) for conv in (*causal, *within)}
        self._number = {conv: number for number, conv in enumerate(causal)}

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
        x_FHWC = self._unscaled(latents_1CFhw)[0].permute(1, 2, 3, 0).contiguous()
        alone = 1 if past[0] is None else self._at_a_time
        cuts = range(alone, len(x_FHWC), self._at_a_time)
        for piece in torch.tensor_split(x_FHWC, list(cuts)):
            with torch.backends.cudnn.flags(enabled=True, benchmark=True):
                frames_THWC = self._decode(piece, past, is_first=past[0] is None)
            yield frames_THWC.permute(3, 0, 1, 2)[None].clamp(-1, 1)

    def _unscaled(self, latents_1CFhw: Tensor) -> Tensor:
        mean, inverse = (s.to(latents_1CFhw).view(1, -1, 1, 1, 1) for s in self._vae.scale)
        return self._vae.model.conv2(latents_1CFhw / inverse + mean)

    def _decode(self, x_THWC: Tensor, past: History, *, is_first: bool) -> Tensor:
        decoder = self._vae.model.decoder
        x_THWC = self._conv[decoder.conv1].biased(self._after_past(decoder.conv1, x_THWC, past))
        for layer in (*decoder.middle, *decoder.upsamples):
            if isinstance(layer, ResidualBlock):
                x_THWC = self._residual(layer, x_THWC, past)
            elif isinstance(layer, Resample):
                x_THWC = self._upsampled(layer, x_THWC, past, is_first=is_first)
            else:
                assert isinstance(layer, AttentionBlock), type(layer)
                x_THWC = _attended(layer, x_THWC)
        norm, _, conv = (*decoder.head,)
        return self._conv[conv].biased(self._activated(norm, conv, x_THWC, None, past))

    def _residual(self, block: Any, x_THWC: Tensor, past: History) -> Tensor:
        norm1, _, conv1, norm2, _, _, conv2 = block.residual
        first, second = self._conv[conv1], self._conv[conv2]
        longer = self._activated(norm1, conv1, x_THWC, None, past)
        if isinstance(block.shortcut, CausalConv3d):
            x_THWC = F.linear(x_THWC, block.shortcut.weight.flatten(1), block.shortcut.bias)
        y_THWC = first(longer)
        del longer  # here and below: before the next of its size
        longer = self._activated(norm2, conv2, y_THWC, first.bias_C, past)
        del y_THWC
        y_THWC = second(longer)
        del longer
        sum_NC = self._run(added, y_THWC.flatten(0, 2), second.bias_C, x_THWC.flatten(0, 2))
        return sum_NC.view(y_THWC.shape)

    def _upsampled(self, layer: Any, x_THWC: Tensor, past: History, *, is_first: bool) -> Tensor:
        """Twice the rows and columns, and after a clip's first latent frame twice the frames."""
        if layer.mode == "upsample3d" and not is_first:
            longer = self._after_past(layer.time_conv, x_THWC, past)
            doubled_THWD = self._conv[layer.time_conv].biased(longer)
            large = self._run(parted_and_enlarged, doubled_THWD)
        else:
            large = self._run(enlarged, x_THWC)
        return self._conv[layer.resample[1]].biased(large)

    def _activated(
        self, norm: Any, conv: Any, x_THWC: Tensor, bias_C: Tensor | None, past: History
    ) -> Tensor:
        """See `activated` (R + T, H, W, C); what the next frames need of it is kept."""
        before = self._past(conv, x_THWC, past).flatten(0, 2)
        rows = self._run(activated, x_THWC.flatten(0, 2), bias_C, norm.gamma.flatten(), before)
        return self._keep(conv, rows.view(-1, *x_THWC.shape[1:]), past)

    def _after_past(self, conv: Any, x_THWC: Tensor, past: History) -> Tensor:
        return self._keep(conv, torch.cat([self._past(conv, x_THWC, past), x_THWC]), past)

    def _past(self, conv: Any, like_THWC: Tensor, past: History) -> Tensor:
        kept = past[self._number[conv]]
        return like_THWC.new_zeros(REACH, *like_THWC.shape[1:]) if kept is None else kept

    def _keep(self, conv: Any, longer_THWC: Tensor, past: History) -> Tensor:
        past[self._number[conv]] = longer_THWC[-REACH:].clone()  # a view would keep all of it
        return longer_THWC

    def _run(self, function: Callable[..., Tensor], *given: Tensor | None) -> Tensor:
        """A function of tensors whose channels lie last, compiled where this decoder compiles."""
        if not self._compiles:
            return function(*given)
        for tensor in given:  # one kernel for every number of channels, none for every size
            if tensor is not None:
                torch._dynamo.mark_static(tensor, tensor.ndim - 1)
        return compiled(function, dynamic=True, fullgraph=True)(*given)


def _looks_back(module: nn.Module) -> bool:
    return isinstance(module, CausalConv3d) and module.weight.shape[2] == REACH + 1


def _attended(block: AttentionBlock, x_THWC: Tensor) -> Tensor:
    """The block's attention within every frame."""
    out = block(x_THWC[None].permute(0, 4, 1, 2, 3))
    return out[0].permute(1, 2, 3, 0).contiguous()
