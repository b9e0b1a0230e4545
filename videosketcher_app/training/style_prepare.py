"""What a style run looks at again and again, computed once: latents, embedded prompts, keepsakes.

Legend: V variants, K kept drawings, S kept steps, C channels, F latent frames, h/w latent cells,
L tokens or layers, D width of the text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videosketcher_app.core.errors import AppError, InvalidFile
from videosketcher_app.data.brushes.clause import with_clause
from videosketcher_app.data.datasets import SketchMix, SketchSource, held_out
from videosketcher_app.engines.schedules import euler_step, sigmas
from videosketcher_app.models.coordinates import coordinate_channels
from videosketcher_app.models.pocket import PocketModel
from videosketcher_app.models.wan.forward import block_forward, predict_velocity
from videosketcher_app.training.style_data import Drawing, HasLayers, Variant
from videosketcher_app.training.style_model import (
    condition_of,
    conditioned_input,
    embedded,
    encoded,
)
from videosketcher_app.training.style_preset import StylePreset
from videosketcher_app.training.style_request import StyleRunRequest
from videosketcher_app.training.style_samples import sample_settings

KEEP_SEED = 7001  # of the plans that the model is held to
PAPER_LEVEL = 200  # darker is no paper: the box's sides are black, also where they were scaled
INK_DARKNESS = 0.2  # of full ink, in a cell's darkest pixel


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """Everything that steps are made of, in half precision.

    Attributes:
        clean_VCFhw: latents of the variants.
        weight_VFhw: of the errors, mean 1 a clip.
        context_VLD: embedded prompts of the variants.
        noise_KCFhw: what the kept drawings began with.
        velocity_KSCFhw: the model's own first steps from there.
        keep_context_KLD: their embedded prompts.
        layers_VLFhw: share of every cell that shows a layer of the variant; no layers unless the
            preset supervises them.
        condition_VCFhw: channels that a model which draws with a brush reads beside the noise, of
            every variant's condition frame; none for models that draw from words alone. Kept
            drawings take turns with these frames.
        picture_VSD: tokens of these frames, for networks that read them in front of the words.
        sample_frame_HW3: the condition frame that samples are drawn by, uint8.
    """

    clean_VCFhw: Tensor
    weight_VFhw: Tensor
    context_VLD: Tensor
    noise_KCFhw: Tensor
    velocity_KSCFhw: Tensor
    keep_context_KLD: Tensor
    layers_VLFhw: Tensor
    condition_VCFhw: Tensor
    picture_VSD: Tensor
    sample_frame_HW3: Tensor

    def tensors(self) -> dict[str, Tensor]:
        """By name, for a file."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> Prepared:
        """What `tensors` gave; runs begun before there were layers or brushes have none."""
        weight = tensors["weight_VFhw"]
        layers = weight.new_zeros(len(weight), 0, *weight.shape[1:])
        older = {"layers_VLFhw": layers, **_no_frames(len(weight)).tensors()}
        return Prepared(**{**older, **tensors})

    @property
    def draws_by_frame(self) -> bool:
        """Whether the model reads condition frames."""
        return self.condition_VCFhw.shape[1] > 0


@dataclass(frozen=True, kw_only=True, eq=False)
class _Frames:
    """The part of `Prepared` that is made of condition frames."""

    condition_VCFhw: Tensor
    picture_VSD: Tensor
    sample_frame_HW3: Tensor

    def tensors(self) -> dict[str, Tensor]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


def _no_frames(num_variants: int) -> _Frames:
    half = torch.float16
    return _Frames(
        condition_VCFhw=torch.zeros(num_variants, 0, 1, 1, 1, dtype=half),
        picture_VSD=torch.zeros(num_variants, 0, 0, dtype=half),
        sample_frame_HW3=torch.zeros(0, 0, 3, dtype=torch.uint8),
    )


