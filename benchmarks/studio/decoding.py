"""Row `vae`: Wan's decoder in channels-last layout against diffsynth's own."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from benchmarks.lines import Lines
from benchmarks.studio.shapes import W480, Setting, vae
from benchmarks.studio.timing import against, forget_peaks, peaks, told
from videosketcher_app.models.wan.channels_last_decoder import ChannelsLastDecoder

WANTED, WANTED_PSNR_DB = 0.55, 45.0


def vae_decode(setting: Setting, lines: Lines) -> None:
    """81 frames at 832x480, for several numbers of latent frames at a time."""
    made, size = vae(setting), setting.size(W480)
    random = torch.Generator("cpu").manual_seed(3)
    latents = torch.randn(1, 16, *size.clip, generator=random).to(setting.device, setting.dtype)

    @torch.inference_mode()
    def reference() -> Tensor:
        return made.decode(latents, device=setting.device, tiled=False)

    for at_a_time in (4,) if setting.is_tiny else (4, 1, 8):
        decoder = ChannelsLastDecoder(made, latents_at_a_time=at_a_time)
        forget_peaks(setting)
        decoder.decode(latents)
        ours = peaks(setting)
        found = against(reference, lambda one=decoder: one.decode(latents), setting)
        psnr = psnr_db(reference(), decoder.decode(latents))
        figures = told(found) | {"valid": found.valid and psnr >= WANTED_PSNR_DB}
        lines.write(
            "vae decode",
            wanted=WANTED,
            latents_at_a_time=at_a_time,
            psnr_db=round(psnr, 2),
            wanted_psnr_db=WANTED_PSNR_DB,
            frames=size.num_frames,
            memory=ours,
            **figures,
        )


def psnr_db(reference: Tensor, candidate: Tensor) -> float:
    """Peak signal to noise over a clip, the peak being the reference's own span."""
    a, b = reference.float(), candidate.float()
    error = float((a - b).square().mean())
    span = float(a.max() - a.min())
    return float("inf") if error == 0 else 10 * float(np.log10(span**2 / error))
