"""A causal Wan model whole: the transformer that draws block by block, with text encoder and VAE.

Published ones (VideoSketcher AR, CausVid, Self-Forcing) and what `train causal`, `ode` and `dmd`
leave. Rollouts and co-drawing use it as they use Pocket.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import partial

import torch
from torch import Tensor, nn

from videosketcher_app.models.causal_wan import CausalWan, table_sigma
from videosketcher_app.models.fused import compiled_block
from videosketcher_app.models.pocket import ModelDefaults
from videosketcher_app.models.wan.forward import block_forward
from videosketcher_app.models.wan.streamed_vae import StreamedWanVae
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
            device=self.device,
            dtype=self.pipe.torch_dtype,
        )

    def _run_block(self) -> Callable[..., Tensor]:
        """Compiled where all weights lie on a card: the same within rounding, and faster."""
        visits = getattr(self.pipe.dit, "vram_management_enabled", False)
        return block_forward if visits or self.device.type != "cuda" else compiled_block()


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
