"""What can be done with a model: each act answers with the sentence that the person reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import DamagedModel, InvalidRequest
from videosketcher_app.ui.tabs.models.desk import ModelDesk, key_of
from videosketcher_app.ui.tabs.models.errands import Told
from videosketcher_app.ui.texts import t

MAX_NAME = 200
# (desk, key of a model) -> what the person reads.
Act = Callable[[ModelDesk, str], str]


def download(desk: ModelDesk, name: str) -> str:
    """Begins to fetch its files."""
    desk.errands.forget(key_of(name))  # what was said of the old files is over
    desk.services.downloads.start(name)
    return t("models.download_begun", name=name)


def needs(desk: ModelDesk, name: str) -> str:
    """Begins to fetch what it draws with and is not here; its own files stay as they are."""
    model = desk.model(name)
    missing = model.missing if model is not None else ()
    for each in missing:
        desk.services.downloads.start(each)
    return t("models.download_begun", name=", ".join(missing))


def pause(desk: ModelDesk, name: str) -> str:
    """What has come stays on the disk."""
    desk.services.downloads.pause(name)
    return t("models.download_pausing", name=name)


def go_on(desk: ModelDesk, name: str) -> str:
    """Fetches the rest."""
    desk.services.downloads.go_on(name)
    return t("models.download_begun", name=name)


def stop(desk: ModelDesk, name: str) -> str:
    """Gives a download up."""
    desk.services.downloads.stop(name)
    desk.changed()
    return t("models.download_stopping", name=name)


def verify(desk: ModelDesk, name: str) -> str:
    """Begins to compare its files with what was published."""

    def work(told: Told, cancel: CancelToken) -> str:
        def on_progress(done: int, total: int) -> None:
            told(t("models.checking"), done, total)

        report = desk.services.model_store.verify(name, on_progress, cancel)
        if not report.is_good:
            raise DamagedModel(report.sentence, hint=t("models.check_bad_hint"))
        return report.sentence

    desk.errands.start(key_of(name), t("models.checking"), work)
    return t("models.check_begun", name=name)


def use(desk: ModelDesk, name: str) -> str:
    """Begins to draw with the files that are elsewhere on this disk; nothing is copied."""

    def work(told: Told, _cancel: CancelToken) -> str:
        told(t("models.using"))
        store = desk.services.model_store
        place = next((card.place for card in store.cards() if card.row.name == name), None)
        if place is None:
            raise InvalidRequest(
                t("models.place_gone", name=name), hint=t("models.place_gone_hint")
            )
        store.use_place(name, place)
        return t("models.used", folder=place.folder)

    desk.errands.start(key_of(name), t("models.using"), work)
    return t("models.use_begun", name=name)


def stop_check(desk: ModelDesk, name: str) -> str:
    """Ends what is done with its files."""
    desk.errands.stop(key_of(name))
    return t("models.check_stopping", name=name)


def remove(desk: ModelDesk, name: str) -> str:
    """Its files leave this disk; those that are elsewhere are only forgotten."""
    model = desk.model(name)
    if model is not None and model.is_imported_lora:
        desk.services.loras.remove(model.name)
    else:
        desk.services.model_store.remove(name)
    desk.errands.forget(key_of(name))
    desk.changed()
    is_linked = model is not None and model.is_linked
    words = "models.forgotten" if is_linked else "models.removed"
    return t(words, name=model.name if model is not None else name)


ACTS: dict[str, Act] = {
    "download": download,
    "needs": needs,
    "pause": pause,
    "go_on": go_on,
    "stop": stop,
    "use": use,
    "verify": verify,
    "stop_check": stop_check,
    "remove": remove,
}


def name_of(data: Any) -> str:
    """The model that an event is about.

    Raises:
        InvalidRequest: it names none.
    """
    name = data.get("name") if isinstance(data, dict) else None
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
        raise InvalidRequest(t("train.not_understood"), hint=t("train.not_understood_hint"))
    return name
