"""`doctor`: what is wrong with this machine or this copy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from videosketcher_app.cli import options
from videosketcher_app.cli.console import Console

FOUND_TROUBLE = 1  # exit code


def doctor(
    bundle: Annotated[
        Path | None, typer.Option(help="Packs everything for a bug report.", metavar="FILE.zip")
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Looks for what would keep the app from working; exits 1 if it finds something."""
    from videosketcher_app.core.settings import load_settings
    from videosketcher_app.services.bundle import write_bundle
    from videosketcher_app.services.doctor import examine

    console = Console(quiet=quiet, as_json=as_json)
    settings = load_settings()
    findings = examine(settings)
    for finding in findings:
        mark = "ok     " if finding.good else "TROUBLE"
        line = f"{mark} {finding.name}: {finding.found} {finding.hint}".strip()
        console.result(finding.to_mapping(), line)
    if bundle is not None:
        write_bundle(bundle, findings, settings)
        console.remark(
            f"packed into {bundle}: versions, machine, settings, the log and your last runs with "
            "their prompts; keys and passwords are taken out"
        )
    return 0 if all(finding.good for finding in findings) else FOUND_TROUBLE
