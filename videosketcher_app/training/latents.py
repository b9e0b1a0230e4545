"""Sets of latents: clips or teacher's paths that are encoded once, with the words' embeddings.

    latents.json               {"format": 1, "kind": "clips" | "paths", "encoders", "shape", ...}
    00000000.safetensors       "latents" (F, C, h, w), float16; a path is (S, F, C, h, w), noisy first
                               metadata: prompt, source
    text/<digest>.safetensors  "embeddings" (L, D) of one prompt, its end not padded

Axes and precision are those of the published LMDB (storage/latent_lmdb.py), which is read as well;
the embeddings of its prompts are then kept beside the run. A file is there whole or not at all, so
making a set goes on where it stopped.

Legend: S states, F latent frames, C channels, h/w latent cells, L tokens, D width.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Protocol

import torch
from torch import Tensor

from videosketcher_app.core.errors import AppError, InvalidFile, InvalidRequest
from videosketcher_app.storage import atomic
from videosketcher_app.storage import tensors as tensor_files
from videosketcher_app.storage.bounded import read_text
from videosketcher_app.storage.latent_lmdb import LatentReader
from videosketcher_app.training.causal_parts import CausalParts

SET_FILE, TEXT_FOLDER = "latents.json", "text"
LMDB_FILE = "data.mdb"
FORMAT = 1
Kind = Literal["clips", "paths"]
_MAX_SET_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class SetFacts:
    """What all files of a set share.

    Attributes:
        encoders: see `CausalParts.encoders`.
        timesteps: of a path's states, noisy first; empty for clips.
        made_with: the settings that a file depends on beside its source.
    """

    kind: Kind
    encoders: str
    width: int
    height: int
    num_frames: int
    timesteps: tuple[float, ...] = ()
    made_with: tuple[str, ...] = ()


class LatentSet(Protocol):
    """Rows of latents with their prompts."""

    facts: SetFacts | None

    def __len__(self) -> int: ...

    def __getitem__(self, row: int) -> tuple[str, Tensor]:
        """Prompt and latents (F, C, h, w) or (S, F, C, h, w), float32."""
        ...

    def prompts(self) -> Iterator[str]:
        """Of every row."""
        ...


class LatentFolder:
    """A set as a folder of files.

    Raises:
        InvalidFile: the folder is no such set, or a row cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts: SetFacts | None = read_facts(folder)
        self.files = sorted(path for path in folder.glob("*.safetensors") if path.stem.isdigit())
        if not self.files:
            raise InvalidFile(f"{folder.name} holds no latents.", hint="Make it again.")

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> tuple[str, Tensor]:
        """Prompt and latents, float32."""
        path = self.files[row]
        latents = tensor_files.read_safetensors(path, names=["latents"])["latents"]
        return _note(path, "prompt"), latents.float()

    def prompts(self) -> Iterator[str]:
        """Of every row."""
        return (_note(path, "prompt") for path in self.files)


class LatentLmdb:
    """A set as one LMDB; every process opens it for itself."""

    facts: SetFacts | None = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._reader: LatentReader | None = None
        self._process = 0

    @property
    def reader(self) -> LatentReader:
        """Of this process: an LMDB must not be carried over a fork."""
        if self._reader is None or self._process != os.getpid():
            self._reader, self._process = LatentReader(self.folder), os.getpid()
        return self._reader

    def __getstate__(self) -> dict[str, object]:
        return {"folder": self.folder, "_reader": None, "_process": 0}

    def __len__(self) -> int:
        return len(self.reader)

    def __getitem__(self, row: int) -> tuple[str, Tensor]:
        """Prompt and latents, float32."""
        prompt, latents = self.reader[row]
        return prompt, torch.from_numpy(latents).float()

    def prompts(self) -> Iterator[str]:
        """Of every row."""
        return (self.reader[row][0] for row in range(len(self)))


class TextStore:
    """Embeddings of prompts in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, prompt: str) -> Path:
        """Where a prompt's embeddings are."""
        digest = hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / f"{digest[:24]}.safetensors"

    def read(self, prompt: str) -> Tensor:
        """Embeddings (L, D), float32."""
        return tensor_files.read_safetensors(self.path(prompt))["embeddings"].float()

    def fill(self, prompts: Iterable[str], parts: CausalParts) -> None:
        """Computes what is missing."""
        atomic.sweep_leftovers(self.folder)
        for prompt in prompts:
            self.keep(prompt, parts)

    def keep(self, prompt: str, parts: CausalParts) -> None:
        """Computes the embeddings of one prompt if they are missing."""
        path = self.path(prompt)
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            embeddings = trimmed(parts.encode_prompt(prompt)).to("cpu").contiguous()
            tensor_files.write_safetensors(path, {"embeddings": embeddings})


