"""CausalWan: one Wan transformer's passes over a block of latent frames, given the past.

The same weights run in two ways that a test equates: block by block over a KV cache, to draw, and
over a whole clip with block-causal attention, to train. There is no loop over time here; that is
the rollout's (engines/rollout.py).

Legend: B batch, C channels, F latent frames, h/w latent cells, S text tokens, A some of a block's
tokens, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.models.coordinates import coordinate_channels, transformer_input
from videosketcher_app.models.kv_cache import KVCache, Window
from videosketcher_app.models.kv_pool import CacheShape, KVPool
from videosketcher_app.models.pass_graphs import PassGraphs
from videosketcher_app.models.pocket import PocketModel
from videosketcher_app.models.wan.forward import (
    Attention,
    BlockCausalAttention,
    BlockPass,
    PromptKeys,
    block_forward,
    dense_attention,
    predict_velocity,
    prompt_keys,
)

if TYPE_CHECKING:
    from videosketcher_app.models.wan.network import WanModel

BLOCK_LATENT_FRAMES = 3
WAN_TEXT_TOKENS = 512  # Wan attends to all of them, zeros included
CLEAN_TIMESTEP = 0.0
_TABLE_SHIFT = 8.0


@cache
def _table(shift: float) -> Tensor:
    u = torch.linspace(1, 0, 1001)[:-1]
    return shift * u / (1 + (shift - 1) * u)


def table_sigma(timestep: float, shift: float = _TABLE_SHIFT) -> float:
    """The noise level that the published causal models mean by a timestep.

    It is the nearest of a thousand levels with shift 8 (Self-Forcing: 5), none of which is zero:
    757 means 0.756757, and 0 means 0.0079.
    """
    sigmas = _table(shift)
    return float(sigmas[(1000 * sigmas - timestep).abs().argmin()])


def plain_sigma(timestep: float) -> float:
    """The noise level of a timestep where 1000 sigma is meant exactly (Pocket)."""
    return timestep / 1000


def _some_tokens(active_A: Tensor, blocks: BlockPass) -> Tensor:
    out_BAD = blocks.narrowed(active_A, blocks.attentions).run()
    return blocks.widened(active_A, out_BAD)


def latents_alone(latents_BCFhw: Tensor, first_frame: int) -> Tensor:
    """Wan's input: nothing beside the latents."""
    del first_frame
    return latents_BCFhw


def latents_with_coordinates(latents_BCFhw: Tensor, first_frame: int) -> Tensor:
    """Pocket's input: coordinates beside the latents, and no condition frame."""
    frames, height, width = latents_BCFhw.shape[2:]
    coordinates = coordinate_channels(frames, height, width, first_frame)
    return transformer_input(latents_BCFhw, coordinates.to(latents_BCFhw))


class CausalModel(Protocol):
    """A model of another family, with a block-causal pass of its own."""

    def causal(self) -> CausalWan:
        """The pass; its transformer is shared, not copied."""
        ...


