"""The composition root: the one place that knows the command line and the window."""

from __future__ import annotations

import os
import sys

from videosketcher_app.cli.main import main as run_command
from videosketcher_app.cli.window import LaunchOptions
from videosketcher_app.core.settings import AppSettings
from videosketcher_app.storage.paths import Workspace


def open_app(settings: AppSettings, options: LaunchOptions) -> None:
    """Builds the services and the window, and serves it until somebody stops it."""
    # Gradio reads these when it is imported: no figures to anyone, nothing outside our folder.
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("GRADIO_TEMP_DIR", str(Workspace(settings.workspace).cache / "gradio"))
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
