"""Measures one step of a run before its start, in a process of its own as the run itself.

The process is `train lora --dry-run`: it trains nothing and leaves its figures in the table of costs.
It ends with the app, and there is one at a time.
"""

from __future__ import annotations

import secrets
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.core.settings import AppSettings
from videosketcher_app.services.job import JobFailure
from videosketcher_app.services.model_shelf import pick_device
from videosketcher_app.services.training_runs.child import start_child
from videosketcher_app.services.training_runs.costs import budget_of, costs_of
from videosketcher_app.services.training_runs.run_folder import RunFolder
from videosketcher_app.services.training_runs.views import RunCost
from videosketcher_app.storage.folders import remove_folder

if TYPE_CHECKING:
    from videosketcher_app.training.style_request import StyleRunRequest

LIMIT_S = 600.0
_FOLDER = ".measured-"


def measure_here(request: StyleRunRequest, settings: AppSettings) -> RunCost:
    """Measures in this process, and keeps the figures in the workspace's table.

    Raises:
        AppError: the drawings, the preset or the model cannot be used, or the table cannot be
            written.
    """
    from videosketcher_app.training.style_calibration import calibrate

    costs, device = costs_of(settings), pick_device(settings.device)
    budget_bytes = budget_of(settings, device)
    costs.keep(request, calibrate(request, device=device, budget_bytes=budget_bytes))
    return costs.of(request)


class Measuring:
    """Measures for the app.

    Args:
        folder: the folder of all runs.
        variables: environment variables for the process.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self._folder, self._variables = folder, variables
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, request: StyleRunRequest) -> None:
        """Measures and waits for the end.

        Raises:
            InvalidRequest: something is being measured already.
            AppError: it did not work; the sentence says why.
        """
        if not self._lock.acquire(blocking=False):
            raise InvalidRequest("A step is being measured already.", hint="Wait for its end.")
        place = RunFolder(self._folder / f"{_FOLDER}{secrets.token_hex(4)}")
        try:
            self._measured(place, request)
        finally:
            self._process = None
            self._lock.release()
            with suppress(AppError):
                remove_folder(place.path)

    def close(self) -> None:
        """Ends the process; nothing of it is worth keeping."""
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()

    def _measured(self, place: RunFolder, request: StyleRunRequest) -> None:
        from videosketcher_app.training.style_request import write_request

        write_request(place.path, request)
        process = self._process = start_child(place, self._variables, dry=True)
        try:
            code = process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self.close()
            raise JobFailure(
                f"One step takes more than {LIMIT_S / 60:.0f} minutes here.",
                hint="Choose a smaller preset, or a machine with a graphics card.",
            ) from None
        if code:
            lines = place.log_tail(1000).strip().splitlines() or ["The process ended early."]
            raise JobFailure(
                f"One step could not be measured: {lines[-1][:300]}",
                hint="Start the run to see its log.",
            )
