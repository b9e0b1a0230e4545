"""ModelSizes: the shapes of a model's networks, from which its memory and its time follow.

Numbers of parameters: counted on networks without weights, built at full size with diffsynth 2.1.12.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

CELL_PX, FRAMES_A_LATENT = 8, 4  # all VAEs here compress 8 x 8 x 4
WORDS = 512  # tokens of a prompt, padded
BLOCK_LATENT_FRAMES = 3  # that a causal model denoises together


@dataclass(frozen=True, kw_only=True)
class TransformerSizes:
    """A diffusion transformer.

    Attributes:
        patch: latent cells along a side of a token.
        image_words: it attends to an image beside the words (keys and values of their own).
    """

    width: int
    ffn_width: int
    num_layers: int
    num_params: int
    patch: int = 2
    image_words: bool = False

    @property
    def block_params(self) -> int:
        """Of one block: two attentions of four squares each, and the feed-forward network."""
        squares = 8 + 2 * self.image_words
        return squares * self.width**2 + 2 * self.width * self.ffn_width

    @property
    def other_params(self) -> int:
        """Outside the blocks: embeddings and the head."""
        return max(0, self.num_params - self.num_layers * self.block_params)


@dataclass(frozen=True, kw_only=True)
class TextSizes:
    """A text encoder.

    Attributes:
        table_params: its largest single layer, the table of words.
        block_params: of one block.
    """

    num_params: int
    table_params: int
    block_params: int


@dataclass(frozen=True, kw_only=True)
class VaeSizes:
    """A video decoder.

    Attributes:
        width: channels at full resolution.
        flops_a_cell: for one latent cell of one latent frame.
    """

    num_params: int
    width: int
    flops_a_cell: float


@dataclass(frozen=True, kw_only=True)
class Clip:
    """What is drawn, and how: the part of a request that costs.

    Attributes:
        num_loras: that lie beside the weights.
        is_quick: in another mode of speed than `exact`.
    """

    width: int
    height: int
    num_frames: int
    num_inference_steps: int
    cfg_scale: float
    num_loras: int = 0
    is_quick: bool = False

    @property
    def latent_frames(self) -> int:
        """Time slices of the latent."""
        return (self.num_frames - 1) // FRAMES_A_LATENT + 1

    @property
    def cells(self) -> int:
        """Latent cells of one latent frame."""
        return (self.width // CELL_PX) * (self.height // CELL_PX)

    @property
    def num_forwards(self) -> int:
        """Passes of the transformer: two a step with guidance."""
        return self.num_inference_steps * (1 if self.cfg_scale == 1 else 2)


# Of a request, a preset or a model's defaults.
CLIP_FIELDS = ("width", "height", "num_frames", "num_inference_steps", "cfg_scale")


@dataclass(frozen=True, kw_only=True)
class ModelSizes:
    """Everything that one drawing loads.

    Attributes:
        image_params: of the image encoder; 0 without one.
        clip: what it draws where a request leaves it open.
        cache_latent_frames: a causal model remembers so many; 0 for others.
        text_waits: the text encoder leaves the device once it has read the words, and the rest stays.
        has_plan: it is loaded by a memory plan; small models are not.
        streams: it can be drawn with while its weights are streamed.
    """

    transformer: TransformerSizes
    text: TextSizes
    vae: VaeSizes
    clip: Clip
    image_params: int = 0
    cache_latent_frames: int = 0
    text_waits: bool = False
    has_plan: bool = True
    streams: bool = True

    @property
    def is_causal(self) -> bool:
        """It draws block by block, from what it remembers."""
        return self.cache_latent_frames > 0

    @property
    def num_params(self) -> int:
        """Of all networks together."""
        parts = (self.transformer.num_params, self.text.num_params, self.vae.num_params)
        return sum(parts) + self.image_params


UMT5_XXL = TextSizes(
    num_params=5_681_000_000,
    table_params=256_384 * 4096,
    block_params=4 * 4096**2 + 3 * 4096 * 10_240,
)
# 13.55 TFLOP for a latent frame of 104 x 60 cells (facts: performance, 1.4).
WAN_VAE = VaeSizes(num_params=127_000_000, width=96, flops_a_cell=13.55e12 / (104 * 60))
CLIP_PARAMS = 632_000_000
_AS_PUBLISHED = Clip(width=832, height=480, num_frames=81, num_inference_steps=50, cfg_scale=5.0)
_WAN_14B = TransformerSizes(width=5120, ffn_width=13_824, num_layers=40, num_params=14_288_000_000)
_WAN_14B_IMAGE = replace(_WAN_14B, num_params=16_395_000_000, image_words=True)
_WAN_1_3B = TransformerSizes(width=1536, ffn_width=8960, num_layers=30, num_params=1_419_000_000)

T2V_14B = ModelSizes(transformer=_WAN_14B, text=UMT5_XXL, vae=WAN_VAE, clip=_AS_PUBLISHED)
I2V_14B = replace(T2V_14B, transformer=_WAN_14B_IMAGE, image_params=CLIP_PARAMS)
T2V_1_3B = replace(T2V_14B, transformer=_WAN_1_3B)
# Three denoising passes and one clean one a block, without guidance (facts: performance, 2.5).
CAUSAL_1_3B = replace(
    T2V_1_3B,
    clip=replace(_AS_PUBLISHED, num_inference_steps=4, cfg_scale=1.0),
    cache_latent_frames=21,
    text_waits=True,
    streams=False,
)
NETWORKS = {"wan-t2v-14b": T2V_14B, "wan-i2v-14b": I2V_14B, "wan-t2v-1.3b": T2V_1_3B}


def sizes_of(name: str) -> ModelSizes | None:
    """The networks of a model of the catalogue; None for what does not draw, or is next to nothing.

    Raises:
        InvalidRequest: there is no such model.
    """
    from videosketcher_app.models.catalogue import model_row

    row = model_row(name)
    if row.family == "wan" and row.draws:
        sizes = NETWORKS.get(row.network)  # none for a size that somebody made up
        return CAUSAL_1_3B if sizes is T2V_1_3B and row.kind == "causal" else sizes
    return _pocket(row.base or name) if row.family == "pocket" else None


def _pocket(name: str) -> ModelSizes | None:
    """From the model's own description; None if that is not on this disk."""
    from videosketcher_app.models.catalogue import files_here, model_row

    row = model_row(name)
    try:
        values = json.loads(files_here(row)["model.json"].read_text("utf-8"))
    except (OSError, ValueError, KeyError):
        return None
    network, defaults = values["transformer"], values["defaults"]
    # Their files hold one byte a number, the VAE's two.
    numbers = {file.path.split(".")[0]: file.num_bytes or 0 for file in row.files}
    return ModelSizes(
        transformer=TransformerSizes(
            width=network["dim"],
            ffn_width=network["ffn_dim"],
            num_layers=network["num_layers"],
            num_params=numbers["transformer"],
            patch=network["patch"],
        ),
        text=TextSizes(num_params=numbers["text_encoder"], table_params=0, block_params=0),
        vae=VaeSizes(
            num_params=numbers["vae"] // 2,
            width=values["vae"]["decoder_widths"][-1],
            flops_a_cell=2.0 * CELL_PX**2 * FRAMES_A_LATENT * numbers["vae"] // 2,
        ),
        clip=Clip(**{field: defaults[field] for field in CLIP_FIELDS}),
        has_plan=False,
        streams=False,
    )