@dataclass(frozen=True, kw_only=True)
class CausalWan:
    """A transformer with what its family does differently.

    Attributes:
        block_frames: latent frames that are denoised together.
        text_tokens: prompts are padded with zeros to this length; None leaves them as they are.
        network_input: (latents, position of the first latent frame) -> the network's input.
        sigma_of: timestep -> noise level.
        keeps_noise: a denoising step follows the flow from the state it has (Euler's method); False
            makes its clean estimate noisy anew (consistency sampling), as the published models do.
        emphasis: how much further than estimated a block's first step leaves the latest frame.
        run_block: `block_forward`, or a compiled version of it, for passes over a block.
        graphs: replays passes over a block; None launches every kernel of each of them.
        weights_stay: on the device, all of them, all the time.
    """

    transformer: WanModel
    latent_channels: int = 16
    block_frames: int = BLOCK_LATENT_FRAMES
    text_tokens: int | None = WAN_TEXT_TOKENS
    network_input: Callable[[Tensor, int], Tensor] = latents_alone
    sigma_of: Callable[[float], float] = table_sigma
    keeps_noise: bool = False
    emphasis: float = 1.0
    run_block: Callable[..., Tensor] = block_forward
    graphs: PassGraphs | None = None
    weights_stay: bool = True
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32

    def check_latents(self, latents_BCFhw: Tensor, name: str) -> None:
        """Refuses latents that are not whole blocks of whole patches.

        Raises:
            InvalidRequest: names what does not fit.
        """
        shape = tuple(latents_BCFhw.shape)
        patch = self.transformer.patch_size[1]
        if len(shape) != 5 or shape[1] != self.latent_channels:
            raise InvalidRequest(
                f"{name} must have {self.latent_channels} channels and 5 axes. "
                f"Received (B, C, F, h, w): {shape}",
                hint="Give tensors of shape (B, F, C, h, w) from Python.",
            )
        if shape[2] % self.block_frames or 0 in shape:
            raise InvalidRequest(
                f"{name} must hold whole blocks of {self.block_frames} latent frames. "
                f"Received: {shape[2]}",
                hint=f"Cut or extend it to a multiple of {self.block_frames}.",
            )
        if shape[3] % patch or shape[4] % patch:
            raise InvalidRequest(
                f"{name} must be a multiple of {patch} cells wide and high. "
                f"Received: {shape[4]} x {shape[3]}",
                hint=f"Choose a canvas whose sides are multiples of {8 * patch} px.",
            )

    def tokens_per_frame(self, height: int, width: int) -> int:
        """Tokens of a latent frame of so many cells."""
        patch = self.transformer.patch_size[1]
        return (height // patch) * (width // patch)

    def cache_shape(self, batch: int, height: int, width: int) -> CacheShape:
        """What a page of this model's cache holds, at a canvas of so many latent cells."""
        heads: int = self.transformer.blocks[0].num_heads  # type: ignore[assignment]
        return CacheShape(
            num_layers=len(self.transformer.blocks),
            num_heads=heads,
            head_width=self.transformer.dim // heads,
            block_tokens=self.block_frames * self.tokens_per_frame(height, width),
            block_frames=self.block_frames,
            batch=batch,
            dtype=self.dtype,
            device=str(self.device),
        )

    def new_cache(
        self,
        shape: CacheShape,
        window: Window,
        *,
        num_pages: int | None = None,
        attention: Attention = dense_attention,
    ) -> KVCache:
        """An empty cache with a pool of its own; more pages than the window's are for branches."""
        return KVCache(KVPool(shape, num_pages or window.num_pages), window, attention)

    def prompt_keys(self, prompt_embeds_BSD: Tensor) -> PromptKeys:
        """The words' keys and values of every layer, for all passes over this prompt."""
        return prompt_keys(self.transformer, self._padded(prompt_embeds_BSD))

    def block_velocity(
        self,
        latents_BCFhw: Tensor,
        timestep: float,
        prompt: PromptKeys,
        past: KVCache,
        active_A: Tensor | None = None,
    ) -> Tensor:
        """Velocity (B, C, F, h, w), float32, of the cache's open block; its keys are overwritten.

        Args:
            timestep: the same for the whole block, 0 to 1000; kept out of low precision.
            active_A: positions of the tokens that are computed, None for all; what is returned for
                the others means nothing, and their keys stay what the cache holds.
        """
        how: dict[str, Any] = {"attention": past.layers}
        if active_A is not None:
            how = {
                "attention": past.some_tokens(active_A),
                "through": partial(_some_tokens, active_A),
            }
        if self.graphs is not None:
            how["through"] = partial(self.graphs.run, past, active_A)
        x = self.network_input(latents_BCFhw.to(self.device, self.dtype), past.first_frame)
        timesteps = torch.full((len(x), 1), timestep, device=self.device)
        velocity = predict_velocity(
            self.transformer,
            x,
            timesteps,
            prompt,
            first_frame=past.first_frame,
            run_block=self.run_block,
            **how,
        )
        return velocity.float()

    def train_forward(
        self, x_BFChw: Tensor, timesteps_BF: Tensor, prompt_embeds_BSD: Tensor
    ) -> Tensor:
        """Velocity (B, F, C, h, w), float32, of a whole clip, each latent frame at its timestep.

        Every block sees itself and the earlier blocks of `x`; gradients flow.

        Raises:
            InvalidRequest: the clip does not consist of whole blocks.
        """
        latents_BCFhw = x_BFChw.transpose(1, 2)
        self.check_latents(latents_BCFhw, "x")
        per_frame = self.tokens_per_frame(*x_BFChw.shape[-2:])
        velocity = predict_velocity(
            self.transformer,
            self.network_input(latents_BCFhw.to(self.device, self.dtype), 0),
            timesteps_BF.to(self.device),
            self._padded(prompt_embeds_BSD),
            attention=BlockCausalAttention(self.block_frames * per_frame),
        )
        return velocity.float().transpose(1, 2)

    def _padded(self, prompt_embeds_BSD: Tensor) -> Tensor:
        words = prompt_embeds_BSD.to(self.device, self.dtype)
        if self.text_tokens is None:
            return words
        if words.shape[1] > self.text_tokens:
            raise InvalidRequest(
                f"The prompt has {words.shape[1]} tokens, this model reads {self.text_tokens}.",
                hint="Shorten the prompt.",
            )
        return F.pad(words, (0, 0, 0, self.text_tokens - words.shape[1]))


@dataclass(frozen=True, kw_only=True)
class CausalParts:
    """What a drawing is made with.

    Attributes:
        vae: takes clips piece by piece.
        facts: in words, for the drawing's files, where a mode of speed decides it.
    """

    causal: CausalWan
    vae: Any
    facts: Mapping[str, str] = field(default_factory=dict)


def causal_of(model: PocketModel | CausalModel) -> CausalWan:
    """The block-causal pass of a model that rollouts and co-drawing can use."""
    return causal_pocket(model) if isinstance(model, PocketModel) else model.causal()


def causal_pocket(model: PocketModel, *, block_frames: int = BLOCK_LATENT_FRAMES) -> CausalWan:
    """The block-causal pass of Pocket's weights; the transformer is shared, not copied."""
    return CausalWan(
        transformer=model.transformer,  # type: ignore[arg-type]
        latent_channels=model.transformer_config.out_dim,
        block_frames=block_frames,
        text_tokens=None,
        network_input=latents_with_coordinates,
        sigma_of=plain_sigma,
        keeps_noise=model.defaults.causal_keeps_noise,
        emphasis=model.defaults.causal_emphasis,
        device=model.device,
        dtype=model.dtype,
    )
