"""The composition root: the one place that knows the command line and the window."""

from __future__ import annotations

import sys

from videosketcher_app.cli.main import main as run_command
from videosketcher_app.cli.window import LaunchOptions
from videosketcher_app.core.settings import AppSettings


def open_app(settings: AppSettings, options: LaunchOptions) -> None:
    """Builds the services and the window, and serves it until somebody stops it."""
    from videosketcher_app.services.container import build
    from videosketcher_app.ui.app import launch

    with build(settings) as services:
        launch(
            services,
            model=options.model,
            share=options.share,
            login=options.login,
            open_browser=options.open_browser,
        )


def main() -> int:
    """Runs the command in the process's own arguments."""
    return run_command(open_app=open_app)


if __name__ == "__main__":
    sys.exit(main())
