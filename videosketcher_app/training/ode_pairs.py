"""ODE pairs: the states of a guided teacher's paths from noise to a drawing, for `train ode`.

CausVid's (Yin et al. 2025, arXiv 2412.07772): 50 steps of Euler's method with shift 8 and guidance 6,
of which states 0, 36 and 44 and the end are kept. A pair's noise depends on the seed and the pair's
number alone, whichever process makes it.

Legend: B batch, S kept states, F latent frames, C channels, h/w latent cells, L tokens, D width.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from torch import Tensor
from torch.nn import functional as F

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.geometry import latent_frames_of
from videosketcher_app.engines.schedules import guided, sigmas
from videosketcher_app.training.causal_parts import CausalParts
from videosketcher_app.training.causal_recipe import LatentNetwork
from videosketcher_app.training.latents import SetFacts, trimmed
from videosketcher_app.training.ode import STORED_STEPS, stored_path


class PairSettings(BaseModel):
    """How paths are made; the keys of the presets `ode_pairs_*.yaml`.

    Attributes:
        count: pairs to make; prompts are gone through again with other noise. 0 is one a prompt.
        width, height, num_frames: of the drawings; 0 takes the teacher's own.
        keep: numbers of states, falling in noise; the last is -1, the end.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    model: str = Field(default="pocket-t2v", min_length=1)
    count: int = Field(default=0, ge=0, le=10_000_000)
    width: int = Field(default=0, ge=0, le=4096)
    height: int = Field(default=0, ge=0, le=4096)
    num_frames: int = Field(default=0, ge=0, le=10_000)
    num_inference_steps: int = Field(default=50, ge=1, le=10_000)
    shift: float = Field(default=8.0, gt=0)
    guidance_scale: float = 6.0
    keep: tuple[int, ...] = STORED_STEPS
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _whole_path(self) -> PairSettings:
        states, steps = self.keep[:-1], self.num_inference_steps
        if self.keep[-1:] != (-1,) or not states:
            raise ValueError("keep must name states and end with -1")
        if list(states) != sorted(set(states)) or not 0 <= states[0] <= states[-1] < steps:
            raise ValueError(f"keep must rise from at least 0 and stay below {steps}")
        return self

    @property
    def timesteps(self) -> tuple[float, ...]:
        """Of the kept states: 1000, 756.8, 521.7 and 0."""
        levels = sigmas(self.num_inference_steps, self.shift)
        return tuple(1000 * levels[index] for index in self.keep)

    def facts(self, parts: CausalParts) -> SetFacts:
        """What a set of these pairs states of itself."""
        width, height, num_frames = self.size(parts)
        settings = ("num_inference_steps", "shift", "guidance_scale", "seed")
        return SetFacts(
            kind="paths",
            encoders=parts.encoders,
            width=width,
            height=height,
            num_frames=num_frames,
            timesteps=self.timesteps,
            made_with=(f"teacher {self.model}", *(f"{n} {getattr(self, n)}" for n in settings)),
        )

    def size(self, parts: CausalParts) -> tuple[int, int, int]:
        """Width, height and frames."""
        width, height, num_frames = parts.size
        return self.width or width, self.height or height, self.num_frames or num_frames


def pair_settings(values: dict[str, Any], source: str) -> PairSettings:
    """Settings from plain values; `source` names where they are from.

    Raises:
        InvalidRequest: an unknown key, or a value that cannot be.
    """
    try:
        return PairSettings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise InvalidRequest(
            f"{source} cannot be used. {f'{where}: ' if where else ''}{reason}.",
            hint=f"Known keys: {', '.join(PairSettings.model_fields)}.",
        ) from None


class Teacher:
    """Draws paths with a bidirectional model.

    Raises:
        InvalidRequest: the size does not fit the model.
    """

    def __init__(self, parts: CausalParts, settings: PairSettings) -> None:
        self.parts, self.settings = parts, settings
        self.network = LatentNetwork(parts.wan).eval()
        width, height, num_frames = settings.size(parts)
        channels = parts.wan.latent_channels
        self.shape = (1, channels, latent_frames_of(num_frames), height // 8, width // 8)
        if num_frames % 4 != 1 or width % 8 or height % 8:
            raise InvalidRequest(
                f"A clip of {num_frames} frames of {width}x{height} px has no latents.",
                hint="Use 4n + 1 frames and sides that are multiples of 8.",
            )
        parts.wan.check_latents(torch.empty(self.shape, device="meta"), "A path")
        self._away_BSD = self._padded(trimmed(parts.encode_prompt(parts.negative_prompt)))

    @torch.no_grad()
    def path(self, words_LD: Tensor, number: int) -> Tensor:
        """The kept states of a path (S, F, C, h, w), noisy first.

        Args:
            words_LD: embeddings of the prompt.
            number: of the pair; it and the seed make the noise.
        """
        wan, s = self.parts.wan, self.settings
        generator = torch.Generator().manual_seed(s.seed * 1_000_003 + number)
        noise = torch.randn(self.shape, generator=generator).to(wan.device)
        words_BSD = self._padded(words_LD)

        def velocity(x_BCFhw: Tensor, sigma_BF: Tensor) -> Tensor:
            conditional = self._velocity(x_BCFhw, sigma_BF, words_BSD)
            if s.guidance_scale == 1:
                return conditional
            away = self._velocity(x_BCFhw, sigma_BF, self._away_BSD)
            return guided(conditional, away, s.guidance_scale)

        states_BSCFhw = stored_path(
            velocity, noise, num_steps=s.num_inference_steps, shift=s.shift, keep=s.keep
        )
        return states_BSCFhw[0].transpose(1, 2)

    def _velocity(self, x_BCFhw: Tensor, sigma_BF: Tensor, words_BSD: Tensor) -> Tensor:
        x = x_BCFhw.to(self.parts.wan.dtype)
        return self.network(x, 1000 * sigma_BF, words_BSD, causal=False).float()

    def _padded(self, words_LD: Tensor) -> Tensor:
        wan = self.parts.wan
        tokens = wan.text_tokens or len(words_LD)
        padded = F.pad(words_LD, (0, 0, 0, tokens - len(words_LD)))
        return padded[None].to(wan.device, wan.dtype)


def read_pair_settings(path: Path, **changes: Any) -> PairSettings:
    """Reads a preset; `changes` override its keys.

    Raises:
        InvalidRequest: it cannot be read, or does not hold settings.
    """
    from videosketcher_app.storage.keyed_yaml import read_keys

    return pair_settings({**read_keys(path, what="configuration"), **changes}, path.name)
