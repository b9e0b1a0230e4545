"""Wan text-to-video as a model that the text engine draws with, on diffsynth's pipeline.

Sampling repeats `WanVideoPipeline.__call__` step by step, so that it can be watched and stopped; in
float32 a test finds no difference between the two. With rounding "reference" it also repeats what
the published scripts lose in bfloat16 (facts: reference 1.3): latents and timesteps in the networks'
own format, both passes of guidance as one batch, tiles for the VAE. Without it latents and timesteps
stay float32 and only the networks compute in their format.

Legend: B batch, C channels, F latent frames, T frames, H/W pixels, h/w latent cells, S text tokens,
D width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.models.pocket import ModelDefaults, paper_of
from videosketcher_app.models.wan import attention as kernels
from videosketcher_app.models.wan.channels_last_decoder import ChannelsLastDecoder
from videosketcher_app.models.wan.conditions import (
    Conditions,
    Size,
    Start,
    embedded_prompt,
    encoded_clip,
    latent_shape,
    tiles,
)
from videosketcher_app.models.wan.forward import Attention, BlockPass, dense_attention
from videosketcher_app.models.wan.passes import (
    NetworkPass,
    OwnPass,
    Passes,
    embedded_in,
    real_valued_pass,
)
from videosketcher_app.models.wan.sampling import FewSteps, euler_steps, renoised_steps
from videosketcher_app.models.wan.stops import Stops

if TYPE_CHECKING:
    from diffsynth.pipelines.wan_video import WanVideoPipeline

# Byte for byte the negative prompt of the reference (facts: reference 0).
NEGATIVE_PROMPT = (
    "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，"
    "JPEG压缩残留，丑陋的，残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，"
    "手指融合，静止不动的画面，杂乱的背景，三条腿，背景人很多，倒着走"
)
TEXT_DEFAULTS = ModelDefaults(
    num_inference_steps=50, cfg_scale=5.0, shift=5.0, width=832, height=480, multiple_px=16
)
Rounding = Literal["none", "reference"]
REFERENCE = "reference"
PreviewDecoder = Callable[[Tensor], Tensor]
Self = TypeVar("Self", bound="WanTextModel")


@dataclass(kw_only=True)
class WanTextModel:
    """A text-to-video pipeline on one device.

    Attributes:
        pipe: dit, vae, text encoder and tokenizer are set.
        rounding: what sampling rounds, see the module.
        tiled: the VAE works in tiles.
        few_steps: how a distilled model is sampled; None follows the flow with Euler steps.
        preview_decoder: latents -> frames (B, 3, T, H, W) in [-1, 1], quick and rough.
        start: a clip to draw over.
        attention: name of the kernel that is installed.
        network_pass: `model_fn` of diffsynth, or what stands in for it: all its arguments by name.
        before_step: called with the number of the step, from 0, and of all steps.
        memory: how the weights are kept, for the run's files.
        fast_decoder: decodes in place of the VAE's own decoder where it decodes a frame whole.
        stops: who is asked, within a step, whether to go on.
    """

    name: str
    pipe: WanVideoPipeline
    defaults: ModelDefaults = TEXT_DEFAULTS
    hashes: dict[str, str] = field(default_factory=dict)
    rounding: Rounding = "none"
    tiled: bool = False
    negative_prompt: str = NEGATIVE_PROMPT
    few_steps: FewSteps | None = None
    preview_decoder: PreviewDecoder | None = None
    start: Start | None = None
    attention: str = kernels.TORCH
    network_pass: NetworkPass | None = None
    before_step: Callable[[int, int], None] | None = None
    memory: Mapping[str, Any] = field(default_factory=dict)
    image_conditioned: bool = False
    fast_decoder: ChannelsLastDecoder | None = None
    stops: Stops = field(default_factory=Stops, repr=False)

    def __post_init__(self) -> None:
        kernels.leave_choice_to_us()

    @property
    def device(self) -> torch.device:
        """Where the pipeline computes."""
        return torch.device(self.pipe.device)

    @property
    def transformer(self) -> nn.Module:
        """The network that LoRAs adapt."""
        return self.pipe.dit

    @property
    def text_encoder(self) -> nn.Module:
        """UMT5."""
        return self.pipe.text_encoder

    @property
    def vae(self) -> nn.Module:
        """Wan's VAE."""
        return self.pipe.vae

    def facts(self) -> dict[str, Any]:
        """What of the result's making the request's sizes and steps do not tell."""
        drawn_over = {} if self.start is None else {"strength": self.start.strength}
        decoder = None if self._is_tiled else self.fast_decoder
        own = self._own_pass
        return {
            "attention": self.attention,
            "rounding": self.rounding,
            "weights": str(self.pipe.torch_dtype).removeprefix("torch."),
            **({"blocks": own.name} if isinstance(own, OwnPass) else {}),
            **({} if decoder is None else {"decoder": "channels last"}),
            **self.memory,
            **drawn_over,
        }

    def starting_from(self: Self, frames_THW3: NDArray[np.uint8], strength: float) -> Self:
        """The same pipeline, drawing over a clip of the canvas's size."""
        frames_THW3 = np.ascontiguousarray(frames_THW3)
        return replace(self, start=Start(frames_THW3=frames_THW3, strength=strength))

    def settled(
        self: Self,
        *,
        rounding: Rounding = "none",
        attention: str = kernels.TORCH,
        negative_prompt: str | None = None,
    ) -> Self:
        """The same pipeline with what a request says of it.

        Raises:
            InvalidRequest: the attention kernel does not work here.
        """
        found, kernel = kernels.chosen(attention, self.device, self.pipe.torch_dtype)
        kernels.install(self.pipe.dit, kernel)
        words = self.negative_prompt if negative_prompt is None else negative_prompt
        return replace(self, rounding=rounding, attention=found, negative_prompt=words)

    @contextmanager
    def watched(self, check: Callable[[], None]) -> Iterator[None]:
        """`check` is called before every block of every network and may raise, to stop within a step.

        At the end the weights are where memory management parks them, whatever happened.
        """
        hooks = [module.register_forward_pre_hook(lambda *_: check()) for module in self._stops()]
        self.stops.check = check
        try:
            yield
        finally:
            self.stops.check = None
            for hook in hooks:
                hook.remove()
            self.pipe.vae.model.clear_cache()
            self.pipe.load_models_to_device([])

    def denoise(
        self,
        prompts: Sequence[str],
        seeds: Sequence[int],
        *,
        num_inference_steps: int,
        cfg_scale: float,
        shift: float,
        num_frames: int,
        width: int,
        height: int,
    ) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Samples clips; yields (steps done, latents, clean estimate) after every step.

        Several clips take turns, step by step: the pipeline holds one at a time.

        Raises:
            InvalidRequest: what the model draws by is missing or not of the canvas's size.
        """
        size = (num_frames, height, width)
        self._check(size)
        clips = [
            self._clip(prompt, seed, size, num_inference_steps, cfg_scale, shift)
            for prompt, seed in zip(prompts, seeds, strict=True)
        ]
        for states in zip(*clips, strict=True):
            steps, latents, clean = zip(*states, strict=True)
            yield steps[0], torch.cat(latents), torch.cat(clean)

    @torch.no_grad()
    def decode(self, latents_BCFhw: Tensor) -> Tensor:
        """Frames (B, 3, T, H, W) in [-1, 1], float32."""
        pipe = self.pipe
        pipe.load_models_to_device(["vae"])
        latents_BCFhw = latents_BCFhw.to(pipe.torch_dtype)
        if self.fast_decoder is not None and not self._is_tiled:
            pieces = [
                torch.cat(list(self.stops.before_each(self.fast_decoder.stream(one[None]))), dim=2)
                for one in latents_BCFhw
            ]
            return torch.cat(pieces).float()
        clip = pipe.vae.decode(latents_BCFhw, device=pipe.device, **tiles(self._is_tiled))
        pipe.vae.model.clear_cache()  # after a preview, denoising goes on
        return clip.float().clamp(-1, 1)

    @torch.no_grad()
    def preview(self, clean_BCFhw: Tensor) -> Tensor | None:
        """The last frames (B, 3, T, H, W) of an estimate, roughly; None if they would cost much.

        The VAE itself shows them where its weights and the transformer's are loaded side by side.
        """
        last_BCFhw = clean_BCFhw[:, :, -2:]
        if self.preview_decoder is not None:
            return self.preview_decoder(last_BCFhw)
        return None if self.pipe.vram_management_enabled else self.decode(last_BCFhw)

    def latent_shape(self, num_frames: int, height: int, width: int) -> tuple[int, int, int, int]:
        """(C, F, h, w) of a clip of this size."""
        return latent_shape(self.pipe, (num_frames, height, width))

    @torch.no_grad()
    def encode_prompts(self, prompts: Sequence[str]) -> Tensor:
        """Text embeddings (B, S, D), zero past each prompt's end."""
        return torch.cat([embedded_prompt(self.pipe, prompt) for prompt in prompts])

    @torch.no_grad()
    def velocity(
        self,
        latents_BCFhw: Tensor,
        sigma: float,
        context_BLD: Tensor,
        *,
        attention: Attention | Sequence[Attention] = dense_attention,
        through: Callable[[BlockPass], Tensor] = BlockPass.run,
    ) -> Tensor:
        """The network's velocity in float32, for samplers that leave work out.

        Args:
            attention, through: as in `forward.predict_velocity`.
        """
        pipe = self.pipe
        pipe.load_models_to_device(pipe.in_iteration_models)
        y_B20Fhw, clip_feature_BSD = self._frame_conditions(latents_BCFhw.shape[2])

        own = self.network_pass
        if not isinstance(own, OwnPass):
            own = OwnPass(stops=self.stops)

        def prepared(blocks: BlockPass) -> Tensor:
            return through(own.prepared(blocks))

        with embedded_in(pipe.dit, pipe.torch_dtype):
            velocity = real_valued_pass(
                pipe.dit,
                latents_BCFhw.to(pipe.torch_dtype),
                torch.tensor(1000 * sigma, device=pipe.device),
                context_BLD,
                clip_feature_BSD,
                y_B20Fhw,
                attention=attention,
                through=prepared,
            )
        return velocity.float()

    @torch.no_grad()
    def paper_latents(self, num_frames: int, height: int, width: int) -> Tensor:
        """Latents (1, C, F, h, w) of a clip of blank paper, float32."""
        paper_THW3 = np.full((9, height, width, 3), 255, np.uint8)
        begun = encoded_clip(self.pipe, paper_THW3, tiled=self._is_tiled)
        return paper_of(begun.float(), num_frames)

    @torch.no_grad()
    def start_latents(self) -> tuple[Tensor | None, float]:
        """Latents (1, C, F, h, w) of the clip to draw over, or None, and how much is drawn anew."""
        if self.start is None:
            return None, 1.0
        latents = encoded_clip(self.pipe, self.start.frames_THW3, tiled=self._is_tiled)
        return latents.to(self._latents_dtype), self.start.strength

    def _frame_conditions(self, latent_frames: int) -> tuple[Tensor | None, Tensor | None]:
        """Mask and latents, and image tokens, of a condition frame; a text model has none."""
        del latent_frames
        return None, None

    def _clip(
        self,
        prompt: str,
        seed: int,
        size: Size,
        num_inference_steps: int,
        cfg_scale: float,
        shift: float,
    ) -> Iterator[tuple[int, Tensor, Tensor]]:
        with torch.no_grad():
            random = torch.Generator("cpu").manual_seed(seed)
            noise = self._noise(random, size)
            conditions = self._conditions(prompt, size, guided=cfg_scale != 1)
            clean, strength = self.start_latents()
            self.pipe.load_models_to_device(self.pipe.in_iteration_models)
        precise = self.rounding != REFERENCE
        passes = Passes(pipe=self.pipe, precise=precise, run=self._own_pass or self.pipe.model_fn)

        def velocity(x: Tensor, timestep: Tensor) -> Tensor:
            return passes.guided(x, timestep, conditions, cfg_scale)

        if self.few_steps is not None:
            fresh = iter(lambda: self._noise(random, size), None)
            timesteps = self.few_steps.timesteps(num_inference_steps)
            start = None if clean is None else (clean, self.few_steps.level(strength))
            sampling = renoised_steps(velocity, noise, fresh, timesteps, start)
        else:
            start = None if clean is None else (clean, strength)
            sampling = euler_steps(velocity, noise, num_inference_steps, shift, start)
        yield from self._announced(sampling, num_inference_steps)

    def _announced(
        self, sampling: Iterator[tuple[int, Tensor, Tensor]], num_steps: int
    ) -> Iterator[tuple[int, Tensor, Tensor]]:
        """The same steps; whoever wants to know which one is next is told before it."""
        if self.before_step is not None:
            self.before_step(0, num_steps)
        for step, latents, clean in sampling:
            yield step, latents, clean
            if self.before_step is not None and step < num_steps:
                self.before_step(step, num_steps)

    def _noise(self, random: torch.Generator, size: Size) -> Tensor:
        """Drawn in float32 on the CPU, so that devices agree."""
        noise = torch.randn((1, *latent_shape(self.pipe, size)), generator=random)
        return noise.to(self.pipe.device, self._latents_dtype)

    @property
    def _own_pass(self) -> NetworkPass | None:
        """What stands in for diffsynth's pass; None where only its own rounding will do."""
        own = self.network_pass
        is_optional = isinstance(own, OwnPass) and own.only_faster
        return None if is_optional and self.rounding == REFERENCE else own

    @property
    def _latents_dtype(self) -> torch.dtype:
        return self.pipe.torch_dtype if self.rounding == REFERENCE else torch.float32

    @property
    def _is_tiled(self) -> bool:
        return self.tiled or self.rounding == REFERENCE

    def _conditions(self, prompt: str, size: Size, *, guided: bool) -> Conditions:
        del size
        others = embedded_prompt(self.pipe, self.negative_prompt) if guided else None
        return Conditions(words_BSD=embedded_prompt(self.pipe, prompt), others_BSD=others)

    def _check(self, size: Size) -> None:
        if self.start is not None and self.start.frames_THW3.shape[:3] != size:
            found, rows, columns = self.start.frames_THW3.shape[:3]
            raise InvalidRequest(
                f"The clip to draw over has {found} frames of {columns}x{rows} px, the drawing "
                f"{size[0]} of {size[2]}x{size[1]} px.",
                hint="Bring the clip to the canvas first.",
            )

    def _stops(self) -> Iterator[nn.Module]:
        """Where a drawing can be stopped: every block and every frame of the VAE."""
        yield from self.pipe.dit.blocks.children()
        yield from self.pipe.text_encoder.blocks
        yield self.pipe.vae.model.encoder
        yield self.pipe.vae.model.decoder
