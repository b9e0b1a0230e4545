"""The composition root: the one place that knows the command line and the window."""

from __future__ import annotations

import gc
import os
import sys
import webbrowser

from videosketcher_app.cli.main import main as run_command
from videosketcher_app.core.secret import drop_keys_from_environment
from videosketcher_app.core.settings import AppSettings
from videosketcher_app.services.instance import (
    AlreadyRunning,
    InstanceLock,
    wait_for_address,
)
from videosketcher_app.services.launch import LaunchOptions
from videosketcher_app.services.logs import start_logging, stop_logging
from videosketcher_app.storage.paths import Workspace


def open_app(settings: AppSettings, options: LaunchOptions) -> None:
    """Serves the window until somebody stops it; shows the one that is open already, if there is.

    Raises:
        AppError: the workspace cannot be locked, or a port cannot be had.
    """
    path = Workspace(settings.workspace).lock
    lock = InstanceLock(path)
    try:
        lock.acquire()
    except AlreadyRunning as running:
        holder = wait_for_address(path)
        if holder is None or not holder.url:
            raise
        sys.stdout.write(f"{running.message} Its page: {holder.url}\n")
        sys.stdout.flush()
        if options.open_browser:
            webbrowser.open(holder.url)
        return
    try:
        _serve(settings, options, lock)
    finally:
        lock.release()


def _serve(settings: AppSettings, options: LaunchOptions, lock: InstanceLock) -> None:
    # Gradio reads it when it is imported: no figures to anyone.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    # Almost everything that comes until the page is up stays: looking through it again and again for
    # garbage finds none, and takes a fifth of the start.
    gc.disable()
    from videosketcher_app.services.container import build
    from videosketcher_app.ui.serving import serve

    log = start_logging(settings)
    # The settings and the log's filter know the keys now; no child process needs them.
    drop_keys_from_environment()

    def on_up(port: int, url: str) -> None:
        gc.freeze()
        gc.enable()
        lock.announce(port=port, url=url)

    try:
        with build(settings, notices=options.notices) as services:
            serve(services, options, announce=on_up)
    finally:
        gc.enable()
        stop_logging(log)


def main() -> int:
    """Runs the command in the process's own arguments."""
    return run_command(open_app=open_app)


if __name__ == "__main__":
    sys.exit(main())
