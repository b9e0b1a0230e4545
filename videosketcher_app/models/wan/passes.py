"""One pass of a Wan transformer under a pipeline, and guidance over two of them.

Legend: B batch, C channels, F latent frames, h/w latent cells, S text tokens, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from videosketcher_app.core.errors import AppError
from videosketcher_app.models.wan.conditions import Conditions
from videosketcher_app.models.wan.forward import (
    Attention,
    BlockPass,
    block_forward,
    dense_attention,
    predict_velocity,
    with_condition,
)
from videosketcher_app.models.wan.stops import Stops

if TYPE_CHECKING:
    from diffsynth.pipelines.wan_video import WanVideoPipeline

NetworkPass = Callable[..., Tensor]  # like diffsynth's `model_fn`, all arguments by name


@dataclass(frozen=True, kw_only=True)
class Passes:
    """How a pipeline's transformer is asked for velocities.

    Attributes:
        precise: timesteps reach the network's waves in float32, and the velocity leaves in the
            latents' format. Otherwise both are rounded to the networks' format and guidance takes
            one batch of two, as in the published scripts.
        run: `model_fn` of diffsynth, or what stands in for it.
    """

    pipe: WanVideoPipeline
    precise: bool
    run: NetworkPass

    def guided(self, x: Tensor, timestep: Tensor, given: Conditions, cfg_scale: float) -> Tensor:
        """Velocity after classifier-free guidance (Ho and Salimans 2022)."""
        if given.others_BSD is None:
            return self._pass(x, timestep, given.words_BSD, given)
        if self.precise:
            wanted = self._pass(x, timestep, given.words_BSD, given)
            away = self._pass(x, timestep, given.others_BSD, given)
        else:
            both = torch.cat([given.words_BSD, given.others_BSD])
            wanted, away = self._pass(x, timestep, both, given).chunk(2)
        return away + cfg_scale * (wanted - away)

    def _pass(self, x: Tensor, timestep: Tensor, context_BSD: Tensor, given: Conditions) -> Tensor:
        """Rows of the context are a batch.

        Raises:
            AppError: float16 was not enough.
        """
        pipe, rows = self.pipe, len(context_BSD)
        level = timestep.reshape(1).to(pipe.device, torch.float32 if self.precise else x.dtype)
        with embedded_in(pipe.dit, pipe.torch_dtype):
            velocity = self.run(
                dit=pipe.dit,
                latents=x.to(pipe.torch_dtype),
                timestep=level,
                context=context_BSD,
                clip_feature=_repeated(given.clip_feature_BSD, rows),
                y=_repeated(given.y_B20Fhw, rows),
            )
        if pipe.torch_dtype == torch.float16 and not bool(velocity.isfinite().all()):
            raise AppError(
                "The numbers of this drawing grew beyond what float16 can hold, and this card has "
                "no bfloat16.",
                hint="Draw on the processor with --device cpu, or with a model of the Pocket family.",
            )
        return velocity.to(x.dtype)


def real_valued_pass(
    dit: Any,
    latents: Tensor,
    timestep: Tensor,
    context: Tensor,
    clip_feature: Tensor | None = None,
    y: Tensor | None = None,
    *,
    attention: Attention | Sequence[Attention] = dense_attention,
    through: Callable[[BlockPass], Tensor] = BlockPass.run,
) -> Tensor:
    """As diffsynth's `model_fn`, without complex or float64 numbers.

    Args:
        attention, through: as in `forward.predict_velocity`.
    """
    x_BCFhw, tokens_BSD = with_condition(dit, latents, context, clip_feature, y)
    return predict_velocity(
        dit,
        x_BCFhw,
        timestep.reshape(1, 1).expand(len(tokens_BSD), 1),
        [tokens_BSD] * len(dit.blocks),
        attention=attention,
        through=through,
    )


@dataclass(frozen=True, kw_only=True)
class OwnPass:
    """`real_valued_pass` as a pipeline's own: with the attention that is installed in its blocks.

    Attributes:
        stops: asked before every block; hooks of blocks do not run here.
        run_block: as in `forward.predict_velocity`.
        only_faster: diffsynth's own pass would do as well, and is taken for the reference's rounding.
        name: for the files of a drawing.
    """

    stops: Stops
    name: str = "real-valued"
    run_block: Callable[..., Tensor] = block_forward
    only_faster: bool = False

    def __call__(self, dit: Any, **given: Any) -> Tensor:
        """As diffsynth's `model_fn`."""
        attention = [_Installed(block.self_attn) for block in dit.blocks.children()]
        return real_valued_pass(
            dit, **given, attention=attention, through=lambda blocks: self.prepared(blocks).run()
        )

    def prepared(self, blocks: BlockPass) -> BlockPass:
        """A pass through blocks in this way, for who leaves some of it out."""
        watched = self.stops.before_each(blocks.blocks)
        return replace(blocks, blocks=watched, run_block=self.run_block)


class _Installed:
    """A block's own attention module, which folds heads into the width, for ones that do not."""

    def __init__(self, self_attn: Any) -> None:
        self._module, self._num_heads = self_attn.attn, self_attn.num_heads

    def __call__(self, q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor) -> Tensor:
        folded = (x.transpose(1, 2).flatten(2) for x in (q_BNLE, k_BNLE, v_BNLE))
        return self._module(*folded).unflatten(-1, (self._num_heads, -1)).transpose(1, 2)


@contextmanager
def embedded_in(dit: Any, dtype: torch.dtype) -> Iterator[None]:
    """Waves of a timestep are made in its own format and reach the network in the network's."""
    hook = dit.time_embedding.register_forward_pre_hook(lambda _, given: (given[0].to(dtype),))
    try:
        yield
    finally:
        hook.remove()


def _repeated(condition: Tensor | None, rows: int) -> Tensor | None:
    """A condition once for each row of the batch."""
    return condition if condition is None or rows == 1 else torch.cat([condition] * rows)
