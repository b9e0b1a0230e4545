"""Two hundred and more files that are no usable weights, each made on demand.

`CORRUPT` maps a name to how the file is made: in an empty folder, returning the path to import.
"""

from __future__ import annotations

import io
import json
import os
import pickle  # noqa: TID251 - what is refused must be made
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from videosketcher_app.models.identify.networks import WanShape, shapes_of, wan_shapes
from videosketcher_app.storage.safetensors_format import encode_header
from videosketcher_app.storage.tensors import write_safetensors

Make = Callable[[Path], Path]
SMALL = WanShape(dim=64, ffn_dim=96, num_layers=2, text_dim=32, freq_dim=32)
CANARY = "VIDEOSKETCHER_CANARY"
_places = random.Random(5)


def weights() -> dict[str, torch.Tensor]:
    """A whole small causal transformer."""
    generator = torch.Generator().manual_seed(4)
    shapes = wan_shapes(SMALL)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def good_safetensors(folder: Path) -> Path:
    """What `train causal` leaves of a small Wan; everything below is a damaged copy of it."""
    path = folder / "good.safetensors"
    write_safetensors(path, weights(), {"container": "generator"})
    (folder / "config.json").write_text('{"num_heads": 2}')
    return path


def good_pickle(folder: Path) -> Path:
    """The same as a trainer pickles it."""
    path = folder / "good.pt"
    table = {f"model.{name}": value for name, value in weights().items()}
    torch.save({"generator": table, "epoch": 3}, path)
    (folder / "config.json").write_text('{"num_heads": 2}')
    return path


def _cut(good: Make, share: float) -> Make:
    def make(folder: Path) -> Path:
        path = good(folder)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        return path

    return make


def _flipped(place: float, bit: int) -> Make:
    """One bit of the header turned over."""

    def make(folder: Path) -> Path:
        path = good_safetensors(folder)
        data = bytearray(path.read_bytes())
        length = struct.unpack("<Q", data[:8])[0]
        text = bytes(data[8 : 8 + length]).rstrip()
        begin = text.index(b"}", text.index(b"__metadata__")) + 2  # free texts are not checked
        data[8 + begin + int(place * (len(text) - begin))] ^= 1 << bit
        path.write_bytes(bytes(data))
        return path

    return make


def _changed(change: Callable[[dict[str, torch.Tensor]], None], *, pickled: bool = False) -> Make:
    def make(folder: Path) -> Path:
        tensors = weights()
        change(tensors)
        path = good_safetensors(folder)
        if pickled:
            path = path.with_suffix(".pt")
            torch.save({"generator": {f"model.{n}": t for n, t in tensors.items()}}, path)
        else:
            write_safetensors(path, tensors, {"container": "generator"})
        return path

    return make


def _header(edit: Callable[[dict[str, Any]], Any]) -> Make:
    """The header rewritten, the bytes behind it left as they are."""

    def make(folder: Path) -> Path:
        path = good_safetensors(folder)
        data = path.read_bytes()
        length = struct.unpack("<Q", data[:8])[0]
        content = json.loads(data[8 : 8 + length])
        changed = edit(content)
        content = content if changed is None else changed
        text = json.dumps(content).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
        return path

    return make


def _raw(data: bytes, name: str) -> Make:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


class _Runs:
    """What a hostile pickle would run."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.function, self.arguments


def _hostile(payload: Any, *, beside: bool, suffix: str) -> Make:
    def make(folder: Path) -> Path:
        path = folder / f"hostile{suffix}"
        table: dict[str, Any] = {f"model.{name}": value for name, value in weights().items()}
        if not beside:
            table["model.extra"] = payload
        torch.save({"generator": table, **({"config": payload} if beside else {})}, path)
        return path

    return make


def _set_canary() -> str:
    return f"import os; os.environ[{CANARY!r}] = '1'"


_PAYLOADS = {
    "exec": _Runs(exec, _set_canary()),
    "eval": _Runs(eval, f"__import__('os').environ.__setitem__({CANARY!r}, '1')"),
    "putenv": _Runs(os.putenv, CANARY, "1"),
    "import": _Runs(__import__, "antigravity"),
    "getattr": _Runs(getattr, "a text", "upper"),
    "system": _Runs(os.system, f"touch {CANARY}"),
    "mkdir": _Runs(os.mkdir, CANARY),
    "open": _Runs(open, CANARY, "w"),
}


def _packed(folder: Path) -> Path:
    """A torch archive whose members were packed again: a bomb's shape."""
    good = good_pickle(folder)
    path = folder / "packed.pt"
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(path, "w") as target:
        for member in source.infolist():
            target.writestr(member.filename, source.read(member), zipfile.ZIP_DEFLATED)
    return path


