"""Footprint: how much memory a drawing takes, from the shapes of its networks and of its clip.

A drawing has three moments: the words are read, the latents are denoised, the frames are decoded.
What counts is the fullest. All constants of the formula stand here, each with where it is from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from videosketcher_app.models.memory_plan import MemoryPlan
from videosketcher_app.services.model_manager.sizes import (
    BLOCK_LATENT_FRAMES,
    CELL_PX,
    WORDS,
    Clip,
    ModelSizes,
)

WEIGHT_BYTES = {"bf16": 2, "fp8": 1, "fp32": 4}
# Streaming from memory keeps the block at work, a ready one and one on its way
# (models/streaming.py, NUM_SLOTS). From the disk single layers come: counted as a whole block.
STREAMED_BLOCKS, DISK_BLOCKS = 3, 1
# Token matrices (tokens x width) alive at once. All on the device: diffsynth's own pass, measured at
# 30.8 GiB with 28.6e9 bytes of weights; it rotates in complex float64, and the count agrees: the
# stream, its normed copy, q, k, v, and two complex copies of four each; where the weights wait makes
# no difference to it. The real-valued pass, of causal models and of streamed 8 bits: the stream, q,
# k, v and the output of attention, temporaries of 1 GB at 0.34 GB a matrix (C1), and the inner matrix
# of the feed-forward network on top.
OWN_MATRICES, REAL_MATRICES = 13.4, 1 + 4 + 3
# Streamed blocks in 8 bits compute their feed-forward network in so many pieces (models/lean_block.py).
LEAN_PIECES = 8
# Tensors of the decoder's full-resolution stage alive at once, four frames each: what 12.7 GiB of a
# causal 1.3B pipeline leave for it (facts: performance, 1.2) beside 2.8e9 bytes of weights, 6.04e9 of
# cache and the finished clip, at 307 MB each (4.3 C3).
DECODER_TENSORS, DECODER_FRAMES = 13, 4
LORA_RANK = 32  # of the published ones
TILE_CELLS = (30, 52)  # the reference's tiles of the VAE
# What CUDA takes for itself: its context, kernels and the workspaces of its libraries. Assumed; it
# is no part of what a memory fraction limits.
CONTEXT_BYTES = 600_000_000
# Around weights that wait in memory: Python, torch and the app itself.
HOST_BYTES = 2_000_000_000


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """Bytes of one drawing.

    Attributes:
        words, denoising, frames: of the device at each moment, its own needs included.
        ram_bytes: of the computer's memory, where the device does not share it.
        read_bytes: read from the disk at every pass of the transformer.
    """

    words: int
    denoising: int
    frames: int
    ram_bytes: int
    read_bytes: int = 0

    @property
    def device_bytes(self) -> int:
        """At the fullest moment."""
        return max(self.words, self.denoising, self.frames)

    def without(self, num_bytes: int) -> Footprint:
        """The same, less what is on the device all the time and counted elsewhere."""
        return replace(
            self,
            words=self.words - num_bytes,
            denoising=self.denoising - num_bytes,
            frames=self.frames - num_bytes,
        )

    @property
    def waiting_bytes(self) -> int:
        """Weights that wait in the computer's memory."""
        return max(self.ram_bytes - HOST_BYTES, 0)


def footprint(
    sizes: ModelSizes,
    clip: Clip,
    plan: MemoryPlan,
    *,
    number_bytes: int = 2,
    shares_memory: bool = False,
    multiplies_8_bits: bool = False,
) -> Footprint:
    """What a drawing takes under a plan.

    Args:
        number_bytes: of a number in activations.
        shares_memory: the device has no memory of its own; then it has no CUDA either.
        multiplies_8_bits: the device has matrix products in 8 bits.
    """
    weight = WEIGHT_BYTES[plan.weights_dtype]
    text_waits = sizes.text_waits and not shares_memory
    plain = max(weight, number_bytes)  # of numbers outside of linear layers
    always, words, transformer, vae = _weights(sizes, plan, weight, plain, text_waits=text_waits)
    always += cache_bytes(sizes, clip, number_bytes) + (0 if shares_memory else CONTEXT_BYTES)
    if multiplies_8_bits:
        always += twin_bytes(sizes, clip)
    denoising = transformer + activation_bytes(sizes, clip, plan, number_bytes)
    denoising += lora_bytes(sizes, clip, number_bytes)
    if plan.weights_dtype == "fp8":  # the largest layer, unpacked for the product
        network = sizes.transformer
        denoising += network.width * network.ffn_width * number_bytes
    waiting = text_waits * sizes.text.num_params * weight
    if plan.tier == "stream_ram":
        waiting = _waiting(sizes, weight, plain)
    return Footprint(
        words=always + words,
        denoising=always + denoising,
        frames=always + vae + decode_bytes(sizes, clip, number_bytes, tiled=plan.vae_tiled),
        ram_bytes=0 if shares_memory else HOST_BYTES + waiting,
        read_bytes=sizes.transformer.num_params * weight if plan.tier == "stream_disk" else 0,
    )


