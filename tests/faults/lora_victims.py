"""Kills the real library of LoRAs while it imports and merges, and says what it left, as JSON lines.

    python -m tests.faults.lora_victims FOLDER

Every pass of every fault point of one import and of one merge kills one process.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

import torch

from tests.faults.forks import KILLED, run_victim
from tests.faults.generation_victims import say, told
from tests.models.lora.made import made, modules_of
from videosketcher_app.core import faults
from videosketcher_app.core.requests import LoraSpec
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.writing import write_lora
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.services.lora_requests import merge_files
from videosketcher_app.services.loras import LoraLibrary
from videosketcher_app.storage.atomic import sweep_leftovers


def prepare(folder: Path) -> None:
    """A base model and a LoRA for it."""
    model = tiny_model()
    model.save(folder / "base")
    write_lora(folder / "ink.safetensors", adapter_from(made(modules_of(model.transformer))))


def work(source: Path, place: Path) -> None:
    """What a victim does: imports a LoRA and merges it into the base."""
    library = LoraLibrary(place / "loras")
    library.add(source / "ink.safetensors", trigger_words=["ink"])
    merge_files(library, str(source / "base"), [LoraSpec(path="ink")], place / "styled")


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 by file; the note's own holds a time, so only its presence counts."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): ""
        if path.suffixes[-2:] == [".lora", ".json"]
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def restarted(source: Path, place: Path) -> dict[str, object]:
    """What is there after a kill, and after the same work was done again."""
    place.mkdir(exist_ok=True)
    for folder in (place, place / "loras"):
        sweep_leftovers(folder)
    entries = LoraLibrary(place / "loras").entries()
    report = {
        "flaws": [entry.flaw for entry in entries if entry.flaw],
        "whole": sorted(path.name for path in place.glob("styled/*")),
        "base": hashes(source),
    }
    shutil.rmtree(place / "styled", ignore_errors=True)
    work(source, place)
    return {**report, "after": hashes(place)}


def traced(source: Path, place: Path) -> dict[str, object]:
    """The undisturbed work: what it leaves, and the points that it passes."""
    with faults.traced() as points:
        work(source, place)
    return {"points": points, "after": hashes(place), "base": hashes(source)}


def main(folder: Path) -> None:
    source = folder / "source"
    source.mkdir()
    told(lambda: prepare(source) or {})
    reference = told(lambda: traced(source, folder / "reference"))
    say(reference)
    points = reference["points"]
    for index, name in enumerate(points):
        place = folder / str(index)
        skip = points[:index].count(name)
        status = run_victim(lambda place=place: work(source, place), point=name, skip=skip)
        killed = {"point": name, "killed": status == KILLED}
        say({**killed, **told(lambda place=place: restarted(source, place))})
        shutil.rmtree(place)


if __name__ == "__main__":
    torch.set_num_threads(1)  # a fork does not inherit the others
    import videosketcher_app.models.lora.merged_model  # noqa: F401

    main(Path(sys.argv[1]))
