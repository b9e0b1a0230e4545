"""Opens the app: `python app.py [--port 7860 --share ...]`; see `python app.py --help`."""

from __future__ import annotations

import sys

from videosketcher_app.__main__ import open_app
from videosketcher_app.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["app", *sys.argv[1:]], open_app=open_app))