def activation_bytes(sizes: ModelSizes, clip: Clip, plan: MemoryPlan, number_bytes: int) -> int:
    """Of one pass of the transformer over a clip."""
    network = sizes.transformer
    latent_frames = BLOCK_LATENT_FRAMES if sizes.is_causal else clip.latent_frames
    matrix = num_tokens(sizes, clip, latent_frames) * network.width * number_bytes
    is_small = plan.tier != "resident" and plan.weights_dtype == "fp8"
    if not sizes.is_causal and not is_small:
        return round(matrix * OWN_MATRICES)
    pieces = LEAN_PIECES if is_small and plan.tier == "stream_ram" else 1
    return round(matrix * (REAL_MATRICES + network.ffn_width / network.width / pieces))


def lora_bytes(sizes: ModelSizes, clip: Clip, number_bytes: int) -> int:
    """Of LoRAs beside the weights: two thin matrices for each of the eight projections and the two
    layers of the feed-forward network (153 M numbers for one of rank 32 on the 14B)."""
    network = sizes.transformer
    thin = 8 * 2 * network.width + 2 * (network.width + network.ffn_width)
    return clip.num_loras * LORA_RANK * network.num_layers * thin * number_bytes


def cache_bytes(sizes: ModelSizes, clip: Clip, number_bytes: int) -> int:
    """Keys and values of a causal model; 0 for others."""
    network = sizes.transformer
    tokens = num_tokens(sizes, clip, sizes.cache_latent_frames)
    return 2 * network.num_layers * tokens * network.width * number_bytes


def twin_bytes(sizes: ModelSizes, clip: Clip) -> int:
    """Of the linear layers in 8 bits that a causal model's quick modes keep beside its own."""
    network = sizes.transformer
    return network.num_layers * network.block_params * (sizes.is_causal and clip.is_quick)


def num_tokens(sizes: ModelSizes, clip: Clip, latent_frames: int) -> int:
    """Of so many latent frames."""
    return latent_frames * (clip.cells // sizes.transformer.patch**2)


def decode_bytes(sizes: ModelSizes, clip: Clip, number_bytes: int, *, tiled: bool) -> int:
    """Of the decoder at its fullest, and the finished clip in 32 bits."""
    pixels = clip.width * clip.height
    tile = TILE_CELLS[0] * TILE_CELLS[1] * CELL_PX**2
    at_once = min(pixels, tile) if tiled else pixels
    tensor = at_once * sizes.vae.width * DECODER_FRAMES * number_bytes
    return DECODER_TENSORS * tensor + 3 * pixels * clip.num_frames * 4


def _weights(
    sizes: ModelSizes, plan: MemoryPlan, weight: int, plain: int, *, text_waits: bool
) -> tuple[int, int, int, int]:
    """On the device always; and beside that while words are read, latents denoised, frames decoded."""
    network, text, vae = sizes.transformer, sizes.text, sizes.vae.num_params * plain
    # Layer by layer: its largest one is the table of words, which is no linear layer.
    streamed_text = max(text.table_params * plain, text.block_params * weight)
    if plan.tier == "stream_ram":
        blocks = STREAMED_BLOCKS * network.block_params * weight
        return network.other_params * plain + vae, streamed_text, blocks, 0
    if plan.tier == "stream_disk":
        return 0, streamed_text, DISK_BLOCKS * network.block_params * weight, vae
    if text_waits:
        return (sizes.num_params - text.num_params) * weight, streamed_text, 0, 0
    return sizes.num_params * weight, 0, 0, 0


def _waiting(sizes: ModelSizes, weight: int, plain: int) -> int:
    """In the computer's memory while blocks stream from there: all but the VAE and a few layers."""
    network, text = sizes.transformer, sizes.text
    linear = network.num_layers * network.block_params + text.num_params - text.table_params
    return linear * weight + (text.table_params + sizes.image_params) * plain


def text_flops(sizes: ModelSizes, num_prompts: int) -> float:
    """Of reading the words: two for every weight and token; the table is looked up."""
    read = sizes.text.num_params - sizes.text.table_params
    return 2.0 * read * WORDS * num_prompts