def is_latent_set(path: Path) -> bool:
    """True for a folder of latents or an LMDB of them."""
    return (path / SET_FILE).is_file() or (path / LMDB_FILE).is_file()


def open_latents(path: Path) -> LatentSet:
    """A set, whichever way it is stored.

    Raises:
        InvalidFile: there is none, or it is damaged.
    """
    if (path / LMDB_FILE).is_file():
        return LatentLmdb(path)
    return LatentFolder(path)


def text_store_of(path: Path, run_folder: Path) -> TextStore:
    """Where the embeddings of a set's prompts are, or are to be kept."""
    own = path / TEXT_FOLDER
    return TextStore(own if own.is_dir() else run_folder / TEXT_FOLDER)


def sweep_set(folder: Path) -> None:
    """Removes what dead processes of this machine left half-written in a set."""
    for place in (folder, folder / TEXT_FOLDER):
        atomic.sweep_leftovers(place)


def start_set(folder: Path, facts: SetFacts) -> None:
    """Makes the folder of a set, or checks that it can go on.

    Sweeps nothing: processes of other machines may be writing into it, and look dead from here.

    Raises:
        InvalidRequest: it was begun with other settings.
        CannotWrite: the folder cannot be written.
    """
    if (folder / SET_FILE).is_file():
        begun = read_facts(folder)
        if begun != facts:
            differing = [name for name in vars(facts) if vars(facts)[name] != vars(begun)[name]]
            raise InvalidRequest(
                f"{folder.name} was begun with other settings: {', '.join(differing)}.",
                hint="Choose another output folder, or repeat the settings it was begun with.",
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    atomic.write_json(folder / SET_FILE, {"format": FORMAT, **asdict(facts)})


def read_facts(folder: Path) -> SetFacts:
    """The facts that a set's folder states.

    Raises:
        InvalidFile: there are none, or not of this format.
    """
    path = folder / SET_FILE
    text = read_text(path, max_bytes=_MAX_SET_BYTES, what=f"{SET_FILE} of {folder.name}")
    try:
        values = json.loads(text)
        known = {name: values[name] for name in SetFacts.__dataclass_fields__}
        if values["format"] != FORMAT or known["kind"] not in ("clips", "paths"):
            raise ValueError(values["format"])
        known["timesteps"] = tuple(float(t) for t in known["timesteps"])
        known["made_with"] = tuple(str(word) for word in known["made_with"])
        return SetFacts(**known)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidFile(
            f"{path} does not describe a set of latents.", hint="Make the set again."
        ) from error


def row_path(folder: Path, row: int, digits: int = 8) -> Path:
    """The file of a row, named as the published ones."""
    return folder / f"{row:0{digits}d}.safetensors"


def is_made(path: Path, prompt: str, source: str) -> bool:
    """True if a row's file is there, whole, and of this very source."""
    try:
        notes = tensor_files.read_metadata(path) if path.is_file() else {}
    except AppError:
        return False
    return (notes.get("prompt"), notes.get("source")) == (prompt, source)


def write_row(path: Path, latents: Tensor, prompt: str, source: str) -> None:
    """Writes one row.

    Args:
        latents: (F, C, h, w) or (S, F, C, h, w).

    Raises:
        InvalidFile: the latents hold numbers that float16 cannot.
    """
    half = latents.to("cpu", torch.float16).contiguous()
    if not bool(half.isfinite().all()):
        raise InvalidFile(
            f"The latents of {source} are not finite.", hint="Look at the clip; leave it out."
        )
    tensor_files.write_safetensors(
        path, {"latents": half}, metadata={"prompt": prompt, "source": source}
    )


def trimmed(embeddings_LD: Tensor) -> Tensor:
    """Embeddings without the zeros that follow the prompt's end; at least one row."""
    filled = embeddings_LD.ne(0).any(1).nonzero()
    end = int(filled[-1]) + 1 if len(filled) else 1
    return embeddings_LD[:end].clone()


def _note(path: Path, name: str) -> str:
    notes = tensor_files.read_metadata(path)
    if name not in notes:
        raise InvalidFile(f"{path.name} does not say its {name}.", hint="Make the set again.")
    return notes[name]
