"""How long a drawing takes, from its arithmetic and from the rates of the device.

    a pass    = max(linear / matrix rate + attention / attention rate + traffic / bandwidth,
                    streamed weights / rate of the link or the disk)
    a drawing = words + passes + frames

The rates are measured here (services/model_manager/calibration.py) or those of the card's data
sheet, times what an H200 reached of its own (facts: performance, 4.0).
"""

from __future__ import annotations

from dataclasses import dataclass

from videosketcher_app.models.memory_plan import MemoryPlan
from videosketcher_app.services.model_manager.footprint import (
    WEIGHT_BYTES,
    num_tokens,
    text_flops,
)
from videosketcher_app.services.model_manager.sizes import (
    BLOCK_LATENT_FRAMES,
    WORDS,
    Clip,
    ModelSizes,
)

# Norms, modulation and rotation move bytes instead of computing. An H200 (4.8 TB/s) took 3.24 s for
# a pass of the 14B whose products take 2.58 s, and 0.61 s instead of 0.46 s for the 1.3B: 472 and
# 477 bytes for every token, layer and channel.
TRAFFIC_BYTES = 475
# Three-dimensional convolutions reach 179 of the 785 TFLOP/s of matrix products there.
CONVOLUTION_SHARE = 179 / 785
DISK_BYTES_S = 2e9  # assumed: an NVMe disk, reading weights in order


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What a device does in a second.

    Attributes:
        matmul_flops: of large matrix products in the format that models compute in.
        attention_flops: of attention over many tokens.
        memory_bytes_s: of the device's own memory.
        copy_bytes_s: from the computer's memory to the device's.
        disk_bytes_s: from the disk.
        source: where the figures are from, one phrase.
    """

    matmul_flops: float
    attention_flops: float
    memory_bytes_s: float
    copy_bytes_s: float
    disk_bytes_s: float = DISK_BYTES_S
    source: str = ""


def pass_flops(sizes: ModelSizes, clip: Clip) -> tuple[float, float]:
    """Linear layers and attention of one pass over the whole clip (facts: performance, 4.0)."""
    network = sizes.transformer
    tokens = num_tokens(sizes, clip, clip.latent_frames)
    width, layers = network.width, network.num_layers
    linear = tokens * layers * 2.0 * (6 * width**2 + 2 * width * network.ffn_width)
    # A causal block sees itself and what was before: about half of the pairs.
    share = 0.5 * (1 + BLOCK_LATENT_FRAMES / clip.latent_frames) if sizes.is_causal else 1.0
    attention = 4.0 * tokens * width * layers * (tokens * share + WORDS)
    return linear, attention


def pass_seconds(sizes: ModelSizes, clip: Clip, plan: MemoryPlan, rates: Rates) -> float:
    """One pass of the transformer; streamed weights travel while it computes."""
    network = sizes.transformer
    linear, attention = pass_flops(sizes, clip)
    tokens = num_tokens(sizes, clip, clip.latent_frames)
    traffic = TRAFFIC_BYTES * tokens * network.num_layers * network.width
    computing = (
        linear / rates.matmul_flops
        + attention / rates.attention_flops
        + traffic / rates.memory_bytes_s
    )
    weights = network.num_params * WEIGHT_BYTES[plan.weights_dtype]
    return max(computing, _travel_seconds(weights, plan, rates))


def drawing_seconds(sizes: ModelSizes, clip: Clip, plan: MemoryPlan, rates: Rates) -> float:
    """A whole drawing once the model is loaded: words, denoising, frames."""
    num_prompts = 1 if clip.cfg_scale == 1 else 2
    text_weights = sizes.text.num_params * WEIGHT_BYTES[plan.weights_dtype]
    reading = max(
        text_flops(sizes, num_prompts) / rates.matmul_flops,
        num_prompts * _travel_seconds(text_weights, plan, rates),
    )
    decoding = sizes.vae.flops_a_cell * clip.cells * clip.latent_frames
    return (
        reading
        + clip.num_forwards * pass_seconds(sizes, clip, plan, rates)
        + decoding / (CONVOLUTION_SHARE * rates.matmul_flops)
    )


def _travel_seconds(num_bytes: int, plan: MemoryPlan, rates: Rates) -> float:
    if plan.tier == "resident":
        return 0.0
    return num_bytes / (rates.copy_bytes_s if plan.tier == "stream_ram" else rates.disk_bytes_s)
