"""Files that are no LoRA for the tiny model, each made on demand, and what is said of them.

`WRONG` maps a name to how its file is made (in an empty folder, returning the path) and a pattern
that the sentence must match.
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from tests.models.lora.made import made, modules_of, published_modules
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.layouts import LAYOUTS
from videosketcher_app.models.lora.writing import named_as
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.storage.tensors import write_safetensors

Make = Callable[[Path], Path]
_NETWORK = tiny_model().transformer
_GOOD = made(modules_of(_NETWORK))
_KOHYA = named_as(adapter_from(_GOOD), LAYOUTS["kohya"])
_Q = "blocks.0.self_attn.q"
_A, _B = f"{_Q}.lora_A.default.weight", f"{_Q}.lora_B.default.weight"


def _tensors(tensors: dict[str, Tensor]) -> Make:
    def make(folder: Path) -> Path:
        write_safetensors(folder / "x.safetensors", tensors)
        return folder / "x.safetensors"

    return make


def _changed(**changes: Tensor | None) -> Make:
    """The good LoRA with the first pair's A, B changed; None leaves a tensor out."""
    names = {"a": _A, "b": _B}
    tensors = {**_GOOD, **{names[key]: value for key, value in changes.items()}}
    return _tensors({name: value for name, value in tensors.items() if value is not None})


def _with(extra: dict[str, Tensor]) -> Make:
    return _tensors({**_GOOD, **extra})


def _only(ending: str) -> Make:
    return _tensors({name: value for name, value in _GOOD.items() if ending in name})


def _alpha(value: Tensor | None) -> Make:
    """The good LoRA in kohya's layout with another alpha in its first module."""
    name = "lora_unet_blocks_0_self_attn_q.alpha"
    return _tensors({n: t for n, t in {**_KOHYA, name: value}.items() if t is not None})


def _pairs(*modules: str, down: str = "lora_down", up: str = "lora_up") -> Make:
    """Whole pairs of modules that other families have."""
    pairs = {f"{m}.{half}.weight": torch.zeros(4, 4) for m in modules for half in (down, up)}
    return _tensors(pairs)


def _size(dim: int, ffn_dim: int, num_layers: int) -> Make:
    return _tensors(made(published_modules(dim, ffn_dim, num_layers), rank=1, dtype=torch.float16))


def _bytes(change: Callable[[bytes], bytes], name: str = "x.safetensors") -> Make:
    def make(folder: Path) -> Path:
        write_safetensors(folder / "good.safetensors", _GOOD)
        (folder / name).write_bytes(change((folder / "good.safetensors").read_bytes()))
        return folder / name

    return make


def _header(change: Callable[[dict], object]) -> Make:
    """The good file with another header."""

    def edit(data: bytes) -> bytes:
        length = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8 : 8 + length])
        text = change(header)
        raw = (text if isinstance(text, str) else json.dumps(header)).encode()
        return struct.pack("<Q", len(raw)) + raw + data[8 + length :]

    return _bytes(edit)


def _dtype(header: dict) -> None:
    header[_A]["dtype"] = "F3"


def _overlap(header: dict) -> None:
    header[_A]["data_offsets"] = header[_B]["data_offsets"]
    header[_A]["shape"] = header[_B]["shape"]


def _twice(header: dict) -> str:
    text = json.dumps(header)
    return text[:-1] + "," + text[1:]


def _pickled(content: object) -> Make:
    def make(folder: Path) -> Path:
        torch.save(content, folder / "x.pt")
        return folder / "x.pt"

    return make


class _Thing:
    """Not a tensor."""

    def __reduce__(self) -> tuple:
        return print, ("it ran",)


def _packed_zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "x.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", b"\0" * 1_000_000)
    return folder / "x.pt"


def _peft(settings: object) -> Make:
    def make(folder: Path) -> Path:
        named = named_as(adapter_from(_GOOD), LAYOUTS["peft"])
        write_safetensors(folder / "adapter_model.safetensors", named)
        text = settings if isinstance(settings, str) else json.dumps(settings)
        (folder / "adapter_config.json").write_text(text, encoding="utf-8")
        return folder

    return make


def _nothing(name: str) -> Make:
    return lambda folder: folder / name


