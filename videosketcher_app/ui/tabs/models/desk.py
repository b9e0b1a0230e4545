"""ModelDesk: what all pages of the owner know of the models, read once for all of them.

Looking at a disk full of models takes seconds, and asking what fits takes more. So the last look
is kept, pages are answered from it at once, and it is renewed beside them.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from videosketcher_app.core.errors import AppError
from videosketcher_app.services.container import Services
from videosketcher_app.services.model_manager.views import SelfTest
from videosketcher_app.ui.tabs.models.errands import Errand, Errands
from videosketcher_app.ui.tabs.models.shown import (
    FitLine,
    ShownModel,
    fit_lines,
    shown_models,
)

if TYPE_CHECKING:
    from videosketcher_app.services.downloads import DownloadView
    from videosketcher_app.services.model_manager.calibration import Calibration
    from videosketcher_app.services.model_manager.manager import ModelManager

logger = logging.getLogger(__name__)
_ENDED = frozenset({"done", "failed"})


@dataclass(frozen=True, kw_only=True)
class Looked:
    """The last look.

    Attributes:
        models: None before the first look.
        fits: by the model's name; those that are not asked yet are missing.
        calibration: what was measured on this machine; None if nothing was, or nobody has asked.
        flaw: why the last look failed; empty if it did not.
        own_bytes: of models and LoRAs in the app's own folders.
        number: grows with every look.
    """

    models: tuple[ShownModel, ...] | None = None
    fits: dict[str, tuple[FitLine, ...]] | None = None
    calibration: Calibration | None = None
    flaw: str = ""
    own_bytes: int = 0
    number: int = 0


class ModelDesk:
    """The models of one app.

    Args:
        started_with: the model that the app was started with.
    """

    def __init__(self, services: Services, started_with: str) -> None:
        self.services = services
        self.errands = Errands()
        self._started_with = started_with
        self._lock = threading.Lock()
        self._looked = Looked()
        self._num_changes = 0
        self.tested: SelfTest | None = None

    @property
    def manager(self) -> ModelManager:
        """What knows the device."""
        return self.services.model_manager

    @property
    def looked(self) -> Looked:
        """The last look."""
        return self._looked

    def changed(self) -> None:
        """Something on the disk is not what it was."""
        with self._lock:
            self._num_changes += 1

    def look(self) -> int:
        """Looks at the disk anew; the number of the look."""
        try:
            models = shown_models(self.services, self._started_with)
            use = self.services.model_store.disk_use()
        except AppError as error:
            return self._note(flaw=str(error))
        own_bytes = sum(use["models"].values()) + use["loras"] + use["converted"]
        return self._note(models=models, own_bytes=own_bytes, flaw="")

    def look_at_fits(self) -> int:
        """Asks anew what fits and how fast the machine is; the number of the look.

        The first question loads torch, which takes seconds.
        """
        models = self._looked.models or ()
        try:
            fits = {model.key: fit_lines(self.services, model) for model in models}
            return self._note(fits=fits, calibration=self.manager.calibration)
        except AppError as error:  # a device of the settings that this machine has not
            return self._note(flaw=str(error))

    def model(self, key: str) -> ShownModel | None:
        """One model of the last look."""
        return next((each for each in self._looked.models or () if each.key == key), None)

    def downloads(self) -> dict[str, DownloadView]:
        """A DownloadView for every name that has one."""
        return {view.name: view for view in self.services.downloads.views()}

    def state_of_disk(self) -> str:
        """A text that differs once something has changed what a look would find."""
        ended = sorted(
            f"{view.name} {view.state}"
            for view in self.downloads().values()
            if view.state in _ENDED
        )
        errands = sorted(
            f"{errand.key} {errand.words}"
            for errand in self.errands.view().values()
            if not errand.is_running
        )
        return f"{self._num_changes} {ended} {errands}"

    def errand(self, key: str) -> Errand | None:
        """What is, or was last, done with the files of one model."""
        return self.errands.view().get(key_of(key))

    def _note(self, **changes: object) -> int:
        with self._lock:
            self._looked = replace(
                self._looked,
                **changes,  # type: ignore[arg-type]
                number=self._looked.number + 1,
            )
            return self._looked.number


def key_of(key: str) -> str:
    """The errand with the files of one model: one at a time."""
    return f"files of {key}"
