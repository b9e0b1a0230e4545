"""SparseAttention: one drawing's self-attention, layer by layer and step by step.

The sampler says at which denoising step it is; every layer then knows whether it stays dense. A
sparse layer judges its heads anew at every step, puts temporal heads into token-major order, attends
under one band and puts them back.

Legend: B batch, N heads, L tokens, E head width, R sampled queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from videosketcher_app.core.sparse_request import SparseSpec
from videosketcher_app.models.sparse_attention.kernels import (
    band_attention,
    compiled_on_gpu,
    fastest_kernel,
)
from videosketcher_app.models.sparse_attention.layout import (
    TokenLayout,
    gather_order,
    restore_order,
)
from videosketcher_app.models.sparse_attention.presets import WAN_RULE, BandRule
from videosketcher_app.models.sparse_attention.profiling import find_temporal_heads, sample_rows
from videosketcher_app.models.wan.forward import Attention, dense_attention


class SparseAttention:
    """Sparse VideoGen for one drawing.

    Args:
        spec: what is kept.
        layout: of the sequence that attention sees.
        num_steps, num_layers: of the sampling and of the network.
        rule: how the band follows from the spec.
        dense: the attention of dense steps and layers.
        seed: of the sampled queries.
        kernel: of `band_attention`; None is the fastest one for the device and its room.
        has_room: the card holds all weights, so that a faster kernel may take 2 GB beside them.

    Raises:
        InvalidRequest: the spec leaves nothing for the video.
    """

    def __init__(
        self,
        spec: SparseSpec,
        layout: TokenLayout,
        *,
        num_steps: int,
        num_layers: int,
        rule: BandRule = WAN_RULE,
        dense: Attention = dense_attention,
        seed: int = 0,
        kernel: str | None = None,
        has_room: bool = False,
    ) -> None:
        self.spec, self.layout, self.step = spec, layout, 0
        self.band = rule.band(layout, spec.kept_fraction)
        self.num_dense_steps = spec.num_dense_steps(num_steps)
        self.num_dense_layers = spec.num_dense_layers(num_layers)
        self.layers = tuple(LayerAttention(self, layer) for layer in range(num_layers))
        self._num_steps = num_steps
        self._profile_band = rule.profile_band(layout)
        self._dense = dense
        self._keeps_everything = self.band.keeps_everything
        generator = torch.Generator("cpu").manual_seed(seed)
        rows = sample_rows(layout, num_steps * num_layers * spec.num_sampled_rows, generator)
        self._rows_SLR = rows.view(num_steps, num_layers, spec.num_sampled_rows)
        self._kernel, self._has_room = kernel, has_room
        self._num_judged, self._num_temporal = 0, torch.zeros((), dtype=torch.long)

    def at_step(self, step: int) -> tuple[LayerAttention, ...]:
        """Attention of every layer at a step, counted from 0; also for both passes of guidance."""
        assert 0 <= step < self._num_steps, (step, self._num_steps)
        self.step = step
        return self.layers

    def is_dense(self, layer: int) -> bool:
        """True if a layer computes full attention at the present step."""
        early = self.step < self.num_dense_steps or layer < self.num_dense_layers
        return early or self._keeps_everything

    def attend(self, q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor, layer: int) -> Tensor:
        """Self-attention of one layer at the present step: (B, N, L, E) -> same shape."""
        if self.is_dense(layer):
            return self._dense(q_BNLE, k_BNLE, v_BNLE)
        device = q_BNLE.device
        assert q_BNLE.shape[2] == self.layout.num_tokens, (q_BNLE.shape, self.layout)
        if self._kernel is None:
            self._kernel = fastest_kernel(q_BNLE, k_BNLE, v_BNLE, has_room=self._has_room)
        temporal_BN = self._judge(q_BNLE, k_BNLE, v_BNLE, layer)
        gather = compiled_on_gpu(gather_order, device)
        q, k, v = (gather(x, temporal_BN, self.layout) for x in (q_BNLE, k_BNLE, v_BNLE))
        out = band_attention(self._kernel, q, k, v, self.band)
        return compiled_on_gpu(restore_order, device)(out, temporal_BN, self.layout)

    def facts(self) -> dict[str, Any]:
        """What goes into the drawing's record; waits for the device."""
        share = int(self._num_temporal) / self._num_judged if self._num_judged else None
        return {
            **self.spec.model_dump(),
            "density": round(self.band.density, 4),
            "dense_steps": self.num_dense_steps,
            "dense_layers": self.num_dense_layers,
            "temporal_heads": None if share is None else round(share, 4),
            "kernel": self._kernel,
        }

    def _judge(self, q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor, layer: int) -> Tensor:
        device = q_BNLE.device
        self._rows_SLR = self._rows_SLR.to(device)
        rows_R = self._rows_SLR[self.step, layer]
        judge = compiled_on_gpu(find_temporal_heads, device)
        temporal_BN = judge(q_BNLE, k_BNLE, v_BNLE, rows_R, self.layout, self._profile_band)
        self._num_judged += temporal_BN.numel()
        self._num_temporal = self._num_temporal.to(device) + temporal_BN.sum()
        return temporal_BN


@dataclass(frozen=True, eq=False)
class LayerAttention:
    """The attention slot of one layer (models/wan/forward.py)."""

    drawing: SparseAttention
    layer: int

    @property
    def is_dense(self) -> bool:
        """True if the layer computes full attention at the present step."""
        return self.drawing.is_dense(self.layer)

    def __call__(self, q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor) -> Tensor:
        """(B, N, L, E) -> same shape."""
        return _attend(self.drawing, q_BNLE, k_BNLE, v_BNLE, self.layer)  # type: ignore[reportCallIssue]


# The step is plain Python state: a compiled block that saw it would be compiled anew at every step.
@torch.compiler.disable
def _attend(
    drawing: SparseAttention, q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor, layer: int
) -> Tensor:
    return drawing.attend(q_BNLE, k_BNLE, v_BNLE, layer)
