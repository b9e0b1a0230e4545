"""`codraw`: a session of drawing together, replayed from a script without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videosketcher_app.cli import options
from videosketcher_app.cli.console import Console
from videosketcher_app.cli.request_fields import request_fields

if TYPE_CHECKING:
    from collections.abc import Iterable

    from videosketcher_app.services.codraw.events import Event
    from videosketcher_app.services.codraw.session import Session


def codraw(
    context: typer.Context,
    script: Annotated[
        Path,
        typer.Option(
            "--script", help="A JSON file of turns.", show_default=False, metavar="TURNS.json"
        ),
    ],
    seed: options.Seed = None,
    width: options.Width = None,
    height: options.Height = None,
    fps: options.Fps = None,
    refine_backend: options.RefineBackend = None,
    model: options.Model = None,
    num_inference_steps: options.Steps = None,
    mode: options.Mode = None,
    device: options.Device = None,
    output_dir: options.OutputDir = None,
    gif: options.Gif = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Draws together with the model, turn by turn, as a script says."""
    from videosketcher_app.core.settings import load_settings
    from videosketcher_app.services.codraw.script import read_script, run_script
    from videosketcher_app.services.container import build

    console = Console(quiet=quiet, as_json=as_json)
    settings = load_settings(output_dir=output_dir, device=device)
    read = read_script(script, **request_fields(context.params))
    with build(settings) as services:
        session = services.codraw.open("", read.request)
        try:
            turns = tell(console, run_script(session, read))
            publish(console, session, settings.output_dir, turns, gif=gif)
        finally:
            services.codraw.close(session.id, "")


def tell(console: Console, events: Iterable[Event]) -> list[dict[str, Any]]:
    """Remarks on every turn of the model; returns them for --json."""
    from videosketcher_app.services.codraw.events import TurnBegan, TurnEnded

    turns: list[dict[str, Any]] = []
    for event in events:
        if isinstance(event, TurnBegan):
            console.remark(f"turn {event.turn}: drawing, seed {event.seed}")
        if isinstance(event, TurnEnded):
            console.remark(f"turn {event.turn}: {event.num_frames} frames, {event.ending}")
            turns.append(
                {
                    "turn": event.turn,
                    "frames": event.num_frames,
                    "ending": event.ending,
                    "seconds": round(event.seconds, 3),
                }
            )
    return turns


def publish(
    console: Console,
    session: Session,
    output_dir: Path,
    turns: list[dict[str, Any]],
    *,
    gif: bool,
) -> None:
    """Writes the session's files and prints where they are."""
    from videosketcher_app.services.codraw.publishing import publish_session

    folder = publish_session(session, output_dir, gif=gif)
    files = sorted(str(path) for path in folder.iterdir())
    value = {
        "folder": str(folder),
        "files": files,
        "concept": session.path()[1].concept,
        "seed": session.request.seed,
        "model": session.request.model,
        "turns": turns,
    }
    console.result(value, str(folder / f"{folder.name}.mp4"))
