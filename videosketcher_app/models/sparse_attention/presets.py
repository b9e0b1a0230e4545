"""The layouts and bands of the models that Sparse VideoGen was published for, as data.

Of HunyuanVideo and CogVideoX only the attention is here; their pipelines are declined. What differs
between the models, beside the layout, is how the band's width is rounded and whether the first
latent frame is a sink.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.sparse_request import SPARSE_PRESETS, SparseSpec
from videosketcher_app.models.sparse_attention.band import BLOCK_TOKENS, BandMask
from videosketcher_app.models.sparse_attention.layout import TokenLayout


@dataclass(frozen=True, kw_only=True)
class BandRule:
    """From a kept fraction to a band.

    Attributes:
        first_frame_is_sink: every query sees the first P tokens of its order.
        rounds_up: the half width is rounded up to whole blocks; else down, and its end is excluded.
        profile_frames: half width of the band under which heads are judged, in latent frames.
    """

    first_frame_is_sink: bool = True
    rounds_up: bool = True
    profile_frames: float = 2.0

    def band(self, layout: TokenLayout, kept_fraction: float) -> BandMask:
        """The mask that keeps about this fraction of all pairs.

        A band of half width w in a sequence of L covers 1 - (1 - w / L)^2 of it; rows and columns
        of words are taken off the fraction first. The sink comes on top.

        Raises:
            InvalidRequest: the words alone are more than the fraction.
        """
        length = layout.num_tokens
        of_video = kept_fraction - 2 * layout.text_tokens / length
        if of_video <= 0:
            least = math.ceil(200 * layout.text_tokens / length) / 100 + 0.01
            raise InvalidRequest(
                f"With {layout.text_tokens} words among {length} tokens a kept fraction of "
                f"{kept_fraction:g} leaves nothing for the video.",
                hint=f"Keep {least:g} or more.",
            )
        width = length * (1 - math.sqrt(max(0.0, 1 - of_video)))
        return self.band_of_width(layout, self._rounded(width))

    def profile_band(self, layout: TokenLayout) -> BandMask:
        """The mask under which heads are judged."""
        return self.band_of_width(layout, round(self.profile_frames * layout.tokens_per_frame))

    def band_of_width(self, layout: TokenLayout, half_width: int) -> BandMask:
        """The mask of this half width, in tokens."""
        sink = layout.tokens_per_frame if self.first_frame_is_sink else 0
        return BandMask(
            num_tokens=layout.num_tokens,
            half_width=half_width,
            band_start=layout.video_start + sink,
            band_end=layout.video_end,
            query_start=layout.video_start,
            query_end=layout.video_end,
            real_end=layout.num_tokens - layout.padding_tokens,
        )

    def _rounded(self, width: float) -> int:
        if self.rounds_up:
            return math.ceil(width / BLOCK_TOKENS) * BLOCK_TOKENS
        return max(0, math.floor(width / BLOCK_TOKENS) * BLOCK_TOKENS - 1)


@dataclass(frozen=True, kw_only=True)
class PublishedModel:
    """A model with its canvas's layout, its rule and the settings it was published with."""

    layout: TokenLayout
    rule: BandRule
    spec: SparseSpec
    num_heads: int
    head_width: int
    num_layers: int


WAN_RULE = BandRule()
WITHOUT_SINK = BandRule(first_frame_is_sink=False, rounds_up=False, profile_frames=1.5)


def wan_layout(num_frames: int, width: int, height: int, *, cell_px: int = 16) -> TokenLayout:
    """The layout of a clip of a Wan model.

    Args:
        num_frames: of the clip, 4n + 1.
        cell_px: side of a token in pixels: 8 of the VAE times the patch.
    """
    return TokenLayout(
        num_frames=(num_frames - 1) // 4 + 1,
        tokens_per_frame=(width // cell_px) * (height // cell_px),
    )


PUBLISHED: dict[str, PublishedModel] = {
    "wan2.1-14b-480p": PublishedModel(
        layout=wan_layout(81, 832, 480), rule=WAN_RULE, spec=SPARSE_PRESETS["readme"],
        num_heads=40, head_width=128, num_layers=40,
    ),
    "wan2.1-14b-720p": PublishedModel(
        layout=wan_layout(81, 1280, 720), rule=WAN_RULE, spec=SPARSE_PRESETS["readme"],
        num_heads=40, head_width=128, num_layers=40,
    ),
    "hunyuan-video-720p": PublishedModel(
        layout=TokenLayout(
            num_frames=33, tokens_per_frame=3600, text_tokens=256, text_at="tail"
        ),
        rule=WITHOUT_SINK, spec=SPARSE_PRESETS["hunyuan-video"],
        num_heads=24, head_width=128, num_layers=60,
    ),
    "cogvideox-1.5-768p": PublishedModel(
        layout=TokenLayout(
            num_frames=11, tokens_per_frame=4080, text_tokens=226, text_at="head"
        ),
        rule=WITHOUT_SINK, spec=SPARSE_PRESETS["cogvideox-1.5"],
        num_heads=48, head_width=64, num_layers=42,
    ),
}  # fmt: skip
