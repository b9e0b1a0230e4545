"""What the page shows of models, as plain values, and where they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from videosketcher_app.core.errors import AppError
from videosketcher_app.models.model_rows import DRAWING_KINDS
from videosketcher_app.services.container import Services
from videosketcher_app.services.lora_notes import LoraEntry
from videosketcher_app.services.model_facts import all_facts
from videosketcher_app.services.presets import Preset
from videosketcher_app.ui.texts import t

if TYPE_CHECKING:
    from videosketcher_app.models.model_rows import ModelRow, Source
    from videosketcher_app.services.model_store import ModelCard

TEST_FAMILY = "tiny"
HERE = frozenset({"shipped", "here", "damaged"})  # its files are in the app's own folders


@dataclass(frozen=True, kw_only=True)
class ShownModel:
    """One row of the catalogue as it is on this disk.

    Attributes:
        state: shipped, here, found (elsewhere on this disk), partial, absent or damaged.
        num_bytes: of its files on this disk.
        total_bytes: of all its files; None if nobody knows.
        where: its folder; None if nothing of it is here.
        needs: names of the other rows that it draws with.
        missing: those of `needs` that are not on this disk.
        source: who publishes it, in words; empty if it cannot be downloaded.
        flaw: why it is damaged; empty if it is not.
        presets: names of the presets that draw with it.
        is_linked: its files stay where they were found, and nobody here removes them.
        is_imported_lora: it is a file of the folder of LoRAs, not a row of the catalogue.
    """

    name: str
    kind: str
    about: str
    licence: str
    state: str
    num_bytes: int = 0
    total_bytes: int | None = None
    where: Path | None = None
    needs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    source: str = ""
    flaw: str = ""
    presets: tuple[str, ...] = ()
    is_linked: bool = False
    is_imported_lora: bool = False

    @property
    def key(self) -> str:
        """What the page calls it: an imported LoRA may be named like a row of the catalogue."""
        return f"lora/{self.name}" if self.is_imported_lora else self.name

    @property
    def is_here(self) -> bool:
        """True if it can be used, or could if its files were right."""
        return self.state in HERE


@dataclass(frozen=True, kw_only=True)
class FitLine:
    """Whether one preset of a model fits this machine, in a sentence."""

    label: str
    fits: bool
    words: str


def shown_models(services: Services, started_with: str) -> tuple[ShownModel, ...]:
    """All models of the catalogue and all imported LoRAs; looks at the disk, which takes a while.

    Args:
        started_with: the model that the app was started with; the test family is shown to nobody
            who did not ask for it.

    Raises:
        AppError: the disk or the catalogue cannot be read.
    """
    families = {facts.name: facts.family for facts in all_facts()}
    with_tests = families.get(started_with) == TEST_FAMILY
    cards = services.model_store.cards()
    models = [
        _of_card(card, services) for card in cards if with_tests or card.row.family != TEST_FAMILY
    ]
    loras = [_of_lora(entry, services.loras.folder) for entry in services.loras.entries()]
    return (*models, *loras)


def _of_card(card: ModelCard, services: Services) -> ShownModel:
    row, place = card.row, card.place
    own_folder = services.model_store.folder / row.name
    is_elsewhere = place is not None and not place.folder.is_relative_to(own_folder)
    return ShownModel(
        name=row.name,
        kind=row.kind,
        about=row.about[:1].upper() + row.about[1:],
        licence=row.licence,
        state=card.state,
        num_bytes=card.bytes_on_disk,
        total_bytes=row.total_bytes,
        where=place.folder if place is not None and card.state != "shipped" else None,
        needs=row.needs,
        missing=card.needs_missing,
        source=source_words(row.sources),
        flaw=card.flaw,
        presets=_presets_of(row, services.presets),
        is_linked=card.state == "here" and is_elsewhere,
    )


def _presets_of(row: ModelRow, presets: Sequence[Preset]) -> tuple[str, ...]:
    """Those that name the row, its own one first."""
    named = [preset.name for preset in presets if preset.request.get("model") == row.name]
    own = [preset.name for preset in presets if preset.name == row.default_preset]
    return tuple(dict.fromkeys([*own, *named]))


def _of_lora(entry: LoraEntry, folder: Path) -> ShownModel:
    about = t("models.lora_fits", fits=entry.fits) if entry.fits else t("models.lora_about")
    if entry.trigger_words:
        about += " " + t("models.lora_words", words=", ".join(entry.trigger_words))
    return ShownModel(
        name=entry.name,
        kind="lora",
        about=about,
        licence="",
        state="damaged" if entry.flaw else "here",
        num_bytes=entry.disk_bytes,
        where=folder,
        flaw=entry.flaw,
        is_imported_lora=True,
    )


def source_words(sources: Sequence[Source]) -> str:
    """Where a model is published, the first place first, each repository once."""
    hubs: dict[str, list[str]] = {}
    for source in sources:
        hubs.setdefault(source.repo, []).append(t(f"models.hub_{source.hub}"))
    return ", ".join(f"{repo} ({', '.join(names)})" for repo, names in hubs.items())


def fit_lines(services: Services, model: ShownModel) -> tuple[FitLine, ...]:
    """One line for every preset that draws with a model, or one for its own settings."""
    if model.kind not in DRAWING_KINDS:
        return ()
    labels = {preset.name: preset.label for preset in services.presets}
    wanted = [(labels[name], name) for name in model.presets] or [(t("models.own_settings"), None)]
    return tuple(_fit_line(services, model.name, label, preset) for label, preset in wanted)


def _fit_line(services: Services, model: str, label: str, preset: str | None) -> FitLine:
    try:
        fit = services.model_manager.will_it_fit(model, preset)
    except AppError as error:
        return FitLine(label=label, fits=False, words=str(error))
    return FitLine(label=label, fits=fit.fits, words=f"{fit.sentence} {fit.hint}".strip())
