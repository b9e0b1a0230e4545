"""A causal Wan model whole: the transformer that draws block by block, with text encoder and VAE.

Published ones (VideoSketcher AR, CausVid, Self-Forcing) and what `train causal`, `ode` and `dmd`
leave. Rollouts and co-drawing use it as they use Pocket.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from videosketcher_app.models.causal_wan import CausalParts, CausalWan, table_sigma
from videosketcher_app.models.fp8 import has_8_bit_product, small_bytes, twin_in_8_bits
from videosketcher_app.models.pocket import ModelDefaults
from videosketcher_app.models.preview_decoder import PreviewDecoder
from videosketcher_app.models.wan.forward import block_forward
from videosketcher_app.models.wan.row_block import row_block
from videosketcher_app.models.wan.streamed_vae import QuicklyDecodedVae, StreamedWanVae
from videosketcher_app.models.wan.text_to_video import WanTextModel

CAUSAL_DEFAULTS = ModelDefaults(
    num_inference_steps=3, cfg_scale=1.0, width=832, height=480, fps=15, multiple_px=16
)


SELF_FORCING = "self-forcing"  # as the catalogue calls who trained it
_SELF_FORCING_SHIFT = 5.0
_SELF_FORCING_STEPS = (1000.0, 937.5, 2500 / 3, 625.0)  # 1000, 750, 500 and 250 with that shift


@dataclass(kw_only=True)
class WanCausalModel(WanTextModel):
    """A Wan pipeline whose transformer was trained to draw block by block.

    Attributes:
        causal_timesteps: that it was trained on; empty for those of CausVid and VideoSketcher.
        sigma_of: timestep -> noise level.
    """

    defaults: ModelDefaults = CAUSAL_DEFAULTS
    causal_timesteps: tuple[float, ...] = ()
    sigma_of: Callable[[float], float] = table_sigma
    _streamed: StreamedWanVae = field(init=False, repr=False)
    _twin: tuple[Any, weakref.ref[nn.Module]] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._streamed = StreamedWanVae(self.pipe.vae, self.fast_decoder)

    @property
    def dtype(self) -> torch.dtype:
        """Of the networks' arithmetic."""
        return self.pipe.torch_dtype

    @property
    def vae(self) -> nn.Module:
        """Wan's VAE, which takes clips piece by piece."""
        return self._streamed

    def causal(self) -> CausalWan:
        """The block-causal pass of the transformer, which is shared."""
        return CausalWan(
            transformer=self.pipe.dit,  # type: ignore[arg-type]
            sigma_of=self.sigma_of,
            run_block=self._run_block(),
            weights_stay=not self._visits,
            device=self.device,
            dtype=self.pipe.torch_dtype,
        )

    def parts(self, *, quick: bool) -> CausalParts:
        """What a drawing is made with.

        Args:
            quick: 8-bit linear layers where the device multiplies them and all weights stay on it,
                and the tiny decoder where its file is here; what is not there stays as it is.
        """
        causal, vae = self.causal(), self._streamed
        dtype = str(self.pipe.torch_dtype).removeprefix("torch.")
        layers = "as they are stored" if self._visits else dtype
        decoder = "Wan's own" if self.fast_decoder is None else "channels last"
        if not quick:
            return CausalParts(causal=causal, vae=vae, facts=_facts(layers, decoder))
        if why_not := self._why_not_8_bits():
            layers = f"{layers}: {why_not}"
        else:
            twin, layers = self._twin_in_8_bits(), "8 bits"
            causal = replace(causal, transformer=twin)  # type: ignore[arg-type]
        if not isinstance(self.preview_decoder, PreviewDecoder):
            decoder = f"{decoder}: the tiny one is not on this disk"
            return CausalParts(causal=causal, vae=vae, facts=_facts(layers, decoder))
        quickly = QuicklyDecodedVae(vae, self.preview_decoder)
        return CausalParts(causal=causal, vae=quickly, facts=_facts(layers, "tiny"))

    @property
    def quick_bytes(self) -> int:
        """Bytes that `parts` takes beside the model's own, if it is quick."""
        return 0 if self._why_not_8_bits() else small_bytes(self.pipe.dit)

    @property
    def _visits(self) -> bool:
        """Whether weights come to the device only when they are needed."""
        return getattr(self.pipe.dit, "vram_management_enabled", False)

    def _why_not_8_bits(self) -> str:
        if self._visits:
            return "weights that visit the device are not put in 8 bits"
        if not has_8_bit_product(self.device, self.pipe.torch_dtype):
            return "this device does not multiply in 8 bits"
        return ""

    def _twin_in_8_bits(self) -> nn.Module:
        """The transformer in 8 bits: one for all open drawings, as long as the weights are the same."""
        weights = tuple(each.data_ptr() for each in self.pipe.dit.parameters())
        if self._twin is not None:
            known, found = self._twin[0], self._twin[1]()
            if found is not None and known == weights:
                return found
        twin = twin_in_8_bits(self.pipe.dit)
        self._twin = (weights, weakref.ref(twin))
        return twin

    def _run_block(self) -> Callable[..., Tensor]:
        """By rows where all weights lie on a card: the same within rounding, and faster."""
        stays = self.device.type == "cuda" and not self._visits
        return row_block() if stays else block_forward


def _facts(linear_layers: str, decoder: str) -> dict[str, str]:
    return {"linear_layers": linear_layers, "decoder": decoder}


def as_causal(model: WanTextModel, trainer: str = "") -> WanCausalModel:
    """The same pipeline, drawing block by block.

    Args:
        trainer: whose it is, as the catalogue says; it decides the timesteps.
    """
    names = [f.name for f in fields(WanTextModel) if f.name != "defaults"]
    kept = {name: getattr(model, name) for name in names}
    if trainer != SELF_FORCING:
        return WanCausalModel(**kept)
    return WanCausalModel(
        **kept,
        defaults=replace(CAUSAL_DEFAULTS, num_causal_steps=len(_SELF_FORCING_STEPS)),
        causal_timesteps=_SELF_FORCING_STEPS,
        sigma_of=partial(table_sigma, shift=_SELF_FORCING_SHIFT),
    )
