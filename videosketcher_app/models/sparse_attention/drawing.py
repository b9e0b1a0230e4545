"""Sparse attention for a model that is loaded, and inside diffsynth's transformer blocks.

diffsynth's block calls `self_attn.attn(q, k, v)` with heads folded into the width (facts: diffsynth,
7). Another module in that place changes neither the state dict nor a LoRA. Dense steps and layers go
through the module that was there, so that they compute what they computed before.

Legend: B batch, N heads, L tokens, E head width, D = N * E.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from torch import Tensor, nn

from videosketcher_app.core.geometry import SPATIAL_STRIDE, TEMPORAL_STRIDE
from videosketcher_app.core.sparse_request import DENSE, SparseSpec
from videosketcher_app.models.sparse_attention.layout import TokenLayout

if TYPE_CHECKING:  # it loads torch's compiler, which other drawings do without
    from videosketcher_app.models.sparse_attention.attention import LayerAttention, SparseAttention


class DrawnClip(Protocol):
    """What a sampler's settings say of the clip."""

    @property
    def num_inference_steps(self) -> int:
        """Denoising steps."""
        ...

    @property
    def num_frames(self) -> int:
        """Frames of the clip, 4n + 1."""
        ...

    @property
    def width(self) -> int:
        """Pixels."""
        ...

    @property
    def height(self) -> int:
        """Pixels."""
        ...


Model = TypeVar("Model")


def sparse_attention_of(
    model: Any, spec: SparseSpec | None, clip: DrawnClip, *, seed: int = 0
) -> SparseAttention | None:
    """The sparse attention of one drawing; None where everything is computed.

    Args:
        model: Pocket, or a pipeline's model; its transformer says patches and layers.

    Raises:
        InvalidRequest: the spec leaves nothing for the video.
    """
    if spec is None or spec.pattern == DENSE:
        return None
    from videosketcher_app.models.sparse_attention.attention import SparseAttention

    transformer = model.transformer
    stride = getattr(model.vae, "upsampling_factor", SPATIAL_STRIDE)
    _, rows, columns = transformer.patch_size
    return SparseAttention(
        spec,
        TokenLayout(
            num_frames=(clip.num_frames - 1) // TEMPORAL_STRIDE + 1,
            tokens_per_frame=(clip.height // stride // rows) * (clip.width // stride // columns),
        ),
        num_steps=clip.num_inference_steps,
        num_layers=len(transformer.blocks),
        seed=seed,
        has_room=not getattr(getattr(model, "pipe", None), "vram_management_enabled", False),
    )


@contextmanager
def attending(model: Model, sparse: SparseAttention | None) -> Iterator[Model]:
    """A pipeline's model that attends sparsely inside the block; its sampler tells the step.

    Args:
        model: a dataclass with `transformer` and `before_step` (models/wan/text_to_video.py).
    """
    if sparse is None:
        yield model
        return
    told: Callable[[int, int], None] | None = model.before_step  # type: ignore[attr-defined]

    def tell(step: int, num_steps: int) -> None:
        sparse.at_step(step)
        if told is not None:
            told(step, num_steps)

    with slots_filled(model.transformer, sparse):  # type: ignore[attr-defined]
        yield replace(model, before_step=tell)  # type: ignore[type-var]


@contextmanager
def slots_filled(dit: Any, sparse: SparseAttention) -> Iterator[None]:
    """A WanModel of diffsynth whose self-attention is sparse inside the block."""
    # Memory management wraps blocks.
    modules = [getattr(block, "module", block).self_attn for block in dit.blocks.children()]
    before = [module.attn for module in modules]
    try:
        for module, attention, dense in zip(modules, sparse.layers, before, strict=True):
            module.attn = FoldedAttention(attention, dense, module.num_heads)
        yield
    finally:
        for module, dense in zip(modules, before, strict=True):
            module.attn = dense


class FoldedAttention(nn.Module):
    """A layer's attention for modules that fold heads into the width.

    Args:
        dense: what computes the layer's dense steps, heads folded too.
    """

    def __init__(self, attention: LayerAttention, dense: nn.Module, num_heads: int) -> None:
        super().__init__()
        self.attention, self.dense, self.num_heads = attention, dense, num_heads

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """(B, L, D) -> same shape."""
        if self.attention.is_dense:
            return self.dense(q, k, v)
        q_BNLE, k_BNLE, v_BNLE = (
            x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for x in (q, k, v)
        )
        return self.attention(q_BNLE, k_BNLE, v_BNLE).transpose(1, 2).flatten(2)
