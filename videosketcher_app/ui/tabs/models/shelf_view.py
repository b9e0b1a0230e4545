"""The cards of the models as HTML, and what on them changes from second to second."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from videosketcher_app.models.model_rows import KINDS
from videosketcher_app.services.model_shelf import ShelfState
from videosketcher_app.ui.components.gallery_grid import safe
from videosketcher_app.ui.components.status_bar import gb
from videosketcher_app.ui.tabs.models.errands import FAILED, Errand
from videosketcher_app.ui.tabs.models.shown import FitLine, ShownModel
from videosketcher_app.ui.tabs.train.run_view import duration
from videosketcher_app.ui.texts import t

if TYPE_CHECKING:
    from videosketcher_app.services.downloads import DownloadView

# Acts of a card, in the order of their buttons.
ACTS = ("download", "needs", "pause", "go_on", "stop", "use", "verify", "stop_check", "remove")
# What a button is called where its own word would mislead: by act, state and whether it is linked.
_LABELS = {("download", "partial", False): "rest", ("remove", "here", True): "forget"}
_MOVING = frozenset({"waiting", "running", "verifying"})
_LOOKS = {"shipped": "vs-ready", "here": "vs-ready", "found": "vs-loading", "damaged": "vs-failed"}


@dataclass(frozen=True, kw_only=True)
class Live:
    """What is going on with one model now.

    Attributes:
        download: None if there is none.
        errand: what is, or was last, done with its files.
        shelf: where its weights are.
    """

    download: DownloadView | None = None
    errand: Errand | None = None
    shelf: ShelfState = field(default_factory=ShelfState)

    @property
    def is_downloading(self) -> bool:
        """True from the press until the files are here, or somebody has paused or stopped it."""
        return self.download is not None and self.download.state in _MOVING

    @property
    def is_checked(self) -> bool:
        """True while its files are read."""
        return self.errand is not None and self.errand.is_running


def groups_html(
    models: Sequence[ShownModel], fits: dict[str, tuple[FitLine, ...]] | None
) -> list[dict[str, Any]]:
    """Groups of cards: [{"title", "cards": [{"key", "here", "html"}]}], without empty ones."""
    groups = []
    for kind in KINDS:
        cards = [
            {"key": model.key, "here": model.is_here, "html": card_html(model, fits)}
            for model in models
            if model.kind == kind
        ]
        if cards:
            groups.append({"title": t(f"models.kind_{kind}"), "cards": cards})
    return groups


def card_html(model: ShownModel, fits: dict[str, tuple[FitLine, ...]] | None) -> str:
    """One card; what changes by itself has empty places in it, and buttons wait to be offered."""
    name = safe(model.name)
    buttons = "".join(_button(act, model) for act in ACTS)
    lines = fits.get(model.key) if fits is not None else None
    return (
        f'<header><h4>{name}</h4><p class="ms-state vs-state" role="status"></p></header>'
        f'<p class="ms-about">{safe(model.about)}</p>'
        f'<div class="ms-moving" hidden><progress aria-label="{safe(t("models.progress"))}"'
        f' value="0" max="1"></progress><p class="ms-facts"></p></div>'
        f'<p class="ms-told"></p>{_facts_html(model)}{fits_html(lines)}'
        f'<div class="cd-acts">{buttons}</div>'
    )


def _button(act: str, model: ShownModel) -> str:
    looks = {
        "download": " cd-go",
        "needs": " cd-go",
        "use": " cd-go",
        "stop": " cd-stop",
        "remove": " ms-quiet",
    }
    key = safe(model.key)
    label = t(f"models.act_{_LABELS.get((act, model.state, model.is_linked), act)}")
    told = t("models.act_of", act=label, name=model.name)
    return (
        f'<button type="button" class="cd-word{looks.get(act, "")}" data-do="{act}"'
        f' data-name="{key}" data-key="{act}-{key}" aria-label="{safe(told)}" hidden>'
        f"{safe(label)}</button>"
    )


def _facts_html(model: ShownModel) -> str:
    rows = {
        t("models.size"): size_words(model),
        t("models.licence"): model.licence,
        t("models.needs"): needs_words(model),
        t("models.where"): str(model.where) if model.where is not None else "",
        t("models.source"): "" if model.is_here else model.source,
    }
    listed = "".join(
        f"<dt>{safe(key)}</dt><dd>{safe(value)}</dd>" for key, value in rows.items() if value
    )
    return f'<dl class="ms-list">{listed}</dl>' if listed else ""


def size_words(model: ShownModel) -> str:
    """What it takes on the disk, and how much of that is here; nothing if nobody knows."""
    total = gb(model.total_bytes) if model.total_bytes else ""
    here = gb(model.num_bytes) if model.num_bytes else ""
    if model.state == "partial" and total and here:
        return t("models.part_of", here=here, total=total)
    return here if model.is_here and here else total or here


def needs_words(model: ShownModel) -> str:
    """The other models that it draws with, and which of them have to be downloaded too."""
    if not model.needs:
        return ""
    words = ", ".join(model.needs)
    if not model.missing:
        return words
    return t("models.needs_missing", needs=words, missing=", ".join(model.missing))


def fits_html(lines: Sequence[FitLine] | None) -> str:
    """The first preset's line, and the others behind a fold."""
    if not lines:
        return ""
    first, *rest = [_fit_html(line) for line in lines]
    if not rest:
        return f'<ul class="ms-fits">{first}</ul>'
    words = safe(t("models.more_presets", count=len(rest)))
    return (
        f'<ul class="ms-fits">{first}</ul><details class="ms-more"><summary data-key="fold">{words}'
        f'</summary><ul class="ms-fits">{"".join(rest)}</ul></details>'
    )


