"""The app's log: a file in the workspace that turns over, without keys and without prompts.

Prompts are logged at DEBUG only. The file is for the person at the machine and for
`doctor --bundle`; the terminal shows warnings.
"""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from videosketcher_app.core.errors import CannotWrite
from videosketcher_app.core.settings import AppSettings
from videosketcher_app.services.secrets_filter import SecretsFilter, secrets_of
from videosketcher_app.storage.paths import Workspace

LOG_FILE = "app.log"
FILE_BYTES = 1_000_000
NUM_OLD_FILES = 4
ROOT_LOGGER = "videosketcher_app"
_LINE = "%(asctime)s %(levelname)s %(name)s %(threadName)s: %(message)s"


class CleanFormatter(logging.Formatter):
    """Formats a record and its traceback, then takes secrets out of the whole."""

    def __init__(self, secrets: SecretsFilter) -> None:
        super().__init__(_LINE)
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """One record as text without secrets."""
        return self._secrets.clean(super().format(record))


def start_logging(settings: AppSettings) -> logging.Handler:
    """Logs to the workspace from now on; the handler goes to `stop_logging`.

    Raises:
        CannotWrite: the workspace's log folder cannot be written.
    """
    folder = Workspace(settings.workspace).logs
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            folder / LOG_FILE, maxBytes=FILE_BYTES, backupCount=NUM_OLD_FILES, encoding="utf-8"
        )
    except OSError as error:
        raise CannotWrite(
            f"The log in {folder} cannot be written: {error.strerror or error}.",
            hint="Choose another workspace with VIDEOSKETCHER_WORKSPACE.",
        ) from error
    handler.setFormatter(CleanFormatter(SecretsFilter(secrets_of(settings))))
    handler.setLevel(settings.log_level)
    logger = logging.getLogger(ROOT_LOGGER)
    logger.setLevel(settings.log_level)
    logger.addHandler(handler)
    return handler


def stop_logging(handler: logging.Handler) -> None:
    """Closes the log."""
    logging.getLogger(ROOT_LOGGER).removeHandler(handler)
    handler.close()


def log_files(settings: AppSettings) -> list[Path]:
    """The log and its older files, the newest first."""
    files = Workspace(settings.workspace).logs.glob(f"{LOG_FILE}*")
    return sorted(files, key=lambda path: path.stat().st_mtime, reverse=True)