_FILES: dict[str, tuple[Make, str]] = {
    "an empty file": (_bytes(lambda _: b""), "not a usable safetensors file"),
    "a text": (_bytes(lambda _: b"hello, I am a LoRA" * 20), "not a usable safetensors file"),
    "cut in its header": (_bytes(lambda d: d[:100]), "ends inside its header"),
    "cut in its data": (_bytes(lambda d: d[:-7]), "is cut short"),
    "with a tail": (_bytes(lambda d: d + b"12345678"), "holds more than its tensors"),
    "a header that is no JSON": (_header(lambda _: "{never closed"), "header is not JSON"),
    "a header that is a list": (_header(lambda _: "[1, 2]"), "not a table of tensors"),
    "a name twice": (_header(_twice), "unique names"),
    "overlapping tensors": (_header(_overlap), "overlap or leave gaps"),
    "an unknown number format": (_header(_dtype), "unknown element type 'F3'"),
    "a header of an exabyte": (_bytes(lambda d: b"\xff" * 8 + d[8:]), "does not begin with"),
    "a pickle that runs code": (_pickled({"x": _Thing()}), "could run code"),
    "a damaged pickle": (_bytes(lambda d: b"PK\3\4" + d[:99], "x.pt"), "not an archive"),
    "a pickle without tensors": (_pickled({"epoch": 3}), "no table of tensors"),
    "a pickle of a list": (_pickled([torch.zeros(2)]), "not a table of tensors"),
    "a packed archive": (_packed_zip, "packed"),
    "another kind of file": (_bytes(lambda d: d, "x.txt"), "not a file of weights"),
    "a missing file": (_nothing("ink.safetensors"), "There is no LoRA at"),
    "an empty folder": (_nothing("."), "There is no LoRA at"),
    "an endless name": (_nothing("n" * 400), "There is no LoRA at"),
    "no tensors": (_tensors({}), "holds no tensors"),
}
_FAMILIES: dict[str, tuple[Make, str]] = {
    "Stable Diffusion": (
        _pairs("lora_unet_down_blocks_0_attentions_0_proj_in"),
        "looks like a LoRA for Stable Diffusion",
    ),
    "a text encoder's": (
        _pairs("lora_te1_text_model_encoder_layers_0_self_attn_q_proj"),
        "looks like a text encoder's LoRA",
    ),
    "Stable Diffusion 3": (
        _pairs("lora_unet_joint_blocks_0_x_block_attn_qkv"),
        "looks like a LoRA for Stable Diffusion 3",
    ),
    "FLUX by kohya": (
        _pairs("lora_unet_double_blocks_0_img_attn_qkv", "lora_unet_single_blocks_0_linear1"),
        "looks like a LoRA for FLUX or HunyuanVideo",
    ),
    "FLUX by diffusers": (
        _pairs("transformer.single_transformer_blocks.0.attn.to_q", down="lora_A", up="lora_B"),
        "looks like a LoRA for FLUX or HunyuanVideo",
    ),
    "another video transformer": (
        _pairs("transformer.transformer_blocks.0.attn1.to_q", down="lora_A", up="lora_B"),
        "looks like a LoRA for another video or image transformer",
    ),
    "a language model's": (
        _pairs("base_model.model.model.layers.0.self_attn.q_proj", down="lora_A", up="lora_B"),
        "looks like a LoRA for a language model",
    ),
    "a module that no Wan has": (
        _pairs("blocks.0.self_attn.w", down="lora_A", up="lora_B"),
        r"adapts 'blocks.0.self_attn.w.* no Wan",
    ),
    "old diffusers names": (
        _pairs("blocks.0.processor.to_q_lora", down="down", up="up"),
        "names its tensors in a way of its own",
    ),
    "LoKr": (_tensors({f"{_Q}.lokr_w1": torch.zeros(2, 2)}), "LyCORIS"),
    "LoHa": (_tensors({f"{_Q}.hada_w1_a": torch.zeros(2, 2)}), "LyCORIS"),
    "a middle matrix": (_with({f"{_Q}.lora_mid.weight": torch.zeros(4, 4)}), "LyCORIS"),
    "DoRA": (_with({f"{_Q}.dora_scale": torch.ones(48, 1)}), "is a DoRA"),
    "DoRA by peft": (
        _with({f"{_Q}.lora_magnitude_vector.default.weight": torch.ones(48)}),
        "is a DoRA",
    ),
    "trained biases": (_with({f"{_Q}.lora_B.default.bias": torch.ones(48)}), "trained biases"),
    "trained embeddings": (
        _with({"text_embedding.0.lora_embedding_A": torch.ones(4, 4)}),
        "trained embeddings",
    ),
    "a whole transformer": (_tensors(_NETWORK.state_dict()), "looks like a whole Wan transformer"),
    "a VAE": (_tensors({"decoder.conv1.weight": torch.zeros(2, 2)}), "looks like a VAE"),
    "a text encoder": (
        _tensors({"text_model.encoder.weight": torch.zeros(2, 2)}),
        "looks like a text encoder's LoRA",
    ),
    "a training state": (
        _tensors({"optimizer.0.exp_avg": torch.zeros(2)}),
        "looks like the state of a training run",
    ),
    "a packed adapter of ours": (
        _tensors({f"{_Q}.lora_A.weight.row_scale": torch.ones(4)}),
        "packed as this app packs",
    ),
    "14B": (_size(5120, 13824, 40), "0 of 400 adapted modules match.*made for Wan 14B"),
    "5B": (_size(3072, 14336, 30), "0 of 300 adapted.*made for Wan 2.2 5B"),
    "1.3B": (_size(1536, 8960, 30), "0 of 300 adapted.*made for Wan 1.3B"),
    "Pocket": (_size(384, 1024, 7), "0 of 70 adapted.*made for Pocket"),
    "tiny's widths, more blocks": (
        _size(48, 64, 3),
        "20 of 30 adapted modules match; it has no blocks.2.*and 7 more",
    ),
    "an unknown size": (_size(96, 128, 2), r"is \(48, 48\), the LoRA is for \(96, 96\)"),
    "image conditions": (
        _with(made({"blocks.0.cross_attn.k_img": (48, 48)})),
        "20 of 21 adapted modules match; it has no blocks.0.cross_attn.k_img",
    ),
}
_PAIRS: dict[str, tuple[Make, str]] = {
    "one B missing": (_changed(b=None), f"no up matrix for {_Q}"),
    "one A missing": (_changed(a=None), f"no down matrix for {_Q}"),
    "all B missing": (_only("lora_A"), "no up matrix"),
    "all A missing": (_only("lora_B"), "no down matrix"),
    "A and B swapped": (
        _tensors({n.translate(str.maketrans("AB", "BA")): t for n, t in _GOOD.items()}),
        "look transposed",
    ),
    "both transposed": (
        _changed(a=_GOOD[_A].T.contiguous(), b=_GOOD[_B].T.contiguous()),
        "looks transposed",
    ),
    "A transposed": (_changed(a=_GOOD[_A].T.contiguous()), "rank 48 in the down matrix and 4"),
    "ranks that differ": (_changed(a=torch.zeros(3, 48)), "rank 3 in the down matrix and 4"),
    "other inputs": (_changed(a=torch.zeros(4, 40)), r"is \(48, 48\), the LoRA is for \(48, 40\)"),
    "other outputs": (_changed(b=torch.zeros(40, 4)), r"the LoRA is for \(40, 48\)"),
    "a transposed module": (
        _with(
            {
                "blocks.0.ffn.0.lora_A.default.weight": torch.zeros(4, 64),
                "blocks.0.ffn.0.lora_B.default.weight": torch.zeros(48, 4),
            }
        ),
        "looks transposed",
    ),
    "vectors": (_changed(a=torch.zeros(4), b=torch.zeros(4)), r"no usable down matrix.*\(4,\)"),
    "whole numbers": (_changed(a=torch.zeros(4, 48, dtype=torch.int8)), "no usable down.*int8"),
    "truth values": (_changed(a=torch.zeros(4, 48, dtype=torch.bool)), "no usable down.*bool"),
    "rank 0": (_changed(a=torch.zeros(0, 48), b=torch.zeros(48, 0)), "no usable down matrix"),
    "rank 4096": (
        _changed(a=torch.zeros(4096, 48), b=torch.zeros(48, 4096)),
        "rank 4,096 in .*at most 2,048",
    ),
    "NaN": (_changed(a=torch.full((4, 48), torch.nan)), f"NaN or Inf in '{_A}'"),
    "Inf": (_changed(b=torch.full((48, 4), torch.inf)), f"NaN or Inf in '{_B}'"),
    "huge values": (_changed(a=torch.full((4, 48), 1e30)), r"values up to 1e\+30"),
    "huge doubles": (
        _changed(a=torch.full((4, 48), 1e300, dtype=torch.float64)),
        "NaN or Inf in",
    ),
    "extra tensors": (_with({"note": torch.zeros(3)}), "belong to no LoRA, the first is 'note'"),
    "one module twice": (
        _with({f"diffusion_model.{_Q}.lora_A.weight": torch.zeros(4, 48)}),
        f"'down' of {_Q} twice",
    ),
    "an alpha alone": (
        _tensors({**_KOHYA, "lora_unet_text_embedding_0.alpha": torch.tensor(4.0)}),
        "only an alpha for text_embedding.0",
    ),
    "one alpha missing": (_alpha(None), f"an alpha for 19 of 20 modules.*{_Q}"),
    "alpha 0": (_alpha(torch.tensor(0.0)), f"impossible alpha for {_Q}: 0"),
    "a negative alpha": (_alpha(torch.tensor(-4.0)), "impossible alpha .*: -4"),
    "an alpha of two numbers": (_alpha(torch.ones(2)), r"impossible alpha .*\(2,\)"),
    "an alpha of NaN": (_alpha(torch.tensor(torch.nan)), "NaN or Inf in 'lora_unet_blocks_0"),
    "a difference of another shape": (
        _with({f"{_Q}.diff_b": torch.zeros(47)}),
        r"bias is \(48,\), the LoRA is for \(47,\)",
    ),
    "a difference of what is not there": (
        _with({"blocks.0.norm1.diff": torch.zeros(48)}),
        "it has no blocks.0.norm1",
    ),
    "peft's settings damaged": (_peft("{"), "does not say r and lora_alpha"),
    "peft's settings of another kind": (_peft({"peft_type": "IA3"}), "does not say r"),
    "peft's alphas by module": (
        _peft({"r": 4, "lora_alpha": 4, "alpha_pattern": {"q": 8}}),
        "sets alpha_pattern",
    ),
    "peft with DoRA": (_peft({"r": 4, "lora_alpha": 4, "use_dora": True}), "sets use_dora"),
    "peft's alpha 0": (_peft({"r": 4, "lora_alpha": 0}), "lora_alpha=0"),
}
WRONG: dict[str, tuple[Make, str]] = {**_FILES, **_FAMILIES, **_PAIRS}
