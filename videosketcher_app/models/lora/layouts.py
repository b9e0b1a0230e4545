"""Layouts: how published files name their tensors, identified and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.models.lora.names import (
    KOHYA_PREFIX,
    TensorName,
    in_diffusers_words,
    in_kohya_words,
)

UNNAMED = "of its own"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One published way to name a LoRA's tensors.

    Attributes:
        endings: of the down and the up matrix.
        spelling: "wan", "diffusers" or "kohya", see `names`.
        has_alpha: an alpha stands beside every pair; else alpha equals the rank.
        read_by: who reads it.
    """

    name: str
    prefix: str
    endings: tuple[str, str]
    spelling: str = "wan"
    has_alpha: bool = False
    read_by: str

    @property
    def down(self) -> str:
        """Ending of the down matrix."""
        return self.endings[0]

    @property
    def up(self) -> str:
        """Ending of the up matrix."""
        return self.endings[1]

    def base_of(self, module: str) -> str:
        """What all tensors of a Wan module begin with."""
        respell: dict[str, Callable[[str], str]] = {
            "wan": str,
            "diffusers": in_diffusers_words,
            "kohya": in_kohya_words,
        }
        return self.prefix + respell[self.spelling](module)


_TRAINED = ("lora_A.default.weight", "lora_B.default.weight")
_PLAIN = ("lora_A.weight", "lora_B.weight")
_OLDER = ("lora_down.weight", "lora_up.weight")
LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        Layout(name="diffsynth", prefix="", endings=_TRAINED, read_by="VideoSketcher, diffsynth"),
        Layout(name="plain", prefix="", endings=_PLAIN, read_by="diffsynth"),
        Layout(name="pipe", prefix="pipe.dit.", endings=_TRAINED, read_by="this app"),
        Layout(name="peft", prefix="base_model.model.", endings=_PLAIN, read_by="peft"),
        Layout(
            name="comfyui", prefix="diffusion_model.", endings=_PLAIN, read_by="ComfyUI, diffsynth"
        ),
        Layout(
            name="lightx2v",
            prefix="diffusion_model.",
            endings=_OLDER,
            read_by="ComfyUI, LightX2V, diffsynth",
        ),
        Layout(
            name="musubi",
            prefix="diffusion_model.",
            endings=_OLDER,
            has_alpha=True,
            read_by="ComfyUI, diffsynth",
        ),
        Layout(name="transformer", prefix="transformer.", endings=_PLAIN, read_by="this app"),
        Layout(
            name="diffusers",
            prefix="transformer.",
            endings=_PLAIN,
            spelling="diffusers",
            read_by="diffusers",
        ),
        Layout(
            name="kohya",
            prefix=KOHYA_PREFIX,
            endings=_OLDER,
            spelling="kohya",
            has_alpha=True,
            read_by="kohya's tools, ComfyUI",
        ),
    )
}


def layout_named(name: str) -> Layout:
    """The layout of this name.

    Raises:
        InvalidRequest: there is none.
    """
    if name not in LAYOUTS:
        raise InvalidRequest(
            f"There is no LoRA layout {name[:80]!r}.", hint=f"Known: {', '.join(LAYOUTS)}."
        )
    return LAYOUTS[name]


def layout_of(parts: Iterable[TensorName]) -> str:
    """The name of the layout that a file's names follow; UNNAMED if it mixes or is unknown."""
    parts = list(parts)
    prefixes = {part.prefix for part in parts}
    endings = {part.ending for part in parts if part.kind in ("down", "up")}
    spellings = {part.spelling for part in parts}
    spelling = next((s for s in ("kohya", "diffusers") if s in spellings), "wan")
    has_alpha = any(part.kind == "alpha" for part in parts)
    for layout in LAYOUTS.values():
        found = (prefixes, endings, spelling, has_alpha)
        if found == ({layout.prefix}, {layout.down, layout.up}, layout.spelling, layout.has_alpha):
            return layout.name
    return UNNAMED