def kept_steps(model: PocketModel, preset: StylePreset) -> int:
    """How many of the sampler's first steps stay as they are; one at least learns."""
    steps = model.defaults.num_inference_steps
    return min(steps - 1, round(preset.kept_share * steps))


def prepare(
    model: PocketModel,
    teacher: nn.Module,
    variants: Sequence[Variant],
    preset: StylePreset,
    request: StyleRunRequest,
    *,
    may_go_on: Callable[[], bool],
) -> Prepared | None:
    """Encodes the clips and draws the keepsakes; None if it was told to stop.

    Args:
        teacher: the transformer that the run begins with.

    Raises:
        InvalidFile: a drawing cannot be rendered, or shows nothing.
    """
    clean, weight, layers, read = [], [], [], []
    for variant in variants:
        if not may_go_on():
            return None
        frames = _frames(variant, preset)
        clean.append(encoded(model, frames))
        weight.append(_cell_weights(frames, preset.ink_weight))
        layers.append(layer_shares(variant.drawing, preset))
        if model.image_conditioned:
            read.append(condition_of(model, _first_frame(variant, frames), preset.num_frames))
    given = _no_frames(len(variants))
    if model.image_conditioned:
        shown = variants[0].drawing.clip(sample_settings(model, preset), preset.num_frames)[0]
        condition, picture = (torch.cat(parts) for parts in zip(*read, strict=True))
        given = _Frames(
            condition_VCFhw=condition,
            picture_VSD=picture,
            sample_frame_HW3=torch.from_numpy(np.ascontiguousarray(shown)),
        )
    keepsakes = _keepsakes(model, teacher, preset, request.seed, given.condition_VCFhw, may_go_on)
    if keepsakes is None:
        return None
    noise, velocity, keep_context = keepsakes
    half = torch.float16
    return Prepared(
        clean_VCFhw=torch.cat(clean).to(half),
        weight_VFhw=torch.cat(weight).to(half),
        context_VLD=embedded(model, [v.caption for v in variants]),
        noise_KCFhw=noise,
        velocity_KSCFhw=velocity,
        keep_context_KLD=keep_context,
        layers_VLFhw=_stacked(layers).to(half),
        **given.tensors(),
    )


