"""`app`: opens the window in the browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from videosketcher_app.cli import options
from videosketcher_app.core.access import FREE_SPACE_FLOOR_BYTES
from videosketcher_app.core.errors import InvalidRequest, MissingModel
from videosketcher_app.core.settings import AppSettings
from videosketcher_app.services.launch import LaunchOptions
from videosketcher_app.services.start_settings import load_start_settings

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - what --listen asks for; guests only, behind a password
_SHARING = "Sharing"
_GIB = 1024**3


Opener = Callable[[AppSettings, LaunchOptions], None]


def _sharing(*names: str, text: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, help=text, metavar=metavar, rich_help_panel=_SHARING)


def open_window(
    context: typer.Context,
    host: Annotated[
        str | None,
        _sharing("--host", "--server", text="Where guests may come in. Default: nobody may."),
    ] = None,
    port: Annotated[int | None, typer.Option(help="Default: 7860, or the next free one.")] = None,
    listen: Annotated[
        bool, _sharing("--listen", text="Guests of this network may come in.")
    ] = False,
    share: Annotated[bool, _sharing("--share", text="A public link for guests.")] = False,
    auth: Annotated[
        str | None,
        _sharing("--auth", metavar="USER:PASSWORD", text="Login of guests. Default: made up."),
    ] = None,
    class_: Annotated[
        bool, _sharing("--class", text="30 guests, and a wall of finished drawings.")
    ] = False,
    keep_free: Annotated[
        float | None, _sharing("--keep-free", metavar="GB", text="Of the disk. Default: 5.")
    ] = None,
    queue_size: Annotated[int | None, typer.Option(help="Sketches that may wait.")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Opens no page.")] = False,
    refine_backend: options.RefineBackend = None,
    model: options.Model = None,
    checkpoint: Annotated[
        Path | None, options.option("--checkpoint", "Weights of the co-drawing model.", "Model")
    ] = None,
    memory: Annotated[
        float | None,
        options.option("--memory", "Device memory to use at most.", "Model", metavar="GB"),
    ] = None,
    device: options.Device = None,
    output_dir: options.OutputDir = None,
) -> None:
    """Opens the app in the browser."""
    if listen and host is not None:
        raise InvalidRequest("--listen and --host exclude each other.", hint="Leave one out.")
    _refuse_checkpoint(checkpoint)
    settings, notices = load_start_settings(
        host=EVERY_ADDRESS if listen else host,
        port=port,
        queue_size=queue_size,
        refine_backend=refine_backend,
        device=device,
        output_dir=output_dir,
        memory_gb=memory,
    )
    launch = LaunchOptions(
        share=share,
        login=_login(auth),
        is_class=class_,
        open_browser=not no_browser,
        model=_known(model),
        keep_free_bytes=_bytes(keep_free),
        notices=tuple(notices),
    )
    assert context.obj is not None, "the composition root passes the window's opener"
    context.obj(settings, launch)


def _login(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise InvalidRequest(
            "--auth needs a user and a password.", hint="Write --auth USER:PASSWORD."
        )
    return user, password


def _known(model: str | None) -> str | None:
    """The name, if the catalogue has it: said before a page opens that could draw nothing."""
    if model is not None:
        from videosketcher_app.models.catalogue import list_models

        names = [row["name"] for row in list_models()]
        if model not in names:
            raise InvalidRequest(
                f"There is no model named {model!r}.", hint=f"Known models: {', '.join(names)}."
            )
    return model


def _refuse_checkpoint(path: Path | None) -> None:
    """Says that a published checkpoint alone cannot draw, instead of leaving it out in silence.

    Raises:
        InvalidRequest: there is no such file.
        MissingModel: what it needs beside it is not on this disk.
    """
    if path is None:
        return
    if not path.is_file():
        raise InvalidRequest(
            f"The checkpoint {path} is not there.",
            hint="Check the path, or leave --checkpoint out.",
        )
    raise MissingModel(
        f"{path.name} needs Wan's text encoder and VAE, which are not on this disk.",
        hint="Leave --checkpoint out to draw together with the shipped model.",
    )


def _bytes(gigabytes: float | None) -> int:
    if gigabytes is None:
        return FREE_SPACE_FLOOR_BYTES
    if not 0 <= gigabytes <= 1_000_000:
        raise InvalidRequest(
            f"--keep-free takes 0 to 1000000 GB. Received: {gigabytes}.", hint="Try --keep-free 5."
        )
    return int(gigabytes * _GIB)