def _bomb(folder: Path) -> Path:
    path = folder / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("archive/data.pkl", b"\0" * 30_000_000)
    return path


def _nested(folder: Path) -> Path:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("data.pkl", b"\0" * 10_000_000)
    path = folder / "nested.pt"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("archive/data.pkl", inner.getvalue())
    return path


def _stretched(folder: Path) -> Path:
    """A gigabyte of tensor that is one number repeated."""
    path = folder / "stretched.pt"
    table = {f"model.{name}": value for name, value in weights().items()}
    table["model.patch_embedding.weight"] = torch.zeros(1).expand(16_000, 16_000)
    torch.save({"generator": table}, path)
    return path


def _sparse_layout(folder: Path) -> Path:
    path = folder / "sparse.pt"
    table: dict[str, Any] = {f"model.{name}": value for name, value in weights().items()}
    table["model.head.head.weight"] = torch.sparse_coo_tensor(
        torch.zeros(2, 1, dtype=torch.long), torch.ones(1), (64, 64), check_invariants=True
    )
    torch.save({"generator": table}, path)
    return path


def _legacy(folder: Path) -> Path:
    path = folder / "legacy.pt"
    torch.save({"generator": weights()}, path, _use_new_zipfile_serialization=False)
    return path


def _bare_pickle(folder: Path) -> Path:
    path = folder / "bare.pt"
    path.write_bytes(pickle.dumps({"generator": _Runs(exec, _set_canary())}))
    return path


def _polyglot(folder: Path) -> Path:
    """A hostile pickle named as safetensors."""
    path = _hostile(_PAYLOADS["exec"], beside=True, suffix=".pt")(folder)
    return path.rename(folder / "polyglot.safetensors")


