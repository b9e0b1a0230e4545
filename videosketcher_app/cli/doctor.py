"""`doctor`: what is wrong with this machine or this copy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videosketcher_app.cli import options
from videosketcher_app.cli.console import Console

if TYPE_CHECKING:
    from videosketcher_app.core.settings import AppSettings
    from videosketcher_app.services.doctor import Finding

FOUND_TROUBLE = 1  # exit code


def doctor(
    bundle: Annotated[
        Path | None, typer.Option(help="Packs everything for a bug report.", metavar="FILE.zip")
    ] = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Measures this machine's speed for ten seconds.")
    ] = False,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Has every model that is here draw something tiny.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Looks for what would keep the app from working; exits 1 if it finds something."""
    from videosketcher_app.core.settings import load_settings
    from videosketcher_app.services.bundle import write_bundle
    from videosketcher_app.services.doctor import examine

    console = Console(quiet=quiet, as_json=as_json)
    settings = load_settings()
    tested = _tested(settings, console, calibrate=calibrate, self_test=self_test)
    findings = [*examine(settings), *tested]
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


def _tested(
    settings: AppSettings, console: Console, *, calibrate: bool, self_test: bool
) -> list[Finding]:
    """What is not only looked at but done; the calibration is kept for the row about the speed."""
    if not (calibrate or self_test):
        return []
    from videosketcher_app.services.container import build
    from videosketcher_app.services.model_manager.findings import self_test_findings

    with build(settings) as services, console.steps() as show:
        manager = services.model_manager
        if calibrate:
            manager.calibrate(lambda done: show("calibrating", round(100 * done), 100))
        if not self_test:
            return []
        result = manager.self_test(lambda at: show(f"drawing with {at.name}", at.index, at.total))
    return self_test_findings(result)
