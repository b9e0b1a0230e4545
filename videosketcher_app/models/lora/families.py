"""What a LoRA was made for: the size of Wan transformer that it fits, or another family's name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.models.lora.names import TensorName

_BLOCK = re.compile(r"blocks\.(\d+)\.(.+)")
_WAN_MODULE = re.compile(
    r"blocks\.\d+\.((self_attn|cross_attn)\.(q|k|v|o|norm_q|norm_k|k_img|v_img|norm_k_img)"
    r"|ffn\.[02]|norm[123]|modulation)|blocks\.\d+|(text_embedding|time_embedding)\.[02]"
    r"|time_projection\.1|img_emb\.proj\.[0134]|patch_embedding|head(\.head)?"
)
# Names of other families' modules, and of what is no LoRA at all.
_OTHER_FAMILIES = (
    (r"lora_te\d?_|text_model|text_encoder", "a text encoder's LoRA"),
    (r"(down|up|mid)_blocks?[._]|input_blocks|output_blocks", "a LoRA for Stable Diffusion"),
    (r"joint_blocks", "a LoRA for Stable Diffusion 3"),
    (r"single_(transformer_)?blocks|double_blocks", "a LoRA for FLUX or HunyuanVideo"),
    (r"transformer_blocks", "a LoRA for another video or image transformer"),
    (r"model\.layers\.|q_proj|gate_proj", "a LoRA for a language model"),
)
_OTHER_KINDS = (
    (r"\.row_scale$", "packed as this app packs its own models, not a LoRA to share"),
    (r"lokr_|hada_|\.oft_|\.glora|lora_mid", "an adapter of another kind than LoRA (LyCORIS)"),
    (r"dora_scale|lora_magnitude", "a DoRA, whose magnitudes this app does not apply"),
    (r"lora_embedding", "a LoRA with trained embeddings, which this app does not apply"),
    (r"lora_(A|B|up|down)\b.*bias", "a LoRA with trained biases, which this app does not apply"),
)
_OTHER_MODELS = (
    (r"lora", "a LoRA that names its tensors in a way of its own"),
    (r"patch_embedding|self_attn\.q\.weight", "a whole Wan transformer"),
    (r"decoder\.|encoder\.|conv1", "a VAE"),
    (r"optimizer|exp_avg", "the state of a training run"),
)


@dataclass(frozen=True, kw_only=True)
class WanSize:
    """Size of a Wan transformer as far as a LoRA can tell it."""

    name: str
    dim: int
    ffn_dim: int
    num_layers: int

    def explains(self, shapes: Mapping[str, tuple[int, ...]]) -> bool:
        """True if all of these parameters' shapes are this size's."""
        return all(self._explains(name, shape) for name, shape in shapes.items())

    def _explains(self, name: str, shape: tuple[int, ...]) -> bool:
        found = _BLOCK.fullmatch(name)
        if found is None or len(shape) != 2:
            return self.dim in shape
        wanted = {
            "ffn.0.weight": (self.ffn_dim, self.dim),
            "ffn.2.weight": (self.dim, self.ffn_dim),
        }.get(found[2], (self.dim, self.dim))
        return int(found[1]) < self.num_layers and shape == wanted


SIZES = (
    WanSize(name="Wan 14B", dim=5120, ffn_dim=13824, num_layers=40),
    WanSize(name="Wan 2.2 5B", dim=3072, ffn_dim=14336, num_layers=30),
    WanSize(name="Wan 1.3B", dim=1536, ffn_dim=8960, num_layers=30),
    WanSize(name="Pocket", dim=384, ffn_dim=1024, num_layers=7),
    WanSize(name="tiny", dim=48, ffn_dim=64, num_layers=2),
)


def family_of(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """The name of the size that all shapes fit; empty if none."""
    return next((size.name for size in SIZES if size.explains(shapes)), "")


def num_blocks(modules: Iterable[str]) -> int:
    """One more than the highest block that is named."""
    found = (_BLOCK.match(module) for module in modules)
    return max((int(match[1]) + 1 for match in found if match), default=0)


def refuse_other_kinds(parts: Mapping[str, TensorName | None], source: str) -> None:
    """Refuses what is no LoRA for a Wan transformer, naming what it looks like.

    Args:
        parts: by the tensor's name; None where no LoRA tensor is named so.

    Raises:
        InvalidFile: nothing in it, something else in it, or modules that no Wan transformer has.
    """
    if not parts:
        raise InvalidFile(f"{source} holds no tensors.", hint="Download or copy it again.")
    strange = [name for name, part in parts.items() if part is None]
    if strange:
        _refuse_strange(strange, parts, source)
    foreign = [
        name for name, part in parts.items() if part and not _WAN_MODULE.fullmatch(part.module)
    ]
    if foreign:
        looks = _first(_OTHER_FAMILIES, parts)
        likeness = f"; it looks like {looks}" if looks else ""
        raise InvalidFile(
            f"{source} adapts {foreign[0][:80]!r}, which no Wan transformer has ({len(foreign)} of "
            f"{len(parts)} tensors){likeness}.",
            hint="Give a LoRA that was trained on a Wan model.",
        )


def _refuse_strange(
    strange: list[str], parts: Mapping[str, TensorName | None], source: str
) -> None:
    kind = _first(_OTHER_KINDS, strange)
    if kind:
        raise InvalidFile(
            f"{source} is {kind}; the first such tensor is {strange[0][:80]!r}.",
            hint="Give a plain LoRA, with down and up matrices only.",
        )
    if len(strange) == len(parts):
        looks = _first(_OTHER_FAMILIES, strange) or _first(_OTHER_MODELS, strange)
        likeness = f" It looks like {looks}." if looks else ""
        raise InvalidFile(
            f"{source} is no LoRA: {strange[0][:80]!r} belongs to no pair of matrices.{likeness}",
            hint="Give a LoRA file here, and whole models with --model.",
        )
    raise InvalidFile(
        f"{source} holds {len(strange)} tensors that belong to no LoRA, the first is "
        f"{strange[0][:80]!r}.",
        hint="Give a file with the LoRA alone.",
    )


def _first(table: Iterable[tuple[str, str]], names: Iterable[str]) -> str:
    """What the first matching row says of these names; empty if none matches."""
    names = list(names)
    for pattern, told in table:
        if any(re.search(pattern, name) for name in names):
            return told
    return ""