def _wrong_part(network: str, edit: str) -> Make:
    """A published part with one flaw, at its real shape."""

    def make(folder: Path) -> Path:
        shapes = dict(shapes_of(network))
        names = [name for name in shapes if name.startswith(("decoder.", "blocks.", "visual."))]
        name = names[len(names) // 2]
        if edit == "missing":
            del shapes[name]
        elif edit == "extra":
            shapes[f"{name}.more"] = (1,)
        elif edit == "shape":
            shapes[name] = (*shapes[name][:-1], shapes[name][-1] + 1)
        dtype = "I32" if edit == "whole numbers" else "F16"
        head, _ = encode_header({n: (dtype, s) for n, s in shapes.items()}, {})
        content = json.loads(head[8:])
        end = max(entry["data_offsets"][1] for entry in content.values())
        path = folder / "part.safetensors"
        with path.open("wb") as file:
            file.write(head)
            file.truncate(len(head) + end)
        return path

    return make


def _without_config(folder: Path) -> Path:
    path = good_safetensors(folder)
    (folder / "config.json").unlink()
    return path


def _set(name: str, value: Callable[[torch.Tensor], torch.Tensor]) -> Make:
    return _changed(lambda tensors: tensors.update({name: value(tensors[name])}))


def _drop(name: str, *, pickled: bool = False) -> Make:
    return _changed(lambda tensors: tensors.__delitem__(name), pickled=pickled)


def _one_bad(value: float) -> Callable[[torch.Tensor], torch.Tensor]:
    def change(tensor: torch.Tensor) -> torch.Tensor:
        changed = tensor.clone()
        changed.view(-1)[changed.numel() // 2] = value
        return changed

    return change


_NAMES = sorted(wan_shapes(SMALL))
_OTHER_FORMATS = {
    "picture": (b"\x89PNG\r\n\x1a\n" + b"\0" * 200, "a.safetensors"),
    "web page": (b"<!DOCTYPE html><html>404</html>", "a.safetensors"),
    "web page as pickle": (b"<html><body>Sign in</body></html>", "a.pt"),
    "LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a.safetensors"),
    "refusal": (b"Entry not found", "a.pth"),
    "JSON": (b'{"error": "gone"}', "a.safetensors"),
    "text": (b"weights follow", "a.pt"),
    "GGUF": (b"GGUF\3\0\0\0", "a.gguf"),
    "GGUF by name of safetensors": (b"GGUF\3\0\0\0" + b"\0" * 100, "a.safetensors"),
    "video": (b"\0\0\0\x18ftypmp42" + b"\0" * 100, "a.safetensors"),
    "numpy": (b"\x93NUMPY\1\0" + b"\0" * 100, "a.pt"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "a.bin"),
    "empty zip": (b"PK\5\6" + b"\0" * 18, "a.pt"),
    "program": (b"\x7fELF" + b"\0" * 100, "a.ckpt"),
    "archive": (b"PK\3\4", "a.zip"),
    "no suffix": (b"abc", "weights"),
    "tar": (b"model\0" + b"\0" * 300, "a.pt"),
    "gzip": (b"\x1f\x8b\x08" + b"\0" * 100, "a.safetensors"),
    "byte order mark": (b"\xef\xbb\xbf{}", "a.safetensors"),
    "negative length": (struct.pack("<q", -1) + b"{}", "a.safetensors"),
}

CORRUPT: dict[str, Make] = {
    **{f"safetensors cut at {n}/41": _cut(good_safetensors, n / 41) for n in range(1, 41)},
    **{f"pickle cut at {n}/41": _cut(good_pickle, n / 41) for n in range(1, 41)},
    **{
        f"header bit {n} turned": _flipped(_places.random() * 0.999, _places.randrange(8))
        for n in range(60)
    },
    **{f"without {name}": _drop(name) for name in _NAMES[:: len(_NAMES) // 12]},
    **{
        f"pickle without {name}": _drop(name, pickled=True)
        for name in _NAMES[5 :: len(_NAMES) // 6]
    },
    **{f"NaN in {name}": _set(name, _one_bad(float("nan"))) for name in _NAMES[::20]},
    **{f"Inf in {name}": _set(name, _one_bad(float("-inf"))) for name in _NAMES[7::20]},
    **{f"turned {name}": _set(name, lambda t: t.flip(0)[..., None]) for name in _NAMES[3::25]},
    **{f"whole numbers in {n}": _set(n, lambda t: t.to(torch.int32)) for n in _NAMES[9::25]},
    **{f"{name} as a file": _raw(*parts) for name, parts in _OTHER_FORMATS.items()},
    **{
        f"empty {suffix}": _raw(b"", f"a{suffix}")
        for suffix in (".safetensors", ".pt", ".pth", ".bin")
    },
    **{
        f"code by {name}{' beside' if beside else ''}": _hostile(p, beside=beside, suffix=suffix)
        for name, p in _PAYLOADS.items()
        for beside, suffix in ((True, ".pt"), (False, ".pth"))
    },
    **{
        f"{network} with {edit}": _wrong_part(network, edit)
        for network in ("umt5-xxl", "wan2.1-vae", "clip-vit-h", "taew2.1", "wan-t2v-1.3b")
        for edit in ("missing", "extra", "shape", "whole numbers")
    },
    "an extra tensor": _changed(lambda t: t.update({"blocks.0.extra": torch.zeros(3)})),
    "another block": _changed(lambda t: t.update({"blocks.9.modulation": torch.zeros(1, 6, 64)})),
    "an image branch in half": _changed(
        lambda t: t.update({"img_emb.proj.0.weight": torch.ones(9)})
    ),
    "more channels": _set("patch_embedding.weight", lambda t: t.repeat(1, 3, 1, 1, 1)),
    "no heads told": _without_config,
    "overlap": _header(lambda h: h["head.head.bias"].update(data_offsets=[0, 256])),
    "gap": _header(lambda h: h.__delitem__("blocks.0.ffn.2.bias")),
    "shape bomb": _header(lambda h: h["head.head.bias"].update(shape=[1 << 40, 1 << 40])),
    "negative shape": _header(lambda h: h["head.head.bias"].update(shape=[-1])),
    "unknown type": _header(lambda h: h["head.head.bias"].update(dtype="F7")),
    "list": _header(lambda _: []),
    "metadata of numbers": _header(lambda h: h.update({"__metadata__": {"a": 1}})),
    "deep JSON": _raw(struct.pack("<Q", 20_000) + b"[" * 20_000, "a.safetensors"),
    "huge header": _raw(struct.pack("<Q", 1 << 40) + b"{}", "a.safetensors"),
    "packed archive": _packed,
    "bomb": _bomb,
    "nested bomb": _nested,
    "stretched tensor": _stretched,
    "sparse tensor": _sparse_layout,
    "legacy pickle": _legacy,
    "bare pickle": _bare_pickle,
    "hostile pickle as safetensors": _polyglot,
}
