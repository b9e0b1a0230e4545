"""The budget in GB that somebody chose for the app; kept over restarts."""

from __future__ import annotations

import json
import math
from pathlib import Path

from videosketcher_app.core.errors import AppError
from videosketcher_app.storage import atomic, bounded

FILE = "memory.json"
MAX_FILE_BYTES = 10_000
LEAST_GB, STEP_GB = 1.0, 0.5


class BudgetNote:
    """The file that holds the budget.

    Args:
        folder: the workspace's.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE

    def read(self) -> float | None:
        """What was chosen; None if nothing was, or the file is damaged."""
        try:
            values = json.loads(
                bounded.read_text(self._file, max_bytes=MAX_FILE_BYTES, what="memory budget")
            )
            gb = values["budget_gb"]
        except (AppError, ValueError, KeyError, TypeError, RecursionError):
            return None
        is_number = isinstance(gb, int | float) and not isinstance(gb, bool)
        return float(gb) if is_number and math.isfinite(gb) and gb > 0 else None

    def keep(self, gb: float | None) -> None:
        """Notes another choice; None is all that there is.

        Raises:
            CannotWrite: the workspace cannot be written.
        """
        atomic.write_json(self._file, {"budget_gb": gb})
