"""The report that `doctor --bundle` packs: findings, versions, machine, settings, runs and logs.

Every text goes through the secrets filter. Prompts are in it only as part of the last runs'
records, so that a failing request can be replayed.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import zipfile
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from videosketcher_app import __version__
from videosketcher_app.core.settings import AppSettings
from videosketcher_app.services.doctor import Finding
from videosketcher_app.services.logs import log_files
from videosketcher_app.services.secrets_filter import SecretsFilter, secrets_of
from videosketcher_app.storage import atomic

BUNDLED_RUNS = 3
BUNDLED_LOG_BYTES = 1_000_000  # the newest bytes of each log file
RECORD_BYTES = 1_000_000


def write_bundle(path: Path, findings: list[Finding], settings: AppSettings) -> list[str]:
    """Packs the report and returns the names in it.

    Raises:
        CannotWrite: the file cannot be written.
    """
    secrets = SecretsFilter(secrets_of(settings))
    texts = {
        "doctor.json": _json([finding.to_mapping() for finding in findings]),
        "versions.json": _json(_versions()),
        "machine.json": _json(_machine()),
        "settings.json": _json(settings.model_dump(mode="json")),
        **_last_runs(settings.output_dir),
        **{f"logs/{log.name}": _tail(log, BUNDLED_LOG_BYTES) for log in log_files(settings)},
    }
    with (
        atomic.replacing(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as bundle,
    ):
        for name, text in texts.items():
            bundle.writestr(secrets.clean(name), secrets.clean(text))
    return list(texts)


def _versions() -> dict[str, Any]:
    installed = {found.metadata["Name"]: found.version for found in distributions()}
    ordered = dict(sorted(installed.items(), key=lambda item: str(item[0]).lower()))
    return {"videosketcher": __version__, "python": sys.version, "packages": ordered}


def _machine() -> dict[str, Any]:
    import psutil

    memory = psutil.virtual_memory()
    return {
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "memory_bytes": memory.total,
        "free_memory_bytes": memory.available,
        "file_system_encoding": sys.getfilesystemencoding(),
        "variables": sorted(name for name in os.environ if name.startswith("VIDEOSKETCHER_")),
    }


def _last_runs(output_dir: Path) -> dict[str, str]:
    records = [*output_dir.glob("*/*_config.json"), *output_dir.glob("*/*_run.json")]
    newest = sorted(records, key=lambda record: record.stat().st_mtime)[-2 * BUNDLED_RUNS :]
    return {f"runs/{r.parent.name}/{r.name}": _tail(r, RECORD_BYTES) for r in newest}


def _tail(path: Path, num_bytes: int) -> str:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - num_bytes, 0))
        return file.read(num_bytes).decode("utf-8", "replace")


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
