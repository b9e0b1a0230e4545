"""Names of a LoRA's tensors: every published spelling, and the module of a Wan transformer it means.

A name is a prefix, a module's path and an ending: `diffusion_model.` `blocks.0.self_attn.q`
`.lora_A.weight`. Prefixes and endings come from the tool that wrote the file; paths are Wan's own,
diffusers' renaming of them, or kohya's, with underscores for dots.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# Wrappers put these in front of a path; one file may have several of them at once.
PREFIXES = ("base_model.model.", "pipe.dit.", "diffusion_model.", "transformer.", "dit.", "module.")
KOHYA_PREFIX = "lora_unet_"
_INFIXES = ("_fsdp_wrapped_module.", "_checkpoint_wrapped_module.", "_orig_mod.")
_WRAPPED = re.compile(
    r"(?<=\.)(module|_fsdp_wrapped_module|_checkpoint_wrapped_module|_orig_mod)\."
)
_PAIR = re.compile(r"(?P<path>.+)\.(?P<half>lora_(?:A|B|down|up))(?:\.(?P<adapter>\w+))?\.weight")
_PLAIN = re.compile(r"(?P<path>.+)\.(?P<kind>alpha|diff|diff_b|diff_m)")
_HALVES = {"lora_A": "down", "lora_down": "down", "lora_B": "up", "lora_up": "up"}
# What a difference is added to.
DIFFERENCES = {"diff": "weight", "diff_b": "bias", "diff_m": "modulation"}
_DIFFUSERS = (
    (re.compile(r"\battn1\."), "self_attn."),
    (re.compile(r"\battn2\."), "cross_attn."),
    (re.compile(r"\bto_([qkv])$"), r"\1"),
    (re.compile(r"\bto_out\.0$"), "o"),
    (re.compile(r"\badd_([kv])_proj$"), r"\1_img"),
    (re.compile(r"\bffn\.net\.0\.proj$"), "ffn.0"),
    (re.compile(r"\bffn\.net\.2$"), "ffn.2"),
    (re.compile(r"^condition_embedder\.text_embedder\.linear_1$"), "text_embedding.0"),
    (re.compile(r"^condition_embedder\.text_embedder\.linear_2$"), "text_embedding.2"),
    (re.compile(r"^condition_embedder\.time_embedder\.linear_1$"), "time_embedding.0"),
    (re.compile(r"^condition_embedder\.time_embedder\.linear_2$"), "time_embedding.2"),
    (re.compile(r"^condition_embedder\.time_proj$"), "time_projection.1"),
    (re.compile(r"^condition_embedder\.image_embedder\.ff\.net\.0\.proj$"), "img_emb.proj.1"),
    (re.compile(r"^condition_embedder\.image_embedder\.ff\.net\.2$"), "img_emb.proj.3"),
    (re.compile(r"^proj_out$"), "head.head"),
)
_KOHYA = (
    (re.compile(r"blocks_(\d+)_(self_attn|cross_attn)_(\w+)"), r"blocks.\1.\2.\3"),
    (re.compile(r"blocks_(\d+)_ffn_(\d)"), r"blocks.\1.ffn.\2"),
    (re.compile(r"blocks_(\d+)_(norm\d)"), r"blocks.\1.\2"),
    (re.compile(r"blocks_(\d+)"), r"blocks.\1"),
    (re.compile(r"(text_embedding|time_embedding|time_projection)_(\d)"), r"\1.\2"),
    (re.compile(r"img_emb_proj_(\d)"), r"img_emb.proj.\1"),
    (re.compile(r"head_head"), "head.head"),
)


@dataclass(frozen=True)
class TensorName:
    """One tensor's name taken apart.

    Attributes:
        module: path of the module in a Wan transformer, "blocks.0.self_attn.q".
        kind: "down", "up", "alpha", or a difference: "diff", "diff_b", "diff_m".
        prefix: what stood in front of the path.
        ending: what stood behind it, adapter's name included: "lora_A.default.weight".
        spelling: whose paths the file has: "wan", "diffusers" or "kohya".
    """

    module: str
    kind: str
    prefix: str
    ending: str
    spelling: str


def take_apart(name: str) -> TensorName | None:
    """The parts of a tensor's name; None if no LoRA tensor is named so."""
    bare = name
    for infix in _INFIXES:
        bare = bare.replace(infix, "")
    if pair := _PAIR.fullmatch(bare):
        path, kind = pair["path"], _HALVES[pair["half"]]
    elif plain := _PLAIN.fullmatch(bare):
        path, kind = plain["path"], plain["kind"]
    else:
        return None
    ending = bare[len(path) + 1 :]
    prefix, path = _without_prefix(path)
    module, spelling = _in_wan_words(prefix, path)
    return TensorName(module=module, kind=kind, prefix=prefix, ending=ending, spelling=spelling)


def without_wrappers(name: str) -> str:
    """The name that a parameter or module had before memory management or compiling wrapped it."""
    return _WRAPPED.sub("", f".{name}.")[1:-1]


def in_diffusers_words(module: str) -> str:
    """A Wan module's path as diffusers names it; unknown paths stay as they are."""
    return _DIFFUSERS_TAIL.get(module) or _in_diffusers_block(module)


def in_kohya_words(module: str) -> str:
    """A Wan module's path as kohya's tools name it, without their prefix."""
    return module.replace(".", "_")


def _without_prefix(path: str) -> tuple[str, str]:
    if path.startswith(KOHYA_PREFIX):
        return KOHYA_PREFIX, path.removeprefix(KOHYA_PREFIX)
    rest = path
    while found := next((p for p in PREFIXES if rest.startswith(p)), None):
        rest = rest.removeprefix(found)
    return path[: len(path) - len(rest)], rest


def _in_wan_words(prefix: str, path: str) -> tuple[str, str]:
    if prefix == KOHYA_PREFIX:
        for pattern, words in _KOHYA:
            if pattern.fullmatch(path):
                return pattern.sub(words, path), "kohya"
        return path, "kohya"
    renamed = path
    for pattern, words in _DIFFUSERS:
        renamed = pattern.sub(words, renamed)
    return renamed, "wan" if renamed == path else "diffusers"


_DIFFUSERS_TAIL = {
    "text_embedding.0": "condition_embedder.text_embedder.linear_1",
    "text_embedding.2": "condition_embedder.text_embedder.linear_2",
    "time_embedding.0": "condition_embedder.time_embedder.linear_1",
    "time_embedding.2": "condition_embedder.time_embedder.linear_2",
    "time_projection.1": "condition_embedder.time_proj",
    "img_emb.proj.1": "condition_embedder.image_embedder.ff.net.0.proj",
    "img_emb.proj.3": "condition_embedder.image_embedder.ff.net.2",
    "head.head": "proj_out",
}
_DIFFUSERS_IN_BLOCK = (
    (re.compile(r"\bself_attn\."), "attn1."),
    (re.compile(r"\bcross_attn\."), "attn2."),
    (re.compile(r"\b([qkv])$"), r"to_\1"),
    (re.compile(r"\bo$"), "to_out.0"),
    (re.compile(r"\b([kv])_img$"), r"add_\1_proj"),
    (re.compile(r"\bffn\.0$"), "ffn.net.0.proj"),
    (re.compile(r"\bffn\.2$"), "ffn.net.2"),
)


def _in_diffusers_block(module: str) -> str:
    for pattern, words in _DIFFUSERS_IN_BLOCK:
        module = pattern.sub(words, module)
    return module