def _fit_html(line: FitLine) -> str:
    look, mark = ("ms-fits-yes", "✓") if line.fits else ("ms-fits-no", "✗")
    told = t("models.fits_yes") if line.fits else t("models.fits_no")
    return (
        f'<li class="{look}"><span role="img" aria-label="{safe(told)}">{mark}</span>'
        f"<p><strong>{safe(line.label)}</strong> {safe(line.words)}</p></li>"
    )


def live_value(model: ShownModel, live: Live) -> dict[str, Any]:
    """What changes by itself: {"look", "state", "done", "total", "facts", "words", "ok", "can"}.

    `total` is 0 where nothing moves.
    """
    look, state = state_words(model, live)
    words, ok = _told(model, live)
    return {
        "look": look,
        "state": state,
        **_moving(live),
        "words": words,
        "ok": ok,
        "can": allowed(model, live),
    }


def state_words(model: ShownModel, live: Live) -> tuple[str, str]:
    """A class of the page's style, and the state in a few words."""
    download = live.download
    if download is not None and download.state != "done":
        look = "vs-failed" if download.state == "failed" else "vs-loading"
        return look, t(f"models.download_{download.state}")
    if live.is_checked:
        return "vs-loading", t("models.state_checking")
    match live.shelf.state:
        case "ready":
            return "vs-ready", t("models.state_ready")
        case "loading":
            return "vs-loading", t("models.state_loading")
        case "failed":
            return "vs-failed", t("models.state_failed")
    return _LOOKS.get(model.state, "vs-idle"), t(f"models.state_{model.state}")


def allowed(model: ShownModel, live: Live) -> list[str]:
    """What can be done with a model as it is now, in the order of `ACTS`."""
    download = live.download.state if live.download is not None else ""
    is_busy = live.is_downloading or live.is_checked
    is_open = download in ("paused", "failed")
    possible = {
        "download": model.state in ("absent", "partial")
        and bool(model.source)
        and not (is_busy or is_open),
        "needs": model.is_here and bool(model.missing) and not is_busy,
        "pause": download in ("waiting", "running"),
        "go_on": is_open,
        "stop": live.is_downloading or is_open,
        "use": model.state == "found" and not is_busy,
        "verify": model.is_here and not model.is_imported_lora and not is_busy,
        "stop_check": live.is_checked,
        "remove": model.state in ("here", "partial", "damaged") and not (is_busy or is_open),
    }
    return [act for act in ACTS if possible[act]]


def _moving(live: Live) -> dict[str, Any]:
    download = live.download
    if live.is_checked and live.errand is not None:
        errand = live.errand
        return {"done": errand.done, "total": errand.total, "facts": errand.words}
    if download is None or download.state in ("done", "failed"):
        return {"done": 0, "total": 0, "facts": ""}
    return {
        "done": download.bytes_done,
        "total": download.bytes_total or 0,
        "facts": download_words(download),
    }


def download_words(download: DownloadView) -> str:
    """How much is here, how fast it comes, how long that takes, and what is done with it now."""
    phrases = [gb(download.bytes_done)]
    if download.bytes_total:
        of = {"done": gb(download.bytes_done), "total": gb(download.bytes_total)}
        phrases = [t("models.of", **of)]
    if download.state == "running" and download.rate:
        phrases.append(t("models.rate", rate=gb(int(download.rate))))
    if download.state == "running" and download.seconds_left is not None:
        phrases.append(t("models.left", time=duration(download.seconds_left)))
    if download.message:
        phrases.append(download.message)
    return " · ".join(phrases)


def line_words(downloads: Collection[DownloadView]) -> str:
    """What is on its way and what comes after it, in one line for the top of the cards."""
    now = [each for each in downloads if each.state in ("running", "verifying")]
    words = [f"{each.name}: {download_words(each)}" for each in now]
    then = [each.name for each in downloads if each.state == "waiting"]
    if then:
        words.append(t("models.then", names=", ".join(then)))
    return " · ".join(words)


def _told(model: ShownModel, live: Live) -> tuple[str, bool]:
    """What the person should read about the model, and whether that is good news."""
    download = live.download
    if download is not None and download.state == "failed":
        return f"{download.message} {download.hint}".strip(), False
    if live.is_downloading or live.is_checked:
        return "", True  # what was found before is looked at again
    if live.errand is not None:
        return live.errand.words, live.errand.state != FAILED
    if live.shelf.error is not None:
        return str(live.shelf.error), False
    return model.flaw, not model.flaw
