"""`lora`: what a LoRA is, the folder of LoRAs, other layouts, and merging into a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videosketcher_app.cli import options
from videosketcher_app.cli.console import Console
from videosketcher_app.core.errors import InvalidRequest

if TYPE_CHECKING:
    from videosketcher_app.models.lora.facts import LoraFacts
    from videosketcher_app.services.lora_notes import LoraEntry
    from videosketcher_app.services.loras import LoraLibrary

app = typer.Typer(help="LoRAs: look into them, keep, convert and merge them.", no_args_is_help=True)

_File = Annotated[str, typer.Argument(help="A LoRA file, or a name in `lora list`.")]
_Name = Annotated[str, typer.Argument(help="A name in `lora list`.")]
_Words = Annotated[
    list[str] | None, typer.Option("--trigger", help="A word that calls its style; repeatable.")
]


@app.command("inspect")
def inspect(file: _File, as_json: options.Json = False, quiet: options.Quiet = False) -> None:
    """Says what a LoRA is for, how it is built, and whether it is whole."""
    from videosketcher_app.models.lora.facts import describe

    facts = describe(_library().read(file))
    Console(quiet=quiet, as_json=as_json).result(facts.to_mapping(), _told(facts))


@app.command("list")
def list_loras(as_json: options.Json = False, quiet: options.Quiet = False) -> None:
    """Lists the LoRAs that were imported, with their trigger words."""
    console = Console(quiet=quiet, as_json=as_json)
    for entry in _library().entries():
        console.result(entry.to_mapping(), _line(entry))


@app.command("import")
def import_lora(
    file: Annotated[Path, typer.Argument(help="A LoRA file, or a folder that peft wrote.")],
    name: Annotated[str | None, typer.Option("--name", help="Default: the file's own.")] = None,
    trigger: _Words = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Copies a LoRA into the workspace, so that its name is enough."""
    entry = _library().add(file, name=name, trigger_words=trigger or ())
    Console(quiet=quiet, as_json=as_json).result(entry.to_mapping(), _line(entry))


@app.command("remove")
def remove(name: _Name, as_json: options.Json = False, quiet: options.Quiet = False) -> None:
    """Removes a LoRA from the workspace."""
    _library().remove(name)
    Console(quiet=quiet, as_json=as_json).result({"name": name, "removed": True}, f"{name}: gone")


@app.command("words")
def words(
    name: _Name,
    trigger: Annotated[list[str], typer.Argument(help="Words that call its style.")],
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Notes the trigger words of an imported LoRA."""
    entry = _library().set_trigger_words(name, trigger)
    Console(quiet=quiet, as_json=as_json).result(entry.to_mapping(), _line(entry))


@app.command("convert")
def convert(
    source: _File,
    out: Annotated[Path, typer.Argument(help="A free name; for peft a folder.")],
    layout: Annotated[str, typer.Option("--layout", help="For instance comfyui.")] = "diffsynth",
    trigger: _Words = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Writes a LoRA in the layout of another tool: diffsynth, peft, comfyui, diffusers, kohya ..."""
    from videosketcher_app.models.lora.layouts import layout_named
    from videosketcher_app.models.lora.writing import write_lora

    wanted = layout_named(layout)
    adapter = _library().read(source)
    _require_free(out)
    sha256 = write_lora(out, adapter, wanted, trigger_words=trigger or ())
    value = {"file": str(out), "layout": wanted.name, "sha256": sha256, "read_by": wanted.read_by}
    Console(quiet=quiet, as_json=as_json).result(value, f"{out}: read by {wanted.read_by}")


@app.command("merge")
def merge(
    out: Annotated[Path, typer.Argument(help="A free name: a folder or a file, as the base is.")],
    base: Annotated[str, typer.Option("--base", help="A name in `models list`, or a path.")],
    lora: options.Lora = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Writes a model with LoRAs merged into it; the base's own files stay as they are."""
    from videosketcher_app.core.requests import LoraSpec
    from videosketcher_app.services.lora_requests import merge_files

    specs = tuple(LoraSpec.parse(text) for text in lora or ())
    files = merge_files(_library(), base, specs, out)
    value = {"out": str(out), "files": [str(file) for file in files]}
    Console(quiet=quiet, as_json=as_json).result(value, str(out))


def _library() -> LoraLibrary:
    from videosketcher_app.core.settings import load_settings
    from videosketcher_app.services.loras import library_of

    return library_of(load_settings())


def _require_free(out: Path) -> None:
    if out.exists():
        raise InvalidRequest(f"There is something at {out} already.", hint="Choose a free name.")


def _line(entry: LoraEntry) -> str:
    if entry.flaw:
        return f"{entry.name:<24} cannot be used: {entry.flaw}"
    rank = "/".join(map(str, entry.ranks))
    called = f", say {', '.join(entry.trigger_words)}" if entry.trigger_words else ""
    return f"{entry.name:<24} {entry.fits or 'other size':<10} rank {rank}{called}"


def _told(facts: LoraFacts) -> str:
    targets = ", ".join(f"{name} x {count}" for name, count in facts.targets.items())
    rows = {
        "file": facts.source,
        "fits": facts.fits or "no size that is known here",
        "layout": facts.layout,
        "rank": ", ".join(map(str, facts.ranks)),
        "alpha": ", ".join(f"{alpha:g}" for alpha in facts.alphas),
        "modules": f"{facts.num_modules} in {facts.num_blocks} blocks: {targets}",
        "values": f"{facts.num_values:,} {', '.join(facts.numbers)}",
        "trigger words": ", ".join(facts.trigger_words),
        "sha256": facts.sha256,
        "note": facts.note,
        **{f"says {name}": text for name, text in facts.metadata.items()},
    }
    return "\n".join(
        f"{name + ':':<15} {' '.join(text.split())[:400]}" for name, text in rows.items() if text
    )