def layer_shares(drawing: Drawing, preset: StylePreset) -> Tensor:
    """How much of every latent cell shows a layer (L, F, h, w); none unless that is learned from.

    Raises:
        InvalidFile: the drawing is a film, in which nobody knows the layers.
    """
    cells = ((preset.num_frames - 1) // 4 + 1, preset.height // 8, preset.width // 8)
    if not preset.is_layered:
        return torch.zeros(0, *cells)
    if not isinstance(drawing, HasLayers):
        raise InvalidFile(
            f"Sketch {drawing.id} has no layers.",
            hint="Bring pictures in layers or sketches with strokes, or take another preset.",
        )
    shown_LTHW = torch.from_numpy(drawing.layers(preset, preset.num_frames)).float()
    first, rest = shown_LTHW[:, :1], shown_LTHW[:, 1:]
    return torch.cat([F.avg_pool3d(first, (1, 8, 8)), F.avg_pool3d(rest, (4, 8, 8))], dim=1)


def _stacked(layers: Sequence[Tensor]) -> Tensor:
    """All variants with as many layers as the richest; those that are not there are empty."""
    most = max(len(each) for each in layers)
    return torch.stack(
        [torch.cat([each, each.new_zeros(most - len(each), *each.shape[1:])]) for each in layers]
    )


def _frames(variant: Variant, preset: StylePreset) -> np.ndarray:
    try:
        frames = variant.drawing.clip(preset, preset.num_frames)
    except AppError as error:
        raise InvalidFile(
            f"Sketch {variant.drawing.id}: {error.message}", hint=error.hint
        ) from error
    if int(frames.min()) > 128:
        raise InvalidFile(
            f"Sketch {variant.drawing.id} shows no ink.", hint="Draw it again, or remove it."
        )
    return frames


def _first_frame(variant: Variant, frames_THW3: np.ndarray) -> np.ndarray:
    """The frame that the clip begins with: the brush box, as in the published training.

    Raises:
        InvalidFile: there is only paper.
    """
    if int(frames_THW3[0].min()) > PAPER_LEVEL:
        raise InvalidFile(
            f"Sketch {variant.drawing.id} begins with blank paper, where a brush model reads its "
            "brush.",
            hint="Bring clips that begin with the brush box, as `data shapes --style` makes them, "
            "or teach a model that draws from text.",
        )
    return frames_THW3[0]


def _cell_weights(frames_THW3: np.ndarray, ink_weight: float) -> Tensor:
    """How much the error of every cell counts (1, F, h, w), mean 1."""
    darkness = torch.from_numpy(1 - frames_THW3.min(axis=3).astype(np.float32) / 255)
    first, rest = darkness[:1], darkness[1:]
    cells = torch.cat(
        [
            F.max_pool3d(first[None], (1, 8, 8)),
            F.max_pool3d(rest[None], (4, 8, 8)),
        ],
        dim=1,
    )
    weight = 1 + ink_weight * (cells > INK_DARKNESS)
    return weight / weight.mean()


def _keepsakes(
    model: PocketModel,
    teacher: nn.Module,
    preset: StylePreset,
    seed: int,
    condition_VCFhw: Tensor,
    may_go_on: Callable[[], bool],
) -> tuple[Tensor, Tensor, Tensor] | None:
    """The first steps of drawings of the grammar's plans: noise, velocities, embedded prompts."""
    shape = model.latent_shape(preset.num_frames, preset.height, preset.width)
    num_steps = kept_steps(model, preset)
    count = preset.keep_plans if num_steps and preset.keep_batch else 0
    source = SketchSource(SketchMix(), KEEP_SEED, held_out)
    prompts = [str(source(index).plan) for index in range(count)]
    if model.image_conditioned:
        prompts = [with_clause(prompt) for prompt in prompts]
    context = embedded(model, prompts)
    generator = torch.Generator("cpu").manual_seed(seed * 1_000_003 + KEEP_SEED)
    levels = sigmas(model.defaults.num_inference_steps, model.defaults.shift)
    noises, paths = [], []
    for row in range(count):
        if not may_go_on():
            return None
        noise = torch.randn((1, *shape), generator=generator).half()
        x, path = noise.float().to(model.device), []
        condition = condition_VCFhw[[row % len(condition_VCFhw)]]
        for step in range(num_steps):
            velocity = base_velocity(
                model, teacher, x, levels[step], context[row : row + 1], condition
            )
            path.append(velocity.half())
            x = euler_step(x, velocity, levels[step], levels[step + 1])
        noises.append(noise)
        paths.append(torch.stack(path, 1).cpu())
    if not count:
        return torch.zeros(0, *shape).half(), torch.zeros(0, 1, *shape).half(), context
    return torch.cat(noises), torch.cat(paths), context


@torch.no_grad()
def base_velocity(
    model: PocketModel,
    teacher: nn.Module,
    x_BCFhw: Tensor,
    sigma: float,
    context_BLD: Tensor,
    condition_BCFhw: Tensor,
    run_block: Callable[..., Tensor] = block_forward,
) -> Tensor:
    """The velocity of the transformer that the run begins with, float32.

    Args:
        condition_BCFhw: of one latent frame; without channels for models that read none.
    """
    coordinates = coordinate_channels(*x_BCFhw.shape[2:]).to(model.device, model.dtype)
    timesteps = torch.full((len(x_BCFhw), 1), 1000 * sigma, device=model.device)
    condition = condition_BCFhw.to(model.device, model.dtype) if condition_BCFhw.shape[1] else None
    return predict_velocity(
        teacher,
        conditioned_input(x_BCFhw.to(model.dtype), coordinates, condition),
        timesteps,
        context_BLD.to(model.device, model.dtype),
        run_block=run_block,
    ).float()
