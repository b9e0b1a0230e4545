"""Pickles that would act: eight ways to act, in six kinds of files, made on demand."""

from __future__ import annotations

import io
import pickle  # noqa: TID251 - what is refused must be made
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

_WRITE = "import pathlib; pathlib.Path({path!r}).touch()"


def _named(module: str, name: str, *arguments: Any) -> Any:
    """An object whose unpickling calls a function by its name."""

    class Call:
        def __reduce__(self) -> Any:
            return getattr(__import__(module, fromlist=[name]), name), arguments

    return Call()


# How a payload touches the canary's path.
ACTS: dict[str, Callable[[Path], Any]] = {
    "shell": lambda canary: _named("os", "system", f"touch {canary}"),
    "child": lambda canary: _named("subprocess", "call", ["touch", str(canary)]),
    "exec": lambda canary: _named("builtins", "exec", _WRITE.format(path=str(canary))),
    "eval": lambda canary: _named("builtins", "eval", f"open({str(canary)!r}, 'w')"),
    "open": lambda canary: _named("builtins", "open", str(canary), "w"),
    "make folder": lambda canary: _named("os", "mkdir", str(canary)),
    "import": lambda canary: _named("importlib", "import_module", f"canary_{canary.name}"),
    "nested": lambda canary: _named(
        "pickle", "loads", pickle.dumps(_named("os", "mkdir", str(canary)))
    ),
}


def _archive(payload: Any, path: Path) -> None:
    torch.save({"generator": {"blocks.0.weight": torch.zeros(2), "more": payload}}, path)


def _legacy(payload: Any, path: Path) -> None:
    torch.save({"a": payload}, path, _use_new_zipfile_serialization=False)


def _bare(payload: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps({"state_dict": payload}))


def _cut(payload: Any, path: Path) -> None:
    """Cut off right after the payload, before the pickle ends."""
    path.write_bytes(pickle.dumps(payload, protocol=2)[:-1])


def _polyglot(payload: Any, path: Path) -> None:
    """A safetensors header first, a whole archive of torch behind it."""
    stream = io.BytesIO()
    torch.save({"a": payload}, stream)
    head = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    path.write_bytes(struct.pack("<Q", len(head)) + head + b"\0" * 4 + stream.getvalue())


def _second_pickle(payload: Any, path: Path) -> None:
    """An archive in good order with a second pickle under the name of the first."""
    torch.save({"a": torch.zeros(2)}, path)
    with zipfile.ZipFile(path) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith("data.pkl")]
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the name is there already, on purpose
        archive.writestr(name, pickle.dumps({"a": payload}, protocol=2))


# Container -> the suffix that the file says it has.
CONTAINERS: dict[str, tuple[Callable[[Any, Path], None], str]] = {
    "archive": (_archive, ".pt"),
    "before archives": (_legacy, ".pth"),
    "bare pickle": (_bare, ".bin"),
    "cut after the payload": (_cut, ".pt"),
    "polyglot": (_polyglot, ".safetensors"),
    "a name twice": (_second_pickle, ".pt"),
    "renamed": (_archive, ".safetensors"),
}


def hostile_pickle(folder: Path, container: str, act: str, canary: Path) -> Path:
    """Writes one of them; unpickling it would make something at `canary`."""
    write, suffix = CONTAINERS[container]
    path = folder / f"weights{suffix}"
    write(ACTS[act](canary), path)
    return path
