"""The memory picture as HTML: what is loaded where, in GB, one bar a place."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from videosketcher_app.services.model_manager.views import (
    MemoryPicture,
    SelfTest,
    TestRow,
    duration,
)
from videosketcher_app.ui.components.gallery_grid import safe
from videosketcher_app.ui.components.status_bar import gb
from videosketcher_app.ui.tabs.models.errands import DONE, Errand
from videosketcher_app.ui.texts import t

NUM_COLORS = 8  # of --vs-part-1 to --vs-part-8
_MIN_SHARE = 0.004  # a part that is there can be seen


@dataclass(frozen=True, kw_only=True)
class Part:
    """One holder's part of a place.

    Attributes:
        look: a class of the page's style: mm-1 to mm-8, or mm-others.
    """

    name: str
    num_bytes: int
    why: str = ""
    look: str = "mm-others"


@dataclass(frozen=True, kw_only=True)
class Place:
    """One kind of memory.

    Attributes:
        free_bytes: of the whole, what nobody uses now.
        limit_bytes: what the app may use of it; None where nothing is set.
    """

    key: str
    title: str
    total_bytes: int
    free_bytes: int
    parts: tuple[Part, ...] = ()
    limit_bytes: int | None = None


def places_of(picture: MemoryPicture, models_bytes: int, folder: Path) -> list[Place]:
    """The device if it has a memory of its own, the machine, and the disk.

    Args:
        models_bytes: what the app's models take on the disk.
        folder: the disk is the one that this folder is on, or will be.
    """
    has_own = picture.device.startswith("cuda")
    ram = Place(
        key="ram",
        title=t("models_memory.place_ram"),
        total_bytes=picture.ram_total,
        free_bytes=picture.ram_free,
        parts=_with_app(_parts(picture, "ram")),
        limit_bytes=None if has_own else picture.budget_bytes,
    )
    disk = _disk(_parts(picture, "disk"), models_bytes, folder)
    if not has_own:
        return [ram, disk]
    device = Place(
        key="gpu",
        title=picture.name or picture.device,
        total_bytes=picture.total,
        free_bytes=picture.free,
        parts=_parts(picture, "gpu"),
        limit_bytes=picture.budget_bytes,
    )
    return [device, ram, disk]


def _with_app(held: tuple[Part, ...]) -> tuple[Part, ...]:
    """The models, and what else this process takes."""
    rest_bytes = psutil.Process().memory_info().rss - sum(part.num_bytes for part in held)
    if rest_bytes <= 0:
        return held
    return (*held, Part(name=t("models_memory.app"), num_bytes=rest_bytes, look="mm-app"))


def _parts(picture: MemoryPicture, where: str) -> tuple[Part, ...]:
    """What is held in one place; a model has the same color in all of them."""
    names = list(dict.fromkeys(held.name for held in picture.held))
    return tuple(
        Part(
            name=held.name,
            num_bytes=held.num_bytes,
            why=held.why,
            look=f"mm-{names.index(held.name) % NUM_COLORS + 1}",
        )
        for held in picture.held
        if held.where == where and held.num_bytes
    )


def _disk(held: tuple[Part, ...], models_bytes: int, folder: Path) -> Place:
    """What is read again at every step is a part of the models' files, so it is not counted twice."""
    disk = shutil.disk_usage(existing(folder))
    streamed_bytes = sum(part.num_bytes for part in held)
    rest_bytes = max(models_bytes - streamed_bytes, 0)
    models = Part(name=t("models_memory.models"), num_bytes=rest_bytes, look="mm-app")
    return Place(
        key="disk",
        title=t("models_memory.place_disk"),
        total_bytes=disk.total,
        free_bytes=disk.free,
        parts=(*held, models) if rest_bytes else held,
    )


def existing(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder


def picture_html(places: Sequence[Place], said: Sequence[str] = ()) -> str:
    """Bars with a list of what is in each, and what was given up so that something fits."""
    given_up = "".join(f"<li>{safe(sentence)}</li>" for sentence in said)
    told = f'<ul class="mm-said">{given_up}</ul>' if given_up else ""
    return "".join(_place_html(place) for place in places) + told


def results_html(errand: Errand | None, tested: SelfTest | None) -> str:
    """What came of the last measurement, and a line for every model of the last self-test."""
    words = ""
    if errand is not None and not errand.is_running:
        is_good = errand.state == DONE and (tested is None or tested.good)
        look = "" if is_good else " mm-bad"
        words = f'<p class="mm-outcome{look}">{safe(errand.words)}</p>'
    rows = "".join(_result_html(row) for row in tested.rows) if tested is not None else ""
    return words + (f'<ul class="mm-tried">{rows}</ul>' if rows else "")


def _result_html(row: TestRow) -> str:
    look, mark = ("mm-yes", "✓") if row.good else ("mm-no", "✗")
    told = t("models_memory.drew") if row.good else t("models_memory.drew_not")
    seconds = f"<small>{safe(duration(row.seconds))}</small>" if row.good else ""
    return (
        f'<li class="{look}"><span role="img" aria-label="{safe(told)}">{mark}</span>'
        f"<p><strong>{safe(row.name)}</strong> {safe(row.sentence)} {safe(row.hint)} {seconds}</p>"
        "</li>"
    )


def _place_html(place: Place) -> str:
    named_bytes = sum(part.num_bytes for part in place.parts)
    used_bytes = max(place.total_bytes - place.free_bytes, 0)
    rest = "other_files" if place.key == "disk" else "others"
    others = Part(name=t(f"models_memory.{rest}"), num_bytes=max(used_bytes - named_bytes, 0))
    parts = [*place.parts, others] if others.num_bytes else list(place.parts)
    words = t("models_memory.free_of", free=gb(place.free_bytes), total=gb(place.total_bytes))
    told = ", ".join(f"{part.name} {gb(part.num_bytes)}" for part in parts)
    segments = "".join(_segment(part, place.total_bytes) for part in parts)
    return (
        f'<section class="mm-place" data-place="{place.key}"><header><h4>{safe(place.title)}</h4>'
        f"<p>{safe(words)}</p></header>"
        f'<div class="mm-bar" role="img" aria-label="{safe(f"{place.title}: {told}, {words}")}">'
        f"{segments}{_limit(place)}</div>"
        f'<ul class="mm-legend">{"".join(_legend(part) for part in parts)}{_limit_words(place)}</ul>'
        "</section>"
    )


def _segment(part: Part, total_bytes: int) -> str:
    share = max(part.num_bytes / max(total_bytes, 1), _MIN_SHARE)
    return f'<span class="{part.look}" style="width: {100 * min(share, 1):.2f}%"></span>'


def _limit(place: Place) -> str:
    if not _is_limited(place):
        return ""
    share = 100 * (place.limit_bytes or 0) / place.total_bytes
    return f'<i class="mm-limit" style="left: {share:.2f}%"></i>'


def _limit_words(place: Place) -> str:
    if not _is_limited(place):
        return ""
    words = t("models_memory.limit", size=gb(place.limit_bytes or 0))
    return f'<li><span class="mm-dot mm-mark"></span><p>{safe(words)}</p></li>'


def _is_limited(place: Place) -> bool:
    return place.limit_bytes is not None and place.limit_bytes < place.total_bytes


def _legend(part: Part) -> str:
    why = f"<small>{safe(part.why)}</small>" if part.why else ""
    return (
        f'<li><span class="mm-dot {part.look}"></span><p><strong>{safe(part.name)}</strong> '
        f"{gb(part.num_bytes)} {why}</p></li>"
    )
