"""`app`: opens the window in the browser."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer

from videosketcher_app.cli import options
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.settings import AppSettings


@dataclass(frozen=True, kw_only=True)
class LaunchOptions:
    """What only the window needs to know; `login` is (user, password) or None."""

    share: bool = False
    login: tuple[str, str] | None = None
    open_browser: bool = True
    model: str | None = None


Opener = Callable[[AppSettings, LaunchOptions], None]


def open_window(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Default: this machine only.")] = None,
    port: Annotated[int | None, typer.Option(help="Default: 7860.")] = None,
    share: Annotated[bool, typer.Option("--share", help="Opens a public link too.")] = False,
    auth: Annotated[str | None, typer.Option(metavar="USER:PASSWORD")] = None,
    queue_size: Annotated[int | None, typer.Option(help="Sketches that may wait.")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Opens no page.")] = False,
    refine_backend: options.RefineBackend = None,
    model: options.Model = None,
    device: options.Device = None,
    output_dir: options.OutputDir = None,
) -> None:
    """Opens the app in the browser."""
    from videosketcher_app.core.settings import load_settings

    settings = load_settings(
        host=host,
        port=port,
        queue_size=queue_size,
        refine_backend=refine_backend,
        device=device,
        output_dir=output_dir,
    )
    launch = LaunchOptions(
        share=share, login=_login(auth, share=share), open_browser=not no_browser, model=model
    )
    assert context.obj is not None, "the composition root passes the window's opener"
    context.obj(settings, launch)


def _login(text: str | None, *, share: bool) -> tuple[str, str] | None:
    """The login of the page; a public link never goes without one."""
    if text is None:
        return _made_up_login() if share else None
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise InvalidRequest(
            "--auth needs a user and a password.", hint="Write --auth USER:PASSWORD."
        )
    return user, password


def _made_up_login() -> tuple[str, str]:
    login = ("guest", secrets.token_urlsafe(9))
    print(f"A public link needs a login. User: {login[0]}  Password: {login[1]}", flush=True)
    return login
